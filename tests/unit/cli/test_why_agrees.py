"""`why` says what the operator thinks: its gates, from what a user can list, beside the operator's own snapshot."""

from __future__ import annotations

from cocoon.api.resources import JOB, NAMESPACE, NODE, POD, PROVIDER
from cocoon.cli.sight import World as Seen
from cocoon.cli.sight import read_job
from cocoon.cli.why import Why, explain
from cocoon.fleet.plan.counting import Counting
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import obstacle
from cocoon.fleet.plan.stocktaking import free_slots
from tests.scenario.builders import gpu_node, job, model, provider
from tests.scenario.story import scenario
from tests.scenario.world import World, any_server, job_is


def seen(world: World) -> Seen:
    """What an administrator can list."""
    objects = {kind: tuple(world.cluster.objects[kind].values()) for kind in (PROVIDER, POD, NODE, NAMESPACE, JOB)}
    return Seen(objects[PROVIDER], objects[POD], objects[NODE], objects[NAMESPACE], objects[POD], objects[JOB])


def why(world: World, name: str) -> Why:
    body = world.cluster.find(JOB, f"default/{name}")
    assert body is not None
    return explain(read_job(body), seen(world), world.now())


def agrees(world: World, name: str) -> Why:
    """The job's gates, each of which the operator sees alike."""
    theirs: Snapshot = world.operators["a"].means.mirror.snapshot
    found, now = why(world, name), world.now()
    assert {each.server for each in found.servers} == set(theirs.servers)
    for each in found.servers:
        server = next(server for key, server in theirs.servers.items() if key == each.server)
        assert (each.state or each.attested) == obstacle(theirs, server, now)
        assert each.slots_free == free_slots(theirs, server)
    table = Counting(theirs, now).tabulate(read_job(world.cluster.find(JOB, f"default/{name}") or {}))
    assert sum(not each.terms for each in found.offers) == table.offers
    assert sum(each.fits for each in found.nodes) == table.enough
    return found


@scenario
async def test_a_full_fleet(world: World) -> None:
    world.work = 300.0
    offer = model("minilm", maxConcurrency=2, servers={"minimum": 0, "maximum": 1, "idleTimeout": "1m"})
    world.has(provider("dc1", [offer]), gpu_node("n1"), job("runs", "minilm", parallelism=2), job("waits", "minilm"))
    world.starts()
    await world.until(job_is("runs", "Running"))
    await world.passes(5)
    [server] = agrees(world, "waits").servers
    assert (server.slots_free, server.takes) == (0, False)
    assert [each.starting for each in agrees(world, "waits").offers] == ["with its maximum of 1 server"]


@scenario
async def test_offers_that_refuse(world: World) -> None:
    dear = model(
        "minilm", price={"perMillionItems": "9000000"}, servers={"minimum": 1, "maximum": 1, "idleTimeout": "1m"}
    )
    world.has(provider("dc1", [dear]), provider("dc2", [model("other")]), gpu_node("n1", gpus=2))
    world.has(
        job("poor", "minilm", maximumPrice={"perMillionItems": "1"}), job("strict", "minilm", minimumTrust="Hardware")
    )
    world.starts()
    await world.until(any_server)
    await world.passes(5)
    assert [each.terms for each in agrees(world, "poor").offers] == ["price above maximum"]
    assert [each.offer for each in agrees(world, "strict").servers] == ["with trust Test only"]


@scenario
async def test_nodes_without_room(world: World) -> None:
    cordoned = gpu_node("n2")
    cordoned["spec"]["unschedulable"] = True
    big = model("minilm", gpus=2)
    world.has(provider("dc1", [big]), gpu_node("n1"), cordoned, job("waits", "minilm"))
    world.starts()
    await world.passes(5)
    assert {each.node: each.node_obstacle for each in agrees(world, "waits").nodes} == {
        "n1": "have 1 of 2 GPUs free",
        "n2": "cordoned",
    }


@scenario
async def test_a_provider_on_hold(world: World) -> None:
    held = model("minilm", servers={"minimum": 1, "maximum": 2, "idleTimeout": "1m"})
    world.has(provider("dc1", [held]), gpu_node("n1", gpus=2))
    world.starts()
    await world.until(any_server)
    world.edits(PROVIDER, "dc1", lambda body: body["spec"].update(operation="Hold"))
    world.has(job("waits", "minilm"))
    await world.passes(5)
    found = agrees(world, "waits")
    assert [each.state for each in found.servers] == ["on hold"]
    assert [each.starting for each in found.offers] == ["of a provider that starts no servers now"]
