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
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.leading = self._gauge("leading", "1 while this replica acts.")
        self._of_the_loop()
        self._of_kubernetes()
        self.jobs = self._gauge("jobs", "Jobs that are not finished.", "model", "state")
        self.servers = self._gauge("servers", "Servers that exist.", "model", "state")
        self.first_verdict_ends = self._gauge("first_verdict_ends_seconds", "Time until the first verdict ends.")
        self.unreachable = self._gauge("unreachable_servers", "Servers without contact.")
        self.outcomes = Outcomes(self.registry)
        self.stock = StockMetrics(self.registry)

    def _of_the_loop(self) -> None:
        self.round_seconds = Histogram(
            "cocoon_fleet_round_seconds", "Time to plan one round.", buckets=_FAST, registry=self.registry
        )
        self.round_actions = Histogram(
            "cocoon_fleet_round_actions",
            "Actions that one round asked for.",
            buckets=(0, 1, 3, 10, 30, 100, 300, 1000, 3000),
            registry=self.registry,
        )
        self.broken_rounds = self._counter("broken_rounds", "Rounds that ended in a bug.")
        self.actions = self._counter("actions", "Actions carried out.", "kind", "outcome")
        self.action_seconds = Histogram(
            "cocoon_fleet_action_seconds", "Time of one action.", ["kind"], buckets=_FAST, registry=self.registry
        )
        self.running_actions = self._gauge("running_actions", "Actions under way.")
        self.backing_off = self._gauge("backing_off_objects", "Objects whose actions wait after a failure.")

    def _of_kubernetes(self) -> None:
        self.announcements = self._counter("announcements", "Kubernetes Events for people.", "outcome")
        for outcome in OUTCOMES:
            self.announcements.labels(outcome)
        self.api_calls = self._counter("api_calls", "Calls of the Kubernetes API.", "verb", "code")
        self.events = self._counter("watch_events", "Changes noted from watches.", "kind", "outcome")
        self.watches_ended = self._counter("watches_ended", "Times that all watches ended and were started again.")
        self.objects = self._gauge("mirrored_objects", "Objects in the mirror.", "kind")
        self.relist_seconds = self._gauge("relist_seconds", "Time of the last full LIST.")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"cocoon_fleet_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"cocoon_fleet_{name}", text, labels, registry=self.registry)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
