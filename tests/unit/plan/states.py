"""The states of a world that the invariants are about: histories that never reach them would show nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cocoon.fleet.plan.records import Job, RunnerView, Server
from cocoon.fleet.plan.standing import NODE_LOST_AFTER, is_retiring
from cocoon.fleet.plan.usage import bound_to
from tests.unit.plan.world import World


def _bound(world: World) -> list[tuple[Job, Server]]:
    """Jobs under way, each with the server that it is bound to, if that is still there."""
    by_uid = {server.uid: server for server in world.servers.values()}
    return [(job, by_uid[uid]) for job in world.jobs.values() if (uid := bound_to(job)) in by_uid and uid is not None]


def _gone(world: World, view: RunnerView) -> bool:
    """Whether a runner has work or a receipt of a deleted job."""
    uids = {each.uid for each in view.attempts.values()} | {event.uid for event in view.finished}
    return any(world.ever[uid].key not in world.jobs for uid in uids)  # type: ignore[index]  # a uid on the wire


def _node_is_lost(world: World, server: Server) -> bool:
    since = world.snapshot.nodes[server.node].not_ready_since
    return server.uid in world.unreachable and since is not None and world.now > since + NODE_LOST_AFTER


def _verdict_expired(world: World, server: Server) -> bool:
    known = world.snapshot.attestations.get(server.uid)
    return known is not None and known.verdict is not None and known.verdict.not_after <= world.now


def _two_receipts(world: World) -> bool:
    return any(len(receipts) > 1 for receipts in world.ledger.values())


def _tight(world: World, namespace: str) -> bool:
    """Whether a job waits for credit only because of what is set aside for others."""
    outstanding, holds = world.snapshot.usage.outstanding(namespace), world.accounts[namespace]
    waiting = [job for job in world.jobs.values() if job.namespace == namespace and job.status.binding is None]
    return any(job.budget is not None and job.budget <= holds < job.budget + outstanding for job in waiting)


def _full(world: World, server: Server) -> bool:
    return sum(job.parallelism for job, on in _bound(world) if on is server) == server.concurrency


STATES: Final[Mapping[str, Callable[[World], bool]]] = {
    "a silent runner has a job": lambda w: any(on.uid in w.unreachable for _, on in _bound(w)),
    "a lost node has a job": lambda w: any(_node_is_lost(w, on) for _, on in _bound(w)),
    "a server without a fresh verdict has a job": lambda w: any(_verdict_expired(w, on) for _, on in _bound(w)),
    "a server on its way out has a job": lambda w: any(is_retiring(w.snapshot, on) for _, on in _bound(w)),
    "a server on its way out holds a receipt": lambda w: any(
        is_retiring(w.snapshot, server) and w.views[server.uid].finished
        for server in w.servers.values()
        if server.uid in w.views
    ),
    "a server is full": lambda w: any(_full(w, server) for server in w.servers.values()),
    "a job is in its second attempt": lambda w: any(
        job.status.binding is not None and job.status.binding.attempt > 1 for job, _ in _bound(w)
    ),
    "a job has two receipts": _two_receipts,
    "a runner has a deleted job's work": lambda w: any(_gone(w, view) for view in w.views.values()),
    "a silent runner has a deleted job's work": lambda w: any(_gone(w, w.views[uid]) for uid in w.unreachable),
    "it is not known whose account work takes from": lambda w: w.snapshot.usage.in_doubt,
    "a runner was not heard from since the start": lambda w: bool(w.snapshot.roll_call.missing),
    "one that was not heard from has a deleted job's work": lambda w: any(
        _gone(w, w.views[uid]) for uid in w.snapshot.roll_call.missing & w.views.keys()
    ),
    "only what is set aside keeps a job from being bound": lambda w: any(_tight(w, name) for name in w.accounts),
    "the payout service is away": lambda w: w.snapshot.payout.unreachable_since is not None,
    "an action is under way for more than a round": lambda w: bool(w.late),
}


def states(world: World) -> set[str]:
    """Which of them a world is in."""
    return {name for name, holds in STATES.items() if holds(world)}
