"""The operator's gauges, set from the snapshot when Prometheus asks: they cost nothing in between."""

from __future__ import annotations

from collections import Counter

from cocoon.api.times import Instant
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.outcomes import MOST_MODELS, OTHER
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import is_retiring, trust_obstacle
from cocoon.fleet.stock import count_stock, show


def set_gauges(snapshot: Snapshot, metrics: Metrics, now: Instant) -> None:
    """Set all gauges to what is known at this time."""
    offered = sorted(model for model, providers in snapshot.providers_of_model.items() if providers)
    models = frozenset(offered[:MOST_MODELS])
    show(metrics.jobs, _jobs(snapshot, models))
    show(metrics.servers, _servers(snapshot, models, now))
    count_stock(snapshot, metrics.stock, models, now)
    metrics.unreachable.set(sum(view.unreachable_since is not None for view in snapshot.runners.values()))
    ends = [known.verdict.not_after for known in snapshot.attestations.values() if known.verdict is not None]
    metrics.first_verdict_ends.set(min(ends) - now if ends else 0.0)


def _jobs(snapshot: Snapshot, models: frozenset[str]) -> Counter[tuple[str, str]]:
    unfinished = (job for job in snapshot.jobs.values() if not job.finished)
    return Counter((job.model if job.model in models else OTHER, job.status.state) for job in unfinished)


def _servers(snapshot: Snapshot, models: frozenset[str], now: Instant) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for server in snapshot.servers.values():
        trusted = not trust_obstacle(snapshot, server, now)
        state = "Retiring" if is_retiring(snapshot, server) else "Attested" if trusted else "Starting"
        found[server.model if server.model in models else OTHER, state] += 1
    return found
