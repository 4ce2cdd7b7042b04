"""Before anything is destroyed the live object is looked at; what is refused is said; a bug stops nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from cocoon.api.resources import CONFIG_MAP, DISRUPTION_BUDGET, EVENT, JOB, POD, PROVIDER, Manifest
from cocoon.fleet import loop
from cocoon.fleet.act import table
from cocoon.fleet.plan.actions import LoadModel, PushJob
from cocoon.fleet.plan.plan import plan as plan_for_real
from cocoon.fleet.ports.resources import Ref
from tests.scenario.builders import gpu_node, job, model, provider
from tests.scenario.story import scenario
from tests.scenario.world import World, any_server, job_is


def _events(world: World, reason: str) -> list[Manifest]:
    return [each for each in world.cluster.objects[EVENT].values() if each["reason"] == reason]


@scenario
async def test_a_config_map_of_somebody_else_is_left_alone_and_the_client_is_told(world: World) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j1-output", "namespace": "default"}}
    world.has(theirs | {"data": {"precious": "1"}}, provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(lambda w: bool(_events(w, "OutputRefused")), within=60)
    assert "j1-output" in _events(world, "OutputRefused")[0]["message"]
    found = world.cluster.find(CONFIG_MAP, "default/j1-output")
    assert found is not None
    assert found["data"] == {"precious": "1"}
    world.cluster._vanish(Ref(CONFIG_MAP, "default", "j1-output"))
    await world.until(job_is("j1", "Succeeded"), within=700)


@scenario
async def test_a_server_that_only_seems_to_be_gone_keeps_its_job(world: World) -> None:
    """The mirror loses a Pod that is there: the job is not given to another server."""
    world.work = 120.0
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), gpu_node("n2"), job("j1", "minilm"))
    operator = world.starts()
    await world.until(lambda w: any(runner.assigned for runner in w.runners.values()))
    pod = world.cluster.find(POD, world.job("j1")["binding"]["server"])
    assert pod is not None
    key = f"default/{pod['metadata']['name']}"
    version = int(pod["metadata"]["resourceVersion"])
    operator.means.mirror.lose(POD, key, version)
    operator.means.mirror._tombstones[POD].clear()
    await world.until(job_is("j1", "Succeeded"), within=300)
    assert world.attempts("j1") == 1
    assert sum(len(runner.assigned) for runner in world.runners.values()) == 1


@scenario
async def test_a_provider_is_not_let_go_while_a_server_is_left_that_the_mirror_does_not_know(world: World) -> None:
    offer = model("minilm", servers={"minimum": 1, "maximum": 1, "idleTimeout": "10m"})
    world.has(provider("dc1", [offer]), gpu_node("n1"))
    operator = world.starts()
    await world.until(any_server)
    key, pod = next(iter(world.cluster.objects[POD].items()))
    operator.means.mirror.lose(POD, key, int(pod["metadata"]["resourceVersion"]))
    operator.means.mirror._tombstones[POD].clear()
    world.deletes(PROVIDER, "dc1")
    gone_first: list[str] = []
    world.cluster.watchers.append(
        lambda resource, event, _: (
            gone_first.append(resource.kind) if event == "DELETED" and resource in (POD, PROVIDER) else None
        )
    )
    await world.until(lambda w: w.provider("dc1") is None, within=600)
    await world.passes(10)
    assert gone_first == ["Pod", "CocoonProvider"]


@scenario
async def test_a_budget_that_is_wanted_no_more_goes(world: World) -> None:
    three = model("minilm", servers={"minimum": 3, "maximum": 3, "idleTimeout": "10m"})
    world.has(provider("dc1", [three]), *(gpu_node(f"n{number}") for number in range(3)))
    world.starts()
    await world.until(lambda w: bool(w.cluster.objects[DISRUPTION_BUDGET]))
    less: Any = {"minimum": 0, "maximum": 3, "idleTimeout": "10m"}
    world.edits(PROVIDER, "dc1", lambda body: body["spec"]["models"][0].update(servers=less))
    await world.until(lambda w: not w.cluster.objects[DISRUPTION_BUDGET], within=60)


def test_a_bug_in_one_action_stops_no_other(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    real = table.DEEDS[LoadModel]

    async def broken(action: LoadModel, means: Any) -> None:
        if action.model == "bad":
            raise ZeroDivisionError
        await real(action, means)

    monkeypatch.setattr(table, "DEEDS", {**table.DEEDS, LoadModel: broken})

    @scenario
    async def story(world: World) -> None:
        world.has(provider("dc1", ["bad", "good"]), gpu_node("n1", gpus=2), job("j1", "bad"), job("j2", "good"))
        world.starts()
        await world.until(job_is("j2", "Succeeded"))
        assert world.job("j1")["state"] != "Succeeded"

    story()
    assert "ZeroDivisionError" in caplog.text


def test_a_round_that_breaks_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:

    real, broken = plan_for_real, [True]

    def plan(*given: Any) -> Any:
        if broken.pop() if broken else False:
            raise ZeroDivisionError
        return real(*given)

    monkeypatch.setattr(loop, "plan", plan)

    @scenario
    async def story(world: World) -> None:
        world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
        world.starts()
        await world.until(job_is("j1", "Succeeded"))

    story()
    assert not broken


def test_a_lost_push_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PushJob in table.DEEDS
    monkeypatch.setattr("cocoon.fleet.act.jobs.push", _never)

    @scenario
    async def story(world: World) -> None:
        world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
        world.starts()
        await world.until(job_is("j1", "Succeeded"))

    story()


async def _never(*_: Any) -> None:
    """The push right after a bind gets lost."""


@scenario
async def test_what_waits_after_failures_is_counted_only_while_it_waits(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"), job("j2", "minilm"))
    metrics = world.starts().loop._metrics

    def waiting() -> float:
        return metrics.registry.get_sample_value("cocoon_fleet_backing_off_objects") or 0.0

    await world.until(job_is("j1", "Running"))
    world.cluster.down = True
    await world.until(lambda _: waiting() > 0, within=8)
    world.cluster.down = False
    world.deletes(JOB, "j2")
    await world.until(job_is("j1", "Succeeded"))
    await world.passes(60)
    assert waiting() == 0
