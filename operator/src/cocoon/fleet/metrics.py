"""What the operator tells Prometheus. Labels are bounded: no job, server or tenant is ever one."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from cocoon.fleet.outcomes import Outcomes
from cocoon.fleet.stock_metrics import StockMetrics

#: What becomes of an Event: written; left out because there were too many at once, because the same was said a short
#: while ago, or because this replica leads no more; or not taken by the API server.
OUTCOMES = ("Written", "TooMany", "SaidBefore", "Forgotten", "Failed")
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """All of the operator's metrics, in a registry of their own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self.registry = registry
        self.round_seconds = Histogram(
            "cocoon_fleet_round_seconds", "Time to plan one round.", buckets=_FAST, registry=registry
        )
        self.round_actions = Histogram(
            "cocoon_fleet_round_actions",
            "Actions that one round asked for.",
            buckets=(0, 1, 3, 10, 30, 100, 300, 1000, 3000),
            registry=registry,
        )
        self.broken_rounds = Counter(
            "cocoon_fleet_broken_rounds_total", "Rounds that ended in a bug.", registry=registry
        )
        self.actions = Counter(
            "cocoon_fleet_actions_total", "Actions carried out.", ["kind", "outcome"], registry=registry
        )
        self.action_seconds = Histogram(
            "cocoon_fleet_action_seconds", "Time of one action.", ["kind"], buckets=_FAST, registry=registry
        )
        self.running_actions = Gauge("cocoon_fleet_running_actions", "Actions under way.", registry=registry)
        self.backing_off = Gauge(
            "cocoon_fleet_backing_off", "Objects whose actions wait after a failure.", registry=registry
        )
        self.announcements = Counter(
            "cocoon_fleet_announcements_total", "Kubernetes Events for people.", ["outcome"], registry=registry
        )
        for outcome in OUTCOMES:
            self.announcements.labels(outcome)
        self.api_calls = Counter(
            "cocoon_fleet_api_calls_total", "Calls of the Kubernetes API.", ["verb", "code"], registry=registry
        )
        self.events = Counter(
            "cocoon_fleet_watch_events_total", "Changes noted from watches.", ["kind", "outcome"], registry=registry
        )
        self.objects = Gauge("cocoon_fleet_mirrored_objects", "Objects in the mirror.", ["kind"], registry=registry)
        self.relist_seconds = Gauge("cocoon_fleet_relist_seconds", "Time of the last full LIST.", registry=registry)
        self.jobs = Gauge("cocoon_fleet_jobs", "Jobs that are not finished.", ["model", "state"], registry=registry)
        self.servers = Gauge("cocoon_fleet_servers", "Servers that exist.", ["model", "state"], registry=registry)
        self.first_verdict_ends = Gauge(
            "cocoon_fleet_first_verdict_ends_seconds", "Time until the first verdict ends.", registry=registry
        )
        self.unreachable = Gauge("cocoon_fleet_unreachable_servers", "Servers without contact.", registry=registry)
        self.outcomes = Outcomes(registry)
        self.stock = StockMetrics(registry)
        self.leading = Gauge("cocoon_fleet_leading", "1 while this replica acts.", registry=registry)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
