"""Which servers are let go, and how."""

from __future__ import annotations

from msgspec.structs import replace

from cocoon.api.evidence import Verdict
from cocoon.api.trust import Trust
from cocoon.fleet.plan import actions as act
from cocoon.fleet.plan.records import Key
from tests.unit.plan.builders import job, node, offer, provider, untrusted
from tests.unit.plan.world import World

DC1 = Key("fleet/dc1")


def deleted(world: World) -> list[str]:
    """Reasons of all deletions of servers."""
    return [action.reason for action in world.log if isinstance(action, act.DeleteServer)]


def templates(world: World) -> list[str]:
    return sorted(server.template for server in world.servers.values())


def test_an_idle_server_goes_after_its_time_above_the_minimum() -> None:
    world = World(
        provider("dc1", offer(minimum=1, idle_timeout=60)), node(), *(job(f"j{n}", parallelism=8) for n in range(2))
    )
    world.settle()
    world.finish_all()
    world.settle()
    world.now += 59
    world.settle()
    assert deleted(world) == []
    world.now += 2
    world.settle()
    assert deleted(world) == ["Idle"]
    assert len(world.servers) == 1


def test_a_server_out_of_reach_is_not_taken_for_idle() -> None:
    world = World(provider("dc1", offer(idle_timeout=60)), node(), job())
    world.settle()
    world.finish_all()
    world.settle()
    (server,) = world.servers.values()
    world.set_reachable(server.uid, reachable=False)
    world.now += 61
    world.settle()
    assert world.servers[server.key].retiring is None
    world.set_reachable(server.uid, reachable=True)
    world.settle()
    assert deleted(world) == ["Idle"]


def test_drain_waits_for_jobs_then_cancels_them_for_free() -> None:
    world = World(provider(), node(), job(attempts=1))
    world.settle()
    world.edit_provider(DC1, operation="Drain", drain_timeout=100)
    world.settle()
    assert deleted(world) == []
    world.now += 101
    world.settle()
    assert deleted(world) == ["Draining"]
    status = world.jobs[Key("team/j1")].status
    assert status.state == "Pending"
    assert status.attempts[0].free


def test_a_deleted_provider_is_released_when_its_servers_are_gone() -> None:
    world = World(provider(), node(), job())
    world.settle()
    world.edit_provider(DC1, deleting=True)
    world.settle()
    assert DC1 in world.providers
    world.finish_all()
    world.settle()
    assert DC1 not in world.providers
    assert world.jobs[Key("team/j1")].status.state == "Succeeded"


def test_a_server_with_a_receipt_or_out_of_reach_is_not_deleted() -> None:
    world = World(provider(), node(), job())
    world.settle()
    (server,) = world.servers.values()
    world.set_reachable(server.uid, reachable=False)
    world.edit_provider(DC1, operation="Drain", drain_timeout=1)
    world.delete_job(Key("team/j1"))
    world.now += 10_000
    world.settle()
    assert deleted(world) == []
    world.set_reachable(server.uid, reachable=True)
    world.settle()
    assert deleted(world) == ["Draining"]


def test_an_evicted_server_gets_no_more_jobs_and_is_left_to_the_kubelet() -> None:
    world = World(provider(), node(), job())
    world.settle()
    (server,) = world.servers.values()
    world._store_server(replace(server, deleting=True))
    world.has(job("j2"))
    world.settle()
    assert world.jobs[Key("team/j2")].status.binding.server != server.key  # type: ignore[union-attr]  # it runs
    assert deleted(world) == []


def test_a_rollout_takes_one_server_at_a_time_and_no_spare_gpu() -> None:
    world = World(provider("dc1", offer(minimum=3)), node("n1", 3))
    world.settle()
    world.edit_provider(DC1, offers={"minilm": offer(minimum=3, template="t2")})
    seen = set()
    for _ in range(60):
        world.round()
        up = sum(world.snapshot.census.standing(key) == "free" for key in world.servers)
        seen.add(up)
        world.pods_start()
        world.models_load()
    assert templates(world) == ["t2", "t2", "t2"]
    assert min(seen) == 2


def test_a_rollout_stops_at_a_replacement_that_does_not_come_up() -> None:
    world = World(provider("dc1", offer(minimum=3)), node("n1", 3))
    world.settle()
    world.edit_provider(DC1, offers={"minilm": offer(minimum=3, template="t2")})
    good = Verdict(trusted=True, trust=Trust.HARDWARE, not_after=world.now + 9_000, evidence="e")
    world.verdict = lambda server: good if server.template == "t1" else None
    world.settle()
    world.now += 600
    world.settle()
    assert templates(world) == ["t1", "t1", "t2"]


def test_what_concerns_no_template_restarts_nothing() -> None:
    world = World(provider("dc1", offer(minimum=2)), node())
    world.settle()
    world.edit_provider(DC1, payee="UQother", offers={"minilm": offer(minimum=2, concurrency=8, idle_timeout=5)})
    world.settle()
    assert deleted(world) == []


def test_a_server_that_is_never_trusted_is_given_up_and_its_node_left_alone() -> None:
    world = World(provider("dc1", offer(minimum=1)), node("n1"), node("n2", 4))
    world.verdict = lambda server: untrusted() if server.node == "n2" else world._trusts(server)
    for _ in range(8):
        world.settle()
        world.now += 50
    assert deleted(world) == ["NotTrusted"]
    assert [server.node for server in world.servers.values()] == ["n1"]


def test_a_server_that_was_trusted_once_may_hold_receipts_and_stays() -> None:
    world = World(provider("dc1", offer(minimum=1)), node("n1"))
    world.settle()
    [server] = world.servers.values()
    world.verdict = lambda _: untrusted()
    world.views.clear()  # a new operator does not listen to a runner that it does not trust
    world.restart()
    for _ in range(8):
        world.round()
        world.now += 600
    shown = world.servers[server.key].attested
    assert shown is not None
    assert (world.servers[server.key].uid, shown.reason) == (server.uid, "NotTrusted")


def test_servers_above_the_maximum_go() -> None:
    world = World(provider("dc1", offer(minimum=3)), node())
    world.settle()
    world.edit_provider(DC1, offers={"minilm": offer(minimum=0, maximum=1)})
    world.settle()
    assert deleted(world) == ["AboveMaximum", "AboveMaximum"]
