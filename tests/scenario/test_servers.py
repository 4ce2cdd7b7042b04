"""How servers come and go: placement, roll-out, drain, deletion, bad models and bad nodes."""

from __future__ import annotations

from collections.abc import Callable

from cocoon.api.resources import JOB, NODE, POD, PROVIDER, Manifest
from cocoon.fleet.ports.resources import Ref
from tests.scenario.builders import GPU, gpu_node, job, model, provider
from tests.scenario.story import scenario
from tests.scenario.world import World, any_server, job_is

KEPT = {"servers": {"minimum": 1, "maximum": 2, "idleTimeout": "1m"}}


@scenario
async def test_two_providers_on_the_same_node_never_take_more_gpus_than_there_are(world: World) -> None:
    two = [provider(f"dc{number}", ["minilm"]) for number in (1, 2)]
    jobs = [job(f"j{number}", "minilm", providers=[{"name": f"dc{1 + number % 2}"}]) for number in range(4)]
    world.has(*two, gpu_node("n1", gpus=1), *jobs)
    world.starts()
    most = 0
    for _ in range(2400):
        await world.passes(0.5)
        most = max(most, len(world.cluster.objects[POD]))
        if all(world.job(f"j{number}").get("state") == "Succeeded" for number in range(4)):
            break
    assert all(world.job(f"j{number}").get("state") == "Succeeded" for number in range(4)), world.picture()
    assert most == 1


