"""Puts every touched server with free slots on its shelf, before anything is decided."""

from __future__ import annotations

from cocoon.api.times import Instant
from cocoon.fleet.plan.census import BUSY, FREE
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.records import RunnerView, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import NODE_LOST_AFTER, obstacle


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Shelve and count what changed, and look again when a verdict runs out or a silent node counts as lost."""
    for key in sorted(draft.touched.servers):
        server = snapshot.servers.get(key)
        if server is None:
            continue
        _shelve(snapshot, server, now)
        _set_alarms(snapshot, server, now, draft)


def free_slots(snapshot: Snapshot, server: Server) -> int:
    """Slots of a server that no unfinished job holds: free when the work ends, not when that is written down."""
    view = snapshot.runners.get(server.uid)
    over = finished_attempts(view) if view is not None else set()
    taken = 0
    for key in snapshot.usage.jobs_of(server.uid):
        job = snapshot.jobs[key]
        binding = job.status.binding
        if binding is None or f"{job.uid}/{binding.attempt}" not in over:
            taken += job.parallelism
    return server.concurrency - taken


def finished_attempts(view: RunnerView) -> set[str]:
    """`uid/attempt` of what a runner has finished and not forgotten."""
    return {f"{event.uid}/{event.attempt}" for event in view.finished}


def _shelve(snapshot: Snapshot, server: Server, now: Instant) -> None:
    shelf = ((server.provider, server.model), server.isolated_for)
    why = obstacle(snapshot, server, now)
    free = 0 if why else free_slots(snapshot, server)
    snapshot.shelves.place(server.key, shelf, free)
    snapshot.census.put(server.key, shelf, why or (FREE if free > 0 else BUSY))


def _set_alarms(snapshot: Snapshot, server: Server, now: Instant, draft: Draft) -> None:
    known, node = snapshot.attestations.get(server.uid), snapshot.nodes.get(server.node)
    if known is not None and known.verdict is not None and known.verdict.not_after > now:
        draft.wake(("server", server.key), known.verdict.not_after)
    if node is not None and node.not_ready_since is not None and node.not_ready_since + NODE_LOST_AFTER >= now:
        draft.wake(("server", server.key), node.not_ready_since + NODE_LOST_AFTER + 1)
