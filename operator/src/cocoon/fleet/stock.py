"""What there is, counted from the snapshot when Prometheus asks: servers, nodes and heads of queues, never all jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec
from prometheus_client import Gauge

from cocoon.api.conditions import find
from cocoon.api.times import Instant, parse_time
from cocoon.fleet.outcomes import OTHER
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.nodes import technology_of
from cocoon.fleet.plan.records import Attestation, Job, Node, Provider
from cocoon.fleet.plan.reporting import is_reported
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import obstacle
from cocoon.fleet.plan.stocktaking import free_slots
from cocoon.fleet.stock_metrics import StockMetrics

_AGES: Final = ((900.0, "15m"), (3600.0, "1h"), (14400.0, "4h"))
Counts = Counter[tuple[str, ...]]
Labels = TypeVar("Labels", bound=tuple[str, ...])


def count_stock(snapshot: Snapshot, metrics: StockMetrics, models: frozenset[str], now: Instant) -> None:
    """Set all gauges; `models` are those with series of their own."""
    _hardware(snapshot, metrics, now)
    show(metrics.slots, _slots(snapshot, models, now))
    show(metrics.providers, Counter((_readiness(each),) for each in snapshot.providers.values()))
    _waiting(snapshot, metrics, models, now)
    _attestations(snapshot, metrics, now)
    _payouts(snapshot, metrics, now)
    known = snapshot.keyrings.known
    show(metrics.keyrings, Counter(("Answering" if keyring.answers else "Silent",) for keyring in known))


def show(gauge: Gauge, counts: Counter[Labels]) -> None:
    """Have a gauge show these counts by label values, and nothing else."""
    gauge.clear()
    for labels, number in counts.items():
        gauge.labels(*labels).set(number)


def _hardware(snapshot: Snapshot, metrics: StockMetrics, now: Instant) -> None:
    gpus: Counts = Counter({("Serving",): 0, ("Others",): 0, ("Free",): 0, ("Unavailable",): 0})
    states: dict[str, str] = {}
    for node, resource in _offered(snapshot):
        state = states[node.name] = _state(snapshot, node, now)
        total, free = node.allocatable.get(resource, 0), snapshot.capacity.free(node, resource)
        ours = snapshot.capacity.ours(node.name, resource)
        gpus["Serving",] += ours
        if isinstance(free, str):
            gpus["Unavailable",] += max(0, total - ours)
            continue
        gpus["Others",] += total - free - ours
        gpus["Free" if state == "Ready" else "Unavailable",] += free
    show(metrics.gpus, gpus)
    nodes: Counts = Counter({("Quarantined",): 0})
    nodes.update((state,) for state in states.values())
    show(metrics.nodes, nodes)


def _offered(snapshot: Snapshot) -> list[tuple[Node, str]]:
    """Nodes that providers offer, and the GPUs they offer there. Providers with the same words are looked at once."""
    found: dict[tuple[str, str], tuple[Node, str]] = {}
    seen: set[bytes] = set()
    for provider in snapshot.providers.values():
        words = msgspec.json.encode((provider.spec.nodes.selector, provider.technologies))
        if words not in seen:
            seen.add(words)
            found.update(((node.name, resource), (node, resource)) for node, resource in _of(snapshot, provider))
    return list(found.values())


def _of(snapshot: Snapshot, provider: Provider) -> Iterator[tuple[Node, str]]:
    for node in snapshot.offered_nodes(provider):
        technology = technology_of(provider, node)
        if technology is not None:
            yield node, technology.gpu_resource


def _state(snapshot: Snapshot, node: Node, now: Instant) -> str:
    if node.not_ready_since is not None:
        return "NotReady"
    if node.cordoned:
        return "Cordoned"
    avoided = snapshot.memory.avoided.get(node.name)
    return "Quarantined" if avoided is not None and avoided.until > now else "Ready"


def _slots(snapshot: Snapshot, models: frozenset[str], now: Instant) -> Counts:
    found: Counts = Counter()
    for server in snapshot.servers.values():
        free = max(0, free_slots(snapshot, server))
        model = server.model if server.model in models else OTHER
        found[model, "Busy"] += server.concurrency - free
        if not obstacle(snapshot, server, now):
            found[model, "Free"] += free
    return found


def _readiness(provider: Provider) -> str:
    ready = find(provider.status.conditions, reasons.READY)
    return "Ready" if ready is not None and ready.status == "True" else "NotReady"


def _waiting(snapshot: Snapshot, metrics: StockMetrics, models: frozenset[str], now: Instant) -> None:
    counts: Counts = Counter()
    longest: dict[str, float] = dict.fromkeys(models, 0.0)
    for model in snapshot.queues.models():
        name = model if model in models else OTHER
        for queue in snapshot.queues.of_model(model):
            if queue.head is not None:
                job = snapshot.jobs[queue.head[1]]
                counts[name, _why(job)] += len(queue)
                longest[name] = max(longest.get(name, 0.0), now - job.submitted)
    show(metrics.waiting, counts)
    for name, seconds in longest.items():
        metrics.longest_wait.labels(name).set(seconds)


def _why(job: Job) -> str:
    bound = find(job.status.conditions, reasons.BOUND)
    return bound.reason if bound is not None else reasons.QUEUED


def _attestations(snapshot: Snapshot, metrics: StockMetrics, now: Instant) -> None:
    verdicts: Counts = Counter()
    ages: Counts = Counter()
    for server in snapshot.servers.values():
        verdicts[_verdict(snapshot.attestations.get(server.uid), now)] += 1
        asked = snapshot.memory.attested.get(server.uid)
        if asked is not None:
            ages[next((name for most, name in _AGES if now - asked <= most), "more"),] += 1
    show(metrics.verdicts, verdicts)
    show(metrics.verdict_ages, ages)


def _verdict(known: Attestation | None, now: Instant) -> tuple[str, str, str]:
    """Trust, outcome and reason of a server's newest verdict."""
    if known is None or known.verdict is None:
        return "", "Unknown", ""
    verdict = known.verdict
    trust = str(verdict.trust)
    if not verdict.trusted:
        return trust, "Untrusted", min((reason.code for reason in verdict.reasons), default="")
    if verdict.not_after <= now:
        return trust, "Expired", ""
    return trust, "Renewing" if known.failures else "Trusted", ""


def _payouts(snapshot: Snapshot, metrics: StockMetrics, now: Instant) -> None:
    ends = [job.status.completion_time for job in snapshot.owing_jobs() if job.finished and not is_reported(job)]
    metrics.unreported.set(len(ends))
    oldest = min((parse_time(end) for end in ends if end), default=now)
    metrics.oldest_unreported.set(max(0.0, now - oldest))
    since = snapshot.payout.unreachable_since
    metrics.payout_silent.set(0.0 if since is None else now - since)
    metrics.held.set(len(snapshot.holds.by_provider) if snapshot.holds is not None else 0)