@scenario
async def test_gpus_of_others_are_left_alone(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1", gpus=1), _foreign_pod("n1"))
    world.starts()
    await world.passes(2)
    world.has(job("j1", "minilm"))
    await world.passes(60)
    assert not _ours(world)
    assert "GPU" in world.condition("j1", "Bound")["message"]
    world.cluster._vanish(Ref(POD, "default", "other"))
    await world.until(job_is("j1", "Succeeded"), within=120)


@scenario
async def test_an_unused_server_goes_after_its_idle_timeout(world: World) -> None:
    offer = model("minilm", servers={"minimum": 0, "maximum": 2, "idleTimeout": "1m"})
    world.has(provider("dc1", [offer]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Succeeded"))
    await world.passes(40)
    assert world.servers()
    await world.until(lambda w: not w.cluster.objects[POD], within=60)


@scenario
async def test_a_provider_that_is_deleted_finishes_its_jobs_first(world: World) -> None:
    world.work = 60.0
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Running"))
    world.deletes(PROVIDER, "dc1")
    await world.passes(10)
    assert world.provider("dc1") is not None
    await world.until(job_is("j1", "Succeeded"), within=120)
    await world.until(lambda w: w.provider("dc1") is None and not w.cluster.objects[POD], within=300)


@scenario
async def test_a_changed_template_replaces_servers_and_a_changed_price_does_not(world: World) -> None:
    world.has(provider("dc1", [model("minilm", **KEPT)]), gpu_node("n1"))
    world.starts()
    await world.until(any_server)
    first = _names(world)
    world.edits(PROVIDER, "dc1", _price("7"))
    await world.passes(60)
    assert _names(world) == first
    world.edits(PROVIDER, "dc1", _image("triton:2"))
    await world.until(lambda w: bool(_names(w)) and _names(w).isdisjoint(first) and any_server(w), within=600)
    assert len(world.cluster.objects[POD]) == 1


@scenario
async def test_a_roll_out_stops_after_the_first_replacement_that_is_not_attested(world: World) -> None:
    offer = model("minilm", servers={"minimum": 3, "maximum": 3, "idleTimeout": "10m"})
    world.has(provider("dc1", [offer]), *(gpu_node(f"n{number}") for number in range(3)))
    world.starts()
    await world.until(lambda w: len(_ready(w)) == 3)
    first = _names(world)
    for key in list(world.runners):
        world.runners[key].items = 3
    world.breaks_new_runners = True
    world.edits(PROVIDER, "dc1", _image("triton:broken"))
    await world.passes(1800)
    assert len(first & _names(world)) == 2


@scenario
async def test_a_node_is_drained(world: World) -> None:
    """kubectl drain cordons the node and evicts its Pods; eviction is deletion with grace."""
    world.work = 30.0
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), gpu_node("n2"), job("j1", "minilm"))
    world.starts()
    await world.until(lambda w: any(runner.assigned for runner in w.runners.values()))
    node = world.node_of("j1")
    world.cluster.edit(Ref(NODE, "", node), lambda body: body["spec"].update(unschedulable=True))
    world.deletes(POD, world.job("j1")["binding"]["server"].split("/")[1])
    world.has(job("j2", "minilm"))
    await world.until(job_is("j1", "Succeeded"), within=120)
    assert world.attempts("j1") == 1
    await world.until(job_is("j2", "Succeeded"), within=300)
    assert {pod["spec"]["nodeName"] for pod in world.servers()}.isdisjoint({node})


@scenario
async def test_hold_binds_nothing_new(world: World) -> None:
    world.has(provider("dc1", [model("minilm", **KEPT)]), gpu_node("n1"))
    world.starts()
    await world.until(any_server)
    world.edits(PROVIDER, "dc1", lambda body: body["spec"].update(operation="Hold"))
    await world.passes(1)
    world.has(job("j1", "minilm"))
    await world.passes(120)
    assert world.job("j1")["state"] == "Pending"
    world.edits(PROVIDER, "dc1", lambda body: body["spec"].update(operation="Serve"))
    await world.until(job_is("j1", "Succeeded"), within=120)


@scenario
async def test_a_suspended_job_waits_until_it_is_resumed(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm", suspend=True))
    world.starts()
    await world.passes(60)
    assert world.job("j1")["state"] == "Pending"
    assert not world.servers()
    world.edits(JOB, "j1", lambda body: body["spec"].update(suspend=False))
    await world.until(job_is("j1", "Succeeded"), within=300)


@scenario
async def test_suspending_a_running_job_ends_it_with_a_receipt_of_what_was_done(world: World) -> None:
    world.work = 60.0
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(lambda w: any(runner.assigned for runner in w.runners.values()))
    world.edits(JOB, "j1", lambda body: body["spec"].update(suspend=True))
    await world.until(job_is("j1", "Failed"), within=30)
    assert world.condition("j1", "Succeeded")["reason"] == "Suspended"
    assert world.job("j1")["receipt"]


@scenario
async def test_an_edit_of_the_spec_does_not_starve_the_end(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Running"))
    priority = 0
    while world.job("j1")["state"] == "Running":
        priority = (priority + 1) % 1000
        world.edits(JOB, "j1", _priority(priority))
        await world.passes(0.013)
    assert world.job("j1")["state"] == "Succeeded"


def _ours(world: World) -> list[Manifest]:
    return [pod for pod in world.servers() if pod["metadata"]["name"] != "other"]


def _names(world: World) -> set[str]:
    return {pod["metadata"]["name"] for pod in world.servers()}


def _ready(world: World) -> list[Manifest]:
    def is_ready(pod: Manifest) -> bool:
        conditions = pod.get("status", {}).get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    return [pod for pod in world.servers() if is_ready(pod)]


def _priority(priority: int) -> Callable[[Manifest], None]:
    return lambda body: body["spec"].update(priority=priority)


def _price(price: str) -> Callable[[Manifest], None]:
    return lambda body: body["spec"]["models"][0].update(price={"perMillionItems": price})


def _image(image: str) -> Callable[[Manifest], None]:
    return lambda body: body["spec"].update(triton={"image": image})


def _foreign_pod(node: str) -> Manifest:
    container = {"name": "c", "resources": {"limits": {GPU: "1"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "other", "namespace": "default", "labels": {}},
        "spec": {"nodeName": node, "containers": [container]},
        "status": {"phase": "Running"},
    }
