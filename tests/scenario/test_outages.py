"""Unknown is not failed: while something can't be reached, nothing is deleted and no job is given to another server."""

from __future__ import annotations

import asyncio

from cocoon.api.resources import POD, Manifest
from cocoon.fleet.ports.failures import Busy
from tests.scenario.builders import gpu_node, job, model, provider
from tests.scenario.story import scenario
from tests.scenario.world import World, any_server, job_is


async def running(world: World, work: float, nodes: int = 2) -> str:
    """A provider's one job, which takes that long (seconds), runs; the node that it runs on."""
    world.work = work
    world.has(provider("dc1", ["minilm"]), *(gpu_node(f"n{n}") for n in range(1, nodes + 1)), job("j1", "minilm"))
    world.starts()
    await world.until(job_is("j1", "Running"))
    return world.node_of("j1")


async def ends_in(world: World, attempt: int, within: float) -> None:
    """The job succeeds in that attempt."""
    await world.until(job_is("j1", "Succeeded"), within=within)
    assert world.attempts("j1") == attempt


@scenario
async def test_the_api_server_is_gone_for_two_minutes(world: World) -> None:
    world.work = 30.0
    names = [f"j{number}" for number in range(5)]
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), *(job(name, "minilm") for name in names))
    world.starts()
    await world.until(lambda w: all(w.job(name).get("state") == "Running" for name in names))
    world.cluster.down = True
    await world.passes(120)
    world.cluster.down = False
    for name in names:
        await world.until(job_is(name, "Succeeded"), within=120)
        assert world.attempts(name) == 1
    assert not [write for write in world.cluster.writes if write[0] == "delete"]


@scenario
async def test_an_operator_and_a_runner_lose_sight_of_each_other(world: World) -> None:
    """The runner ends the job meanwhile, and publishes nothing until it is told that its attempt still stands."""
    node = await running(world, work=100.0)
    await world.passes(3)
    world.cuts(node)
    await world.passes(600)
    assert world.job("j1")["state"] == "Running"
    world.cuts(node, off=False)
    await ends_in(world, attempt=1, within=120)


@scenario
async def test_a_node_falls_silent_but_its_runner_answers(world: World) -> None:
    world.not_ready(await running(world, work=900.0))
    await ends_in(world, attempt=1, within=1200)


@scenario
async def test_a_node_and_its_runner_fall_silent(world: World) -> None:
    node = await running(world, work=20.0)
    world.not_ready(node)
    world.cuts(node)
    await world.passes(240)
    assert world.job("j1")["state"] == "Running"
    await ends_in(world, attempt=2, within=600)


@scenario
async def test_a_node_is_silent_already_when_the_operator_starts(world: World) -> None:
    node = await running(world, work=20.0)
    await world.kills()
    world.not_ready(node)
    world.cuts(node)
    world.starts()
    await ends_in(world, attempt=2, within=900)


@scenario
async def test_a_runner_restarts_and_is_attested_anew(world: World) -> None:
    await running(world, work=5.0, nodes=1)
    await ends_in(world, attempt=1, within=60)
    runner = next(iter(world.runners.values()))
    runner.restart()
    world.has(job("j2", "minilm"))
    await world.until(job_is("j2", "Succeeded"), within=20)
    assert len(world.runners) == 1


@scenario
async def test_a_standby_takes_over_within_fifteen_seconds(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j0", "minilm"))
    world.starts("a")
    await world.until(any_server)
    world.starts("b")
    await world.passes(30)
    assert not world.operators["b"].leadership.leading
    await world.kills("a")
    world.has(job("j1", "minilm"))
    died = world.now()
    await world.until(job_is("j1", "Running"), within=60)
    assert world.now() - died <= 15.0


@scenario
async def test_two_replicas_never_lead_at_once(world: World) -> None:
    world.starts("a")
    world.starts("b")
    for _ in range(400):
        await world.passes(0.25)
        assert sum(operator.leadership.leading for operator in world.operators.values()) <= 1
    world.cluster.down = True
    await world.passes(7)
    assert not any(operator.leadership.leading for operator in world.operators.values())
    world.cluster.down = False
    await world.until(lambda w: any(operator.leadership.leading for operator in w.operators.values()), within=30)


@scenario
async def test_a_missed_deletion_is_noticed_at_the_next_list(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), gpu_node("n2"), job("j1", "minilm"))
    operator = world.starts()
    await world.until(job_is("j1", "Succeeded"))
    watchers = list(world.cluster.watchers)
    world.cluster.watchers.clear()
    world.loses(world.node_of("j1"))
    await world.passes(1)
    world.cluster.watchers.extend(watchers)
    assert operator.means.mirror.snapshot.servers
    await world.until(lambda _: not operator.means.mirror.snapshot.servers, within=310)
    assert not world.cluster.objects[POD]


