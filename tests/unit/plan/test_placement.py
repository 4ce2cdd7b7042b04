"""Which servers are created, where, and which give way."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from cocoon.api.provider import Nodes, Toleration
from cocoon.fleet.plan import actions as act
from cocoon.fleet.plan.names import next_ordinal, prefix, server_name
from cocoon.fleet.plan.records import ForeignUse, Key, Taint
from tests.unit.plan.builders import GPU, job, node, offer, provider
from tests.unit.plan.world import World


def created(world: World) -> list[str]:
    """Nodes of the servers that were created."""
    return [action.node for action in world.log if isinstance(action, act.CreateServer)]


def test_best_fit_keeps_whole_nodes_free() -> None:
    world = World(provider("dc1", offer(gpus=2)), node("n1", 8), node("n2", 2), node("n3", 4), job())
    world.settle()
    assert created(world) == ["n2"]


def test_as_many_servers_as_waiting_jobs_can_fill() -> None:
    world = World(provider(), node(), *(job(f"j{number}", parallelism=4) for number in range(5)))
    world.settle()
    assert len(created(world)) == 3


def test_never_above_the_maximum_nor_below_the_minimum() -> None:
    jobs = [job(f"j{number}", parallelism=8) for number in range(9)]
    world = World(provider("dc1", offer(minimum=2, maximum=3)), node())
    world.settle()
    assert len(created(world)) == 2
    world.has(*jobs)
    world.settle()
    assert len(created(world)) == 3


def test_maximum_gpus_of_a_provider() -> None:
    world = World(provider("dc1", offer(minimum=4, gpus=2), maximum_gpus=5), node())
    world.settle()
    assert len(created(world)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"cordoned": True},
        {"not_ready_since": 1.0},
        {"labels": {}},
        {"taints": (Taint("gpu", "NoSchedule"),)},
        {"allocatable": {GPU: 17}},
        {"allocatable": {}},
    ],
)
def test_nodes_left_alone(changes: dict[str, Any]) -> None:
    world = World(provider(), node(**changes), job())
    world.settle()
    assert created(world) == []


def test_tolerated_taints() -> None:
    tolerant = provider(nodes=Nodes(tolerations=(Toleration(key="gpu", operator="Exists"),)))
    world = World(tolerant, node(taints=(Taint("gpu", "NoSchedule"),)), job())
    world.settle()
    assert created(world) == ["n1"]


def test_gpus_of_others_count_and_nonsense_excludes() -> None:
    world = World(provider(), node("n1", 2), ForeignUse("n1", {GPU: 2}), job())
    world.settle()
    assert created(world) == []
    world.has(ForeignUse("n1", {GPU: 3}), node("n2", 1))
    world.settle()
    assert created(world) == ["n2"]


def test_two_providers_on_one_node_never_overbook_it() -> None:
    world = World(provider("a", offer(minimum=4)), provider("b", offer(minimum=4)), node("n1", 5))
    world.settle()
    assert len(created(world)) == 5


def test_a_pod_that_does_not_fit_is_given_up_and_its_node_left_alone() -> None:
    world = World(provider(), node("n1", 1), node("n2", 8), job())
    world.round()
    world.round()
    (key,) = world.servers
    world._store_server(replace(world.servers[key], unschedulable="0/2 nodes are available"))
    world.now += 31
    world.settle()
    assert created(world) == ["n1", "n2"]


def test_a_failing_creation_is_repeated_under_the_same_name() -> None:
    world = World(provider(), node(), job())
    world.round()
    names = set()
    for _ in range(3):
        actions = world.round(lambda _: "fails")
        names |= {action.name for action in actions if isinstance(action, act.CreateServer)}
    assert len(names) == 1
    assert world.servers == {}


def test_idle_servers_make_room_for_another_model() -> None:
    world = World(
        provider("dc1", offer("minilm"), offer("tinylm", gpus=2)), node("n1", 2), job(), job("j2", parallelism=8)
    )
    world.settle()
    world.finish_all()
    world.settle()
    world.has(job("j3", model="tinylm"))
    world.settle()
    world.now += 11
    world.settle()
    assert world.jobs[Key("team/j3")].status.state == "Running"


def test_a_server_that_a_minimum_keeps_does_not_make_room() -> None:
    world = World(provider("dc1", offer(minimum=1), offer("tinylm")), node("n1", 1), job("j2", model="tinylm"))
    world.settle()
    world.now += 60
    world.settle()
    assert created(world) == ["n1"]
    assert [server.model for server in world.servers.values()] == ["minilm"]


def test_an_isolated_server_is_made_for_its_namespace() -> None:
    world = World(provider("dc1", offer(isolation="PerNamespace", minimum=1)), node(), job(), job("j2", namespace="x"))
    world.settle()
    made = sorted(action.isolated_for for action in world.log if isinstance(action, act.CreateServer))
    assert made == ["team", "x"]


def test_names_of_63_characters() -> None:
    start = prefix("p" * 63, "uid", "M.o_d" * 20, "t")
    assert len(server_name(start, 99999)) <= 63
    assert start != prefix("p" * 63, "other", "M.o_d" * 20, "t")
    assert next_ordinal("a-b", ["a-b-3", "a-b-x", "a-9"]) == 4
