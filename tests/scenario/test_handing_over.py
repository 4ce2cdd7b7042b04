"""What is handed over and what is paid for it: answers first, then money, and neither on another job's receipt."""

from __future__ import annotations

import pytest

from cocoon.api.resources import CONFIG_MAP, EVENT, JOB, Manifest
from cocoon.fleet.act.finish import PATIENCE
from cocoon.fleet.act.push import push_job
from cocoon.fleet.act.servers import delete_server
from cocoon.fleet.plan.actions import DeleteServer, PushJob
from cocoon.fleet.plan.records import Key, Uid
from cocoon.fleet.ports.failures import Gone
from cocoon.fleet.ports.resources import Ref
from tests.scenario.builders import gpu_node, job, provider
from tests.scenario.payments import FakePayout
from tests.scenario.runners import FakeRunner
from tests.scenario.story import scenario
from tests.scenario.world import Operator, World, job_is

BUDGET = 1_000_000


def _begins(world: World) -> tuple[Operator, FakePayout]:
    world.payout = payout = FakePayout(BUDGET)
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm", budget=str(BUDGET)))
    return world.starts(), payout


async def _works(world: World) -> FakeRunner:
    """The job's runner, once it has the job."""
    await world.until(lambda w: any(runner.assigned for runner in w.runners.values()))
    (runner,) = world.runners.values()
    return runner


def _said(world: World, words: str) -> bool:
    return any(words in each["message"] for each in world.cluster.objects[EVENT].values())


@scenario
async def test_nobody_is_charged_for_answers_that_could_not_be_handed_over(world: World) -> None:
    theirs: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j1-output"}}
    theirs["metadata"]["namespace"] = "default"
    world.has(theirs)
    _, payout = _begins(world)
    await world.until(lambda w: _said(w, "j1-output"), within=60)
    assert payout.asked == 0
    world.cluster._vanish(Ref(CONFIG_MAP, "default", "j1-output"))
    await world.until(job_is("j1", "Succeeded"), within=700)
    assert payout.asked == 1


@scenario
async def test_a_receipt_of_another_job_ends_nothing_and_costs_nothing(world: World) -> None:
    _, payout = _begins(world)
    runner = await _works(world)
    runner.receipts_name = "another"
    await world.until(lambda w: _said(w, "Its receipt is of another job: report it"), within=60)
    await world.passes(120)
    assert world.job("j1")["state"] == "Running"
    assert payout.taken == {}
    assert not world.cluster.objects[CONFIG_MAP]
    assert not runner.drained


@scenario
async def test_a_deleted_jobs_receipt_stays_with_its_runner_until_it_is_taken(world: World) -> None:
    """The payout service goes away in the moment in which the receipt is handed in."""
    world.work = 600.0
    _, payout = _begins(world)
    runner = await _works(world)
    runner.done = 3
    payout.away = True
    world.deletes(JOB, "j1")
    await world.passes(60)
    assert not runner.drained
    payout.away = False
    await world.until(lambda _: runner.drained, within=120)
    assert len(payout.taken) == 1


@scenario
async def test_a_short_outage_is_waited_out_so_that_the_end_is_written_once(world: World) -> None:
    _, payout = _begins(world)
    await _works(world)
    payout.away = True
    await world.passes(world.work + PATIENCE / 2 - 1)
    assert world.job("j1")["state"] == "Running"
    payout.away = False
    await world.until(job_is("j1", "Succeeded"), within=60)
    assert world.condition("j1", "Reported")["reason"] == "Accepted"
    assert world.cluster.writes.count(("update_status", "InferenceJob/default/j1")) == 2


@scenario
async def test_an_end_that_somebody_else_wrote_meanwhile_is_left_as_it_is(world: World) -> None:
    def fail(body: Manifest) -> None:
        body["status"] |= {"state": "Failed"}

    def fails_meanwhile(verb: str, subject: str) -> bool:
        if verb == "create" and subject.startswith("ConfigMap/j1-output"):
            world.edits(JOB, "j1", fail)
        return False

    world.crashes_at(fails_meanwhile)
    _begins(world)
    await world.until(job_is("j1", "Failed"), within=60)
    await world.passes(120)
    assert world.job("j1")["state"] == "Failed"
    assert "receipt" not in world.job("j1")


@scenario
async def test_a_server_whose_receipt_came_after_its_deletion_was_planned_is_not_deleted(world: World) -> None:
    operator, payout = _begins(world)
    runner = await _works(world)
    payout.away = True
    await world.until(job_is("j1", "Succeeded"), within=60)
    assert not runner.drained
    (uid,) = world.runners
    server = Key(world.job("j1")["binding"]["server"])
    with pytest.raises(Gone, match="still holds receipts"):
        await delete_server(DeleteServer(server, Uid(uid), "Idle", "It had no job."), operator.means)
    assert not world.servers()[0]["metadata"].get("deletionTimestamp")


@scenario
async def test_an_attempt_that_stands_no_more_is_not_pushed(world: World) -> None:
    operator, _ = _begins(world)
    runner = await _works(world)
    (uid,) = world.runners
    job_uid = Uid(next(iter(runner.assigned)).split("/")[0])
    server = Key(world.job("j1")["binding"]["server"])
    with pytest.raises(Gone, match="no longer stands"):
        await push_job(PushJob(Key("default/j1"), job_uid, 2, server, Uid(uid)), operator.means)
    await world.until(job_is("j1", "Succeeded"))
    with pytest.raises(Gone, match="no longer stands"):
        await push_job(PushJob(Key("default/j1"), job_uid, 1, server, Uid(uid)), operator.means)
    assert list(runner.assigned) == [f"{job_uid}/1"]