@scenario
async def test_a_verdict_is_of_the_boot_that_was_attested(world: World) -> None:
    offer = model("minilm", servers={"minimum": 1, "maximum": 1, "idleTimeout": "10m"})
    world.has(provider("dc1", [offer]), gpu_node("n1"))
    attestations = world.starts().means.mirror.snapshot.attestations
    await world.until(any_server)
    (runner,) = world.runners.values()

    def boots() -> list[str]:
        return [each.boot for each in attestations.values()]

    await world.until(lambda _: boots() == [runner.boot], within=60)
    (first,) = attestations.values()
    while next(iter(attestations.values())).verdict == first.verdict:
        assert boots() == [runner.boot]
        await world.passes(1)
    assert boots() == [runner.boot]
    runner.restart()
    assert boots() != [runner.boot]
    await world.until(lambda _: boots() == [runner.boot], within=120)


@scenario
async def test_upkeep_of_many_providers_holds_up_no_job(world: World) -> None:
    """More of them than actions at once have policies that the API server does not answer for."""
    apply = world.cluster.apply

    async def slow(manifest: Manifest, manager: str = "") -> Manifest:
        if manifest["kind"] == "NetworkPolicy":
            await asyncio.sleep(60)
        return await apply(manifest, manager)

    offer = model("minilm", servers={"minimum": 1, "maximum": 1, "idleTimeout": "10m"})
    world.has(provider("dc1", [offer]), gpu_node("n1"))
    world.starts()
    await world.until(any_server)
    world.cluster.apply = slow  # type: ignore[method-assign]  # the world is this story's own
    world.has(*(provider(f"dc{number}", ["minilm"]) for number in range(2, 80)), job("j1", "minilm"))
    await world.kills()
    world.starts("b")
    await world.until(job_is("j1", "Succeeded"), within=45)


@scenario
async def test_a_bind_whose_answer_is_lost_keeps_its_slots(world: World) -> None:
    """It was written, but neither the answer nor the watch says so: nobody else gets the slots."""
    world.work = 300.0
    world.has(provider("dc1", [model("minilm", maxConcurrency=8)]), gpu_node("n1"), job("j0", "minilm"))
    operator = world.starts()
    await world.until(job_is("j0", "Running"))

    async def lose(verb: str, body: Manifest) -> None:
        if verb == "update_status" and body["metadata"]["name"] == "j1" and not operator.blind_to:
            operator.blind_to.add("j1")
            raise Busy("The connection was lost.")

    world.cluster.afterwards = lose
    world.has(job("j1", "minilm", parallelism=6))
    await world.until(lambda _: "j1" in operator.blind_to)
    world.has(job("j2", "minilm", parallelism=4))
    await world.passes(60)
    assert world.job("j1")["state"] == "Running"
    assert world.job("j2").get("state", "Pending") == "Pending"


@scenario
async def test_a_bind_that_was_broken_off_with_the_lease_keeps_its_slots(world: World) -> None:
    """The Lease is lost while it is being written, and soon won again; the watch is late."""
    world.work = 300.0
    world.has(provider("dc1", [model("minilm", maxConcurrency=8)]), gpu_node("n1"), job("j0", "minilm"))
    operator = world.starts()
    await world.until(job_is("j0", "Running"))

    async def hang(verb: str, body: Manifest) -> None:
        if verb == "update_status" and body["metadata"]["name"] == "j1" and not operator.blind_to:
            operator.blind_to.add("j1")
            world.cluster.down = True
            await asyncio.Event().wait()

    world.cluster.afterwards = hang
    world.has(job("j1", "minilm", parallelism=6))
    await world.until(lambda _: "j1" in operator.blind_to)
    world.has(job("j2", "minilm", parallelism=4))
    await world.until(lambda _: not operator.leadership.leading)
    world.cluster.down = False
    await world.passes(60)
    assert operator.leadership.leading
    assert world.job("j1")["state"] == "Running"
    assert world.job("j2").get("state", "Pending") == "Pending"


@scenario
async def test_who_takes_over_knows_what_was_bound_before(world: World) -> None:
    """Its watch has not brought the last bind yet."""
    world.work = 300.0
    world.has(provider("dc1", [model("minilm", maxConcurrency=8)]), gpu_node("n1"), job("j0", "minilm"))
    world.starts("a")
    await world.until(job_is("j0", "Running"))
    world.starts("b")
    await world.passes(10)
    world.operators["b"].blind_to.add("j1")
    world.has(job("j1", "minilm", parallelism=6))
    await world.until(job_is("j1", "Running"))
    await world.kills("a")
    world.has(job("j2", "minilm", parallelism=4))
    await world.until(lambda w: w.operators["b"].leadership.leading, within=20)
    await world.passes(60)
    assert world.job("j2").get("state", "Pending") == "Pending"
