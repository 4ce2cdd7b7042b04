"""What is being carried out counts as done until its outcome is known."""

from __future__ import annotations

from cocoon.api.conditions import Condition
from cocoon.api.groups import RETIRING_CONDITION
from cocoon.fleet.plan import job_status
from cocoon.fleet.plan.actions import Action, CreateServer, SetServerCondition, WriteJobStatus
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.plan import plan
from cocoon.fleet.plan.snapshot import Snapshot
from tests.unit.plan.builders import START, attestation, job, node, offer, provider, server, view
from tests.unit.plan.world import World


def held(snapshot: Snapshot, kind: type, now: float = START + 1) -> list[Action]:
    """Actions of a kind that are planned now, and held."""
    actions = [action for action in plan(snapshot, now).actions if isinstance(action, kind)]
    for action in actions:
        snapshot.hold(action, now)
    return actions


def fleet(*records: object) -> Snapshot:
    snapshot, one = Snapshot(), server()
    for record in (provider(), node(), one, attestation(one), view(one), *records):
        snapshot.put(record)  # type: ignore[arg-type]  # records of any kind
    return snapshot


def test_a_bind_under_way_takes_its_slots() -> None:
    snapshot = fleet(job("a", parallelism=5))
    assert len(held(snapshot, WriteJobStatus)) == 1
    snapshot.put(job("b", parallelism=5))
    assert held(snapshot, WriteJobStatus) == []


def test_a_bind_that_failed_gives_its_slots_back_and_is_planned_again() -> None:
    snapshot = fleet(job("a", parallelism=5))
    (bind,) = held(snapshot, WriteJobStatus)
    snapshot.release(bind, START + 2, done=False, not_before=START + 10)
    snapshot.put(job("b", parallelism=5))
    assert [getattr(action, "job", "") for action in held(snapshot, WriteJobStatus, START + 3)] == ["team/b"]
    assert snapshot.due() is not None
    assert snapshot.due() <= START + 10  # type: ignore[operator]  # it is not None


def test_a_server_being_created_holds_its_gpus() -> None:
    world = World(provider("dc1", offer(minimum=1)), provider("dc2", offer(minimum=1)), node("n1", 1))
    world.round()
    (create,) = held(world.snapshot, CreateServer)
    world.snapshot.touch_all()
    assert held(world.snapshot, CreateServer) == []
    world.snapshot.release(create, START + 2, done=False)
    assert len(held(world.snapshot, CreateServer, START + 2)) == 1


def test_what_waits_after_a_failure_is_not_planned_before_its_time() -> None:
    snapshot = fleet(job())
    (bind,) = held(snapshot, WriteJobStatus)
    snapshot.release(bind, START + 2, done=False, not_before=START + 60)
    snapshot.touch_all()
    assert held(snapshot, WriteJobStatus, START + 59) == []
    assert len(held(snapshot, WriteJobStatus, START + 60)) == 1


def test_a_server_whose_retirement_is_being_written_gets_no_job() -> None:
    snapshot, one = fleet(), server()
    retiring = Condition(RETIRING_CONDITION, "True", "Idle", "It had no job for 600 seconds.", "")
    retire = SetServerCondition(one.key, one.uid, retiring)
    snapshot.hold(retire, START + 1)
    snapshot.put(job())
    assert held(snapshot, WriteJobStatus) == []
    snapshot.release(retire, START + 2, done=False)
    assert len(held(snapshot, WriteJobStatus, START + 2)) == 1


def test_nobody_overtakes_a_head_that_is_being_told_why_it_waits() -> None:
    first, second = job("a", parallelism=8), job("b", parallelism=8, submitted=START + 1)
    snapshot = fleet(first, second)
    status = job_status.explain(first, Cause("NoCapacity", "Every server is busy."), START)
    explain = WriteJobStatus(first.key, first.uid, first.resource_version, status, "Explain")
    snapshot.hold(explain, START + 1)
    assert held(snapshot, WriteJobStatus) == []
    snapshot.release(explain, START + 2, done=True)
    assert [getattr(action, "job", "") for action in held(snapshot, WriteJobStatus, START + 2)] == ["team/a"]
