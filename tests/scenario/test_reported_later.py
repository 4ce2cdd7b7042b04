"""A job's end that was written while the payout service was away: the receipt is reported from the status."""

from __future__ import annotations

import pytest

from cocoon.api.resources import JOB, POD
from cocoon.fleet.plan import reporting
from tests.scenario.builders import gpu_node, job, provider
from tests.scenario.payments import FakePayout
from tests.scenario.story import scenario
from tests.scenario.world import World, job_is

BUDGET = 1_000_000


def reported(world: World, name: str) -> str:
    return str(world.condition(name, "Reported").get("reason"))


def writes(world: World, name: str) -> int:
    """Status writes on a job."""
    return world.cluster.writes.count(("update_status", f"InferenceJob/default/{name}"))


async def _ended_unreported(world: World, jobs: int = 1, *, fails: bool = False, **more: object) -> FakePayout:
    """Finished jobs whose receipts nobody took: the service does not answer, or it does and can't work."""
    world.payout = payout = FakePayout(BUDGET * jobs)
    names = [f"j{number}" for number in range(jobs)]
    world.has(*(job(name, "minilm", budget=str(BUDGET), **more) for name in names))
    world.has(provider("dc1", ["minilm"]), gpu_node("n1", gpus=8))
    world.starts()
    await world.until(lambda w: all(job_is(name, "Running")(w) for name in names))
    payout.away, payout.fails = not fails, fails
    await world.until(lambda w: all(job_is(name, "Succeeded")(w) for name in names), within=300)
    reason = "PayoutServiceFailing" if fails else "PayoutServiceUnreachable"
    assert {reported(world, name) for name in names} == {reason}
    assert payout.taken == {}
    return payout


async def _server_is_lost(world: World) -> None:
    world.loses(world.node_of("j0"))
    await world.until(lambda w: not w.cluster.objects[POD])


@scenario
async def test_a_service_that_can_not_work_is_quoted(world: World) -> None:
    payout = await _ended_unreported(world, fails=True)
    said = world.condition("j0", "Reported")["message"]
    assert "503 DatabaseAway" in said
    assert "reported by itself" in said
    payout.fails = False
    await world.until(lambda w: reported(w, "j0") == "Accepted", within=30)


@scenario
async def test_its_server_is_gone_meanwhile(world: World) -> None:
    payout = await _ended_unreported(world)
    await _server_is_lost(world)
    await world.passes(600)
    assert reported(world, "j0") == "PayoutServiceUnreachable"
    payout.away = False
    await world.until(lambda w: reported(w, "j0") == "Accepted", within=30)
    assert list(payout.taken.values()) == [world.job("j0")["receipt"]]
    before = len(world.cluster.writes), payout.asked
    await world.passes(20)
    assert payout.asked == before[1] == 1
    assert writes(world, "j0") == 3


@scenario
async def test_the_operator_is_killed_meanwhile(world: World) -> None:
    payout = await _ended_unreported(world)
    await _server_is_lost(world)
    await world.kills()
    world.starts()
    await world.passes(60)
    payout.away = False
    await world.until(lambda w: reported(w, "j0") == "Accepted", within=60)
    await world.kills()
    world.starts()
    await world.passes(300)
    assert payout.asked == 1
    assert writes(world, "j0") == 3


@scenario
async def test_killed_after_it_was_taken_and_before_that_was_noted(world: World) -> None:
    payout = await _ended_unreported(world)
    await _server_is_lost(world)
    world.crashes_at(lambda verb, subject: verb == "update_status" and subject == "InferenceJob/j0/Succeeded")
    payout.away = False
    await world.restarts_after_crash()
    await world.until(lambda w: reported(w, "j0") == "Accepted", within=60)
    assert len(payout.taken) == 1


@scenario
async def test_time_to_live_waits_for_the_report(world: World) -> None:
    payout = await _ended_unreported(world, ttlSecondsAfterFinished=60)
    await _server_is_lost(world)
    await world.passes(600)
    assert world.cluster.find(JOB, "default/j0") is not None
    payout.away = False
    await world.until(lambda w: w.cluster.find(JOB, "default/j0") is None, within=60)
    assert len(payout.taken) == 1


@scenario
async def test_a_receipt_that_is_postponed_is_handed_in_now_and_then(world: World) -> None:
    payout = await _ended_unreported(world)
    await _server_is_lost(world)
    payout.postpones, payout.away = True, False
    await world.passes(1_800)
    assert 5 <= payout.asked <= 60
    payout.postpones = False
    await world.until(lambda w: reported(w, "j0") == "Accepted", within=600)


def test_many_receipts_are_reported_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_AT_ONCE", 2)

    @scenario
    async def story(world: World) -> None:
        payout = await _ended_unreported(world, jobs=8)
        await _server_is_lost(world)
        payout.away = False
        names = [f"j{number}" for number in range(8)]
        await world.until(lambda w: all(reported(w, name) == "Accepted" for name in names), within=30)
        assert payout.asked == len(payout.taken) == 8

    story()
