"""The operator is killed at each arrow of docs/architecture.md's chain; nothing is lost and nothing is done twice.

created ─▶ bound ─▶ pushed ─▶ finished ─▶ output ─▶ reported ─▶ settled ─▶ acknowledged
"""

from __future__ import annotations

from cocoon.api.resources import CONFIG_MAP, JOB
from tests.scenario.builders import gpu_node, job, provider
from tests.scenario.story import scenario
from tests.scenario.world import World, job_is


def _given(world: World, nodes: int = 1) -> None:
    world.has(provider("dc1", ["minilm"]), *(gpu_node(f"n{n}") for n in range(nodes)), job("j1", "minilm"))
    world.starts()


def _receipts(world: World) -> int:
    """How many attempts of all jobs were receipted by all runners."""
    return sum(len(runner.assigned) for runner in world.runners.values())


async def _ends_well(world: World, attempts: int = 1) -> None:
    """The job succeeds, was worked on that often, and its runner may forget it."""
    await world.until(job_is("j1", "Succeeded"))
    assert world.attempts("j1") == attempts
    assert _receipts(world) == attempts
    assert world.condition("j1", "Reported")["reason"] == "NoPayoutService"
    await world.until(lambda w: all(runner.drained for runner in w.runners.values()), within=120)


@scenario
async def test_bind_written_and_not_pushed(world: World) -> None:
    world.crashes_at(lambda verb, subject: verb == "update_status" and subject == "InferenceJob/j1/Running")
    _given(world)
    await world.restarts_after_crash()
    assert _receipts(world) == 0
    await _ends_well(world)


@scenario
async def test_pushed_and_crashed(world: World) -> None:
    world.crashes_at(lambda verb, _: verb == "push")
    _given(world)
    await world.restarts_after_crash()
    assert _receipts(world) == 1
    await _ends_well(world)


@scenario
async def test_finished_while_the_operator_is_down(world: World) -> None:
    _given(world)
    await world.until(lambda w: _receipts(w) == 1)
    await world.kills()
    await world.passes(30)
    runner = next(iter(world.runners.values()))
    assert not runner.drained
    world.starts()
    await _ends_well(world)


@scenario
async def test_output_written_and_not_settled(world: World) -> None:
    world.crashes_at(lambda verb, subject: verb == "create" and subject.startswith("ConfigMap/j1-output"))
    _given(world)
    await world.restarts_after_crash()
    assert world.job("j1")["state"] == "Running"
    await _ends_well(world)
    assert list(world.cluster.objects[CONFIG_MAP]) == ["default/j1-output"]


@scenario
async def test_settled_and_not_acknowledged(world: World) -> None:
    world.crashes_at(lambda verb, subject: verb == "update_status" and subject == "InferenceJob/j1/Succeeded")
    _given(world)
    await world.restarts_after_crash()
    receipt = world.job("j1")["receipt"]
    await _ends_well(world)
    assert world.job("j1")["receipt"] == receipt


@scenario
async def test_the_job_is_deleted_while_the_operator_is_down(world: World) -> None:
    _given(world)
    await world.until(lambda w: _receipts(w) == 1)
    await world.kills()
    world.deletes(JOB, "j1")
    world.starts()
    await world.until(lambda w: all(runner.drained for runner in w.runners.values()), within=120)


@scenario
async def test_the_server_is_lost_in_mid_job_while_the_operator_is_down(world: World) -> None:
    _given(world, nodes=2)
    await world.until(lambda w: _receipts(w) == 1)
    node = world.node_of("j1")
    await world.kills()
    world.loses(node)
    world.starts()
    await world.until(job_is("j1", "Succeeded"))
    assert world.attempts("j1") == 2


@scenario
async def test_the_answers_of_a_lost_attempt_are_not_overwritten(world: World) -> None:
    """The server is lost after its answers were written: the second attempt's get a name of their own."""
    world.crashes_at(lambda verb, subject: verb == "create" and subject.startswith("ConfigMap/j1-output"))
    _given(world, nodes=2)
    await world.crashed.wait()
    for runner in world.runners.values():
        runner.items = 5
    node = world.node_of("j1")
    await world.kills()
    world.loses(node)
    world.starts()
    await world.until(lambda w: any(runner.assigned and runner.alive for runner in w.runners.values()))
    for runner in world.runners.values():
        runner.items = 4
    await world.until(job_is("j1", "Succeeded"))
    assert world.job("j1")["output"]["configMap"] == "j1-output-2"
    assert sorted(world.cluster.objects[CONFIG_MAP]) == ["default/j1-output", "default/j1-output-2"]


@scenario
async def test_an_attempt_that_ended_without_a_receipt_is_tried_again(world: World) -> None:
    _given(world)
    await world.until(lambda w: _receipts(w) == 1)
    await world.kills()
    (runner,) = world.runners.values()
    runner.loses_receipts = True
    await world.passes(30)
    runner.loses_receipts = False
    world.starts()
    await world.until(job_is("j1", "Succeeded"), within=180)
    assert [(each["number"], each["reason"]) for each in world.job("j1")["attempts"]] == [(1, "ReceiptMissing")]
    assert world.attempts("j1") == 2


@scenario
async def test_a_job_whose_receipts_are_always_lost_comes_to_an_end(world: World) -> None:
    _given(world)
    await world.until(lambda w: _receipts(w) == 1)
    for runner in world.runners.values():
        runner.loses_receipts = True
    await world.until(job_is("j1", "Failed"))
    assert world.condition("j1", "Stalled")["reason"] == "AttemptsExhausted"
    assert "has no receipt of it" in world.condition("j1", "Stalled")["message"]


async def _both_restart(world: World, *, keeps_evidence: bool) -> None:
    """The operator and the runner start anew after the work was done and before anybody has its receipt."""
    _given(world)
    await world.until(lambda w: _receipts(w) == 1)
    await world.kills()
    await world.passes(30)
    (runner,) = world.runners.values()
    assert not runner.drained
    runner.keeps_evidence = keeps_evidence
    runner.restart()
    world.starts()
    await world.until(job_is("j1", "Succeeded"), within=180)


@scenario
async def test_operator_and_runner_restart_after_the_work_was_done(world: World) -> None:
    await _both_restart(world, keeps_evidence=True)
    await _ends_well(world)


@scenario
async def test_a_receipt_whose_evidence_is_lost_does_not_count(world: World) -> None:
    await _both_restart(world, keeps_evidence=False)
    assert world.attempts("j1") == 2
    assert world.job("j1")["attempts"][0]["reason"] == "ReceiptUnreadable"
