"""What must hold of every plan and of the world after it (docs/concepts/planning.md lists them for people)."""

from __future__ import annotations

import re
from copy import deepcopy

from cocoon.api.receipts import Claims
from cocoon.api.times import Instant
from cocoon.fleet.plan import actions as act
from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.announcements import announcements
from cocoon.fleet.plan.plan import plan
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.plan.records import Earned, Job, Key, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.usage import bound_to
from tests.unit.plan.builders import GPU
from tests.unit.plan.world import World


def rebuilt(snapshot: Snapshot) -> Snapshot:
    """The same knowledge in a new snapshot that will look at everything."""
    copy = Snapshot(memory=deepcopy(snapshot.memory))
    copy.expectations = deepcopy(snapshot.expectations)
    copy.put(snapshot.payout)
    for records in (
        snapshot.namespaces,
        snapshot.nodes,
        snapshot.foreign,
        snapshot.providers,
        snapshot.servers,
        snapshot.attestations,
        snapshot.runners,
        snapshot.jobs,
        snapshot.credit,
    ):
        for record in records.values():
            copy.put(record)
    for uid, figures in snapshot.earned.items():
        copy.put(Earned(uid, figures))
    copy.holds = snapshot.holds
    copy.memory = deepcopy(snapshot.memory)
    copy.usage = deepcopy(snapshot.usage)
    copy.roll_call = deepcopy(snapshot.roll_call)
    copy.touch_all()
    return copy


def full_pass(snapshot: Snapshot, now: Instant) -> tuple[Action, ...]:
    """What a planner would do that looks at everything."""
    return plan(rebuilt(snapshot), now).actions


def check_plan(world: World, actions: tuple[Action, ...]) -> None:
    """Every action is allowed by what is true now, and what is told of it is about something and in sentences."""
    for action in actions:
        for told in announcements(action, world.snapshot):
            assert told.uid, told
            assert told.message.endswith((".", "!")), told
        match action:
            case act.WriteJobStatus(purpose="Bind"):
                check_bind(world, action)
            case act.WriteJobStatus(purpose="Unbind"):
                check_unbind(world, action)
            case act.DeleteServer():
                check_delete(world, action)
            case act.AcknowledgeEvents():
                check_acknowledge(world, action)
            case _:
                pass


def check_bind(world: World, action: act.WriteJobStatus) -> None:
    """No job goes to a server without a fresh verdict that is good enough for it."""
    binding, job = action.status.binding, world.snapshot.jobs[action.job]
    assert binding is not None
    server = world.snapshot.servers[binding.server]  # type: ignore[index]  # a key on the wire
    known = world.snapshot.attestations[server.uid]
    assert known.verdict is not None
    assert known.verdict.trusted
    assert known.verdict.not_after > world.now
    assert known.verdict.trust.satisfies(job.minimum_trust)
    assert not server.deleting
    assert server.retiring is None


def check_unbind(world: World, action: act.WriteJobStatus) -> None:
    """No job is taken from a server for lack of information."""
    job = world.snapshot.jobs[action.job]
    binding = job.status.binding
    assert binding is not None
    server = world.servers.get(binding.server)  # type: ignore[call-overload]  # a key on the wire
    if server is None or server.uid != binding.server_uid or server.ended:
        return
    view = world.snapshot.runners.get(server.uid)
    attempt = f"{job.uid}/{binding.attempt}"
    if view is not None and any(f"{event.uid}/{event.attempt}" == attempt for event in view.finished):
        return
    node = world.snapshot.nodes[server.node]
    silent = server.uid in world.unreachable
    if silent and node.not_ready_since is not None and world.now > node.not_ready_since + 300:
        return
    assert view is not None
    assert view.unreachable_since is None
    assert attempt not in view.attempts


def check_delete(world: World, action: act.DeleteServer) -> None:
    """Nothing is deleted that still works, or holds the only copy of a receipt."""
    server = world.servers.get(action.server)
    if server is None or server.uid != action.uid:
        return
    truth = world.views.get(server.uid)
    if truth is not None and not server.ended:
        assert not truth.finished
        assert not truth.attempts
    assert not bound_jobs(world, server)


