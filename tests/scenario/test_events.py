"""What `kubectl describe` shows: one Event for each thing that is not routine, and none while nothing happens."""

from __future__ import annotations

from cocoon.api.resources import EVENT, POD, PROVIDER
from tests.scenario.builders import gpu_node, job, model, provider
from tests.scenario.story import scenario
from tests.scenario.world import World, any_server, job_is

KEPT = {"servers": {"minimum": 1, "maximum": 1, "idleTimeout": "10m"}}


def told(world: World, name: str) -> list[str]:
    """Reasons of an object's Events, in the order in which they were written."""
    events = world.cluster.objects[EVENT].values()
    return [str(each["reason"]) for each in events if each["involvedObject"]["name"] == name]


def messages(world: World) -> str:
    return "\n".join(str(each["message"]) for each in world.cluster.objects[EVENT].values())


@scenario
async def test_a_job_that_goes_well_has_no_events_and_its_server_has_few(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Succeeded"))
    assert told(world, "j1") == []
    assert told(world, "dc1") == ["ServerCreated", "Trusted"]


@scenario
async def test_a_quiet_fleet_is_silent(world: World) -> None:
    world.has(provider("dc1", [model("minilm", **KEPT)]), gpu_node("n1"))
    world.starts()
    await world.until(any_server)
    await world.passes(10)
    before = len(world.cluster.objects[EVENT])
    await world.passes(1800)
    await world.kills()
    world.starts()
    await world.passes(600)
    assert len(world.cluster.objects[EVENT]) == before


@scenario
async def test_a_lost_attempt_and_the_next_one(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), gpu_node("n2"), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Running"))
    world.loses(world.node_of("j1"))
    await world.until(job_is("j1", "Succeeded"))
    assert told(world, "j1") == ["ServerLost", "Bound"]
    assert "Attempt 2 was given to server" in messages(world)
    assert "1000000/M items" in messages(world)


@scenario
async def test_a_failed_and_an_impossible_job(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("late", "minilm", deadline="2026-01-01T00:00:00Z"))
    world.starts()
    await world.until(job_is("late", "Failed"))
    await world.passes(1)
    world.has(job("broken", "minilm"))
    await world.until(lambda w: bool(w.runners))
    for runner in world.runners.values():
        runner.fails = ("InputUnreachable", "GET https://store.example/in?X-Amz-Signature=secret was refused.")
    await world.until(job_is("broken", "Failed"))
    await world.passes(1)
    assert told(world, "late") == ["DeadlineExceeded"]
    assert told(world, "broken") == ["InputUnreachable"]
    assert "https://store.example/in was refused." in messages(world)


@scenario
async def test_operation_and_drain(world: World) -> None:
    world.has(provider("dc1", [model("minilm", **KEPT)]), gpu_node("n1"))
    world.starts()
    await world.until(any_server)
    await world.passes(10)
    world.edits(PROVIDER, "dc1", lambda body: body["spec"].update(operation="Hold"))
    await world.passes(10)
    world.edits(PROVIDER, "dc1", lambda body: body["spec"].update(operation="Drain"))
    await world.until(lambda w: not w.cluster.objects[POD])
    await world.passes(10)
    world.edits(PROVIDER, "dc1", lambda body: body["spec"].update(operation="Serve"))
    await world.until(any_server)
    await world.passes(10)
    said = [reason for reason in told(world, "dc1") if reason not in {"ServerCreated", "Trusted"}]
    assert said == ["Hold", "Draining", "Drain", "Drained", "Serve"]


@scenario
async def test_a_rollout_that_stops(world: World) -> None:
    offer = model("minilm", servers={"minimum": 2, "maximum": 2, "idleTimeout": "10m"})
    world.has(provider("dc1", [offer]), gpu_node("n1"), gpu_node("n2"))
    world.starts()
    await world.until(lambda w: len(w.runners) == 2 and any_server(w))
    await world.passes(10)
    world.breaks_new_runners = True
    world.edits(PROVIDER, "dc1", lambda body: body["spec"].update(triton={"image": "triton:broken"}))
    await world.passes(600)
    said = told(world, "dc1")
    assert [each for each in said if each in {"RollingOut", "Outdated", "RolloutStopped"}].count("Outdated") == 1
    assert "RolloutStopped" in said


@scenario
async def test_no_gpus_for_a_model_that_jobs_wait_for(world: World) -> None:
    many = model("minilm", gpus=2)
    world.has(provider("dc1", [many]), gpu_node("n1", gpus=1), job("j1", "minilm"))
    world.starts()
    await world.passes(120)
    assert told(world, "dc1") == ["NoRoom"]
    assert "one more needs 2 GPUs on one node; 1 is free in all." in messages(world)
