"""What becomes of jobs when all goes well, and when servers go away."""

from __future__ import annotations

from cocoon.api.resources import CONFIG_MAP, JOB
from tests.scenario.builders import gpu_node, job, provider
from tests.scenario.story import scenario
from tests.scenario.world import World, job_is


@scenario
async def test_a_job_runs_to_its_end(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Succeeded"))
    status = world.job("j1")
    assert status["usage"] == {"items": 3}
    assert status["cost"] == "3"
    assert status["receipt"].count(".") == 2
    assert status["output"]["configMap"] == "j1-output"
    answers = world.cluster.find(CONFIG_MAP, "default/j1-output")
    assert answers is not None
    assert answers["data"]["output.jsonl"].count("\n") == 3


@scenario
async def test_the_status_says_where_answers_were_put_but_not_the_credential(world: World) -> None:
    elsewhere = {"uri": "https://store.example/answers?signature=s"}
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm", output=elsewhere))
    world.starts()
    await world.until(job_is("j1", "Succeeded"))
    output = world.job("j1")["output"]
    assert output["uri"] == "https://store.example/answers"
    assert "configMap" not in output
    assert output["bytes"] > 0


@scenario
async def test_a_job_costs_two_writes(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j0", "minilm"))
    world.starts()
    await world.until(job_is("j0", "Succeeded"))
    world.has(job("j1", "minilm"))
    await world.until(job_is("j1", "Succeeded"))
    assert [verb for verb, subject in world.cluster.writes if subject == "InferenceJob/default/j1"] == [
        "update_status"
    ] * 2


@scenario
async def test_a_job_survives_the_loss_of_its_server(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), gpu_node("n2"), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Running"))
    world.loses(world.node_of("j1"))
    await world.until(job_is("j1", "Succeeded"))
    assert world.attempts("j1") == 2
    assert world.job("j1")["attempts"][0]["reason"] == "ServerLost"


@scenario
async def test_a_deleted_job_is_stopped_and_its_runner_may_forget_it(world: World) -> None:
    world.work = 600.0
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(lambda w: any(runner.assigned for runner in w.runners.values()))
    world.deletes(JOB, "j1")
    runner = next(iter(world.runners.values()))
    await world.until(lambda _: bool(runner.acknowledged_attempts), within=60)
    assert runner.drained


@scenario
async def test_a_quiet_world_is_left_alone(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Succeeded"))
    await world.passes(60)
    before = len([write for write in world.cluster.writes if "Lease" not in write[1]])
    await world.passes(240)
    after = [write for write in world.cluster.writes if "Lease" not in write[1]]
    assert after[before:] == []