def check_acknowledge(world: World, action: act.AcknowledgeEvents) -> None:
    """A runner forgets only what is durable elsewhere."""
    view = world.snapshot.runners[action.server_uid]
    for event in view.finished:
        if event.number > action.up_to:
            continue
        job = world.snapshot.job_of(event.uid)
        if world.snapshot.payout.configured:
            assert event.receipt in world.ledger[event.uid]
        elif job is not None and job.status.binding is not None and job.status.cost is None and not job.finished:
            assert (job.status.binding.server_uid, job.status.binding.attempt) != (action.server_uid, event.attempt)


#: The writes of one job, in letters (see World.writes): told why it waits, bound, taken back, at last ended; and then,
#: only if the payout service was away, one more that says Reported.
_WRITES = re.compile(r"(E|BU)*(B|B?F|BS|BLR?)?")


def check_writes(world: World) -> None:
    """A job is written when it is bound and when it ends; what goes beyond has one of the few reasons there are."""
    for uid, writes in world.writes.items():
        letters = "".join(writes)
        assert _WRITES.fullmatch(letters), (uid, letters)


def check_reported(world: World) -> None:
    """Once the payout service answers, every end that was written without it is reported."""
    for job in world.jobs.values():
        letters = "".join(world.writes[job.uid])
        assert not world.snapshot.payout.configured or not letters.endswith("L"), (job.key, letters)


def check_money(world: World, actions: tuple[Action, ...]) -> None:
    """Without a payout service nothing is reported; a price is fixed by the bind, and is the one on offer then."""
    configured = world.snapshot.payout.configured
    for action in actions:
        assert configured or not isinstance(action, act.ReportReceipt | act.ReportSettled)
        if not isinstance(action, act.WriteJobStatus) or action.status.binding is None:
            continue
        job, binding = world.snapshot.jobs[action.job], action.status.binding
        if action.purpose == "Bind":
            offer = world.snapshot.providers[Key(str(binding.provider))].offers[job.model]
            assert binding.price == offer.price
            assert not configured or job.budget is not None
        elif job.status.binding is not None:
            assert binding == job.status.binding


def check_accounts(world: World) -> None:
    """What runs can always be paid: no account holds less than the budgets of its namespace's jobs under way."""
    if not world.snapshot.payout.configured:
        return
    for namespace, holds in world.accounts.items():
        if namespace in world.surprised:
            continue
        bound = [job for job in world.jobs.values() if job.namespace == namespace and bound_to(job) is not None]
        unpaid = [job for job in bound if not any(int(claims.cost) for claims in receipts_of(world, job.uid))]
        assert sum(job.budget or 0 for job in unpaid) <= holds, (namespace, holds)


def receipts_of(world: World, uid: str) -> list[Claims]:
    """What the payout service has of a job."""
    return [claims for receipt in world.ledger[uid] if (claims := claims_of(receipt)) is not None]


def bound_jobs(world: World, server: Server) -> list[Job]:
    """Unfinished jobs that the API server says this server has."""
    return [
        job
        for job in world.jobs.values()
        if not job.finished and job.status.binding is not None and job.status.binding.server_uid == server.uid
    ]


def check_world(world: World) -> None:
    """All that must be true of a world at any time."""
    check_slots(world)
    check_writes(world)
    check_accounts(world)


def check_slots(world: World) -> None:
    """Slots and GPUs are never given out twice; a job has at most one end."""
    for server in world.servers.values():
        view = world.views.get(server.uid)
        over = {f"{event.uid}/{event.attempt}" for event in view.finished} if view is not None else set()
        under_way = [
            job.parallelism
            for job in bound_jobs(world, server)
            if job.status.binding is not None and f"{job.uid}/{job.status.binding.attempt}" not in over
        ]
        assert sum(under_way) <= server.concurrency
    for node in world.snapshot.nodes.values():
        used = sum(server.gpus for server in world.servers.values() if server.node == node.name and not server.ended)
        assert used <= node.allocatable[GPU]
