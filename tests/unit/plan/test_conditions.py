"""What people are told about providers, and the end of old jobs."""

from __future__ import annotations

from msgspec.structs import replace

from cocoon.api.conditions import find
from cocoon.api.runner import ModelState
from cocoon.fleet.plan import actions as act
from cocoon.fleet.plan.records import Flaw, Key, PayoutLink
from tests.unit.plan.builders import SHA, attestation, job, node, offer, provider, server, view
from tests.unit.plan.world import World

DC1 = Key("fleet/dc1")


def shown(world: World) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition of the provider."""
    return {each.type: (each.status, each.reason) for each in world.providers[DC1].status.conditions}


def test_a_healthy_provider() -> None:
    world = World(provider("dc1", offer(minimum=2)), node())
    world.settle()
    world.now += 6
    world.settle()
    assert shown(world) == {
        "Ready": ("True", "Serving"),
        "WalletValid": ("True", "AsDeclared"),
        "ModelsValid": ("True", "AsDeclared"),
        "CapacityAvailable": ("True", "AsDeclared"),
        "Attested": ("True", "Trusted"),
        "UpToDate": ("True", "AsDeclared"),
        "PayoutsCurrent": ("Unknown", "NoPayoutService"),
    }
    status = world.providers[DC1].status
    assert status.capacity is not None
    assert status.servers is not None
    assert (status.capacity.gpus, status.capacity.gpus_free, status.servers.ready) == (8, 6, 2)


def test_a_wallet_that_can_not_be_paid_to_stops_the_provider() -> None:
    flaw = Flaw("wallet.address", "InvalidAddress", "The checksum is wrong. Copy the address again.")
    world = World(provider("dc1", offer(minimum=1), flaws=(flaw,)), node())
    world.settle()
    assert world.servers == {}
    assert shown(world)["WalletValid"] == ("False", "InvalidAddress")
    assert shown(world)["Ready"] == ("False", "InvalidAddress")


def test_a_model_that_can_not_be_loaded_is_told_and_tried_again_later() -> None:
    world = World(provider("dc1", offer(minimum=1)), node())
    world.settle()
    (uid,) = world.views
    world._change_view(uid, models=(ModelState("minilm", SHA, "Failed", "DigestMismatch", "It is another archive."),))
    world.now += 6
    world.settle(busy=False)
    assert shown(world)["ModelsValid"] == ("False", "DigestMismatch")
    loads = sum(isinstance(action, act.LoadModel) for action in world.log)
    world.now += 31
    world.settle(busy=False)
    assert sum(isinstance(action, act.LoadModel) for action in world.log) == loads + 1


def test_no_node_is_selected() -> None:
    world = World(provider())
    world.settle()
    assert shown(world)["CapacityAvailable"] == ("False", "NoNodes")


def test_numbers_are_not_written_all_the_time() -> None:
    world = World(provider(), node())
    for number in range(20):
        world.has(job(f"j{number}", model="minilm"))
        world.settle()
        world.now += 0.1
    assert sum(isinstance(action, act.WriteProviderStatus) for action in world.log) <= 2


def test_no_server_before_finalizer_and_policies() -> None:
    world = World(provider("dc1", offer(minimum=1), finalized=False), node())
    kinds = [{type(action).__name__ for action in world.round()} for _ in range(4)]
    created = next(number for number, each in enumerate(kinds) if "CreateServer" in each)
    assert any("SetFinalizer" in each for each in kinds[:created])
    assert any("ApplyChildren" in each for each in kinds[:created])


def test_old_jobs_go_when_their_receipt_is_reported() -> None:
    world = World(provider(), node(), job(ttl=100))
    world.settle()
    world.finish_all()
    world.settle()
    world.now += 101
    world.settle()
    assert world.jobs == {}


def test_a_job_whose_receipt_is_not_reported_stays() -> None:
    world = World(provider(), node(), job(ttl=100))
    world.settle()
    world.finish_all()
    world.settle()
    old = world.jobs[Key("team/j1")]
    unreported = tuple(each for each in old.status.conditions if each.type != "Reported")
    world.has(PayoutLink(configured=True, unreachable_since=world.now))
    world._store_job(replace(old, status=replace(old.status, conditions=unreported), resource_version="999"))
    world.now += 500
    world.settle()
    assert find(world.jobs[Key("team/j1")].status.conditions, "Reported") is None


def test_how_far_a_rollout_is_and_what_stops_it() -> None:
    old, new = server("s1", template="t0"), server("s2", node="n2", running=False, address="")
    world = World(provider("dc1", offer(minimum=2)), node(), node("n2"), old, new, view(old), attestation(old))
    world.round()
    assert shown(world)["UpToDate"] == ("False", "RollingOut")
    assert shown(world)["Ready"] != ("False", "RollingOut")
    world.now += 6
    world.has(replace(new, waiting="triton: ImagePullBackOff: not found"))
    world.round()
    assert shown(world)["UpToDate"] == ("False", "RolloutStopped")
    condition = find(world.providers[DC1].status.conditions, "UpToDate")
    assert condition is not None
    assert "starting (triton: ImagePullBackOff: not found)" in condition.message


def test_a_payout_service_that_answers_and_can_not_work() -> None:
    world = World(provider("dc1"), node())
    said = "The payout service answers 503 DatabaseAway: The database does not answer: connection refused."
    world.has(PayoutLink(configured=True, unreachable_since=world.now, said=said))
    world.round()
    condition = find(world.providers[DC1].status.conditions, "PayoutsCurrent")
    assert condition is not None
    assert (condition.status, condition.reason) == ("Unknown", "PayoutServiceFailing")
    assert said in condition.message
    assert "--payout-url" not in condition.message
    world.now += 100
    world.has(PayoutLink(configured=True, unreachable_since=world.now))
    world.round()
    condition = find(world.providers[DC1].status.conditions, "PayoutsCurrent")
    assert condition is not None
    assert condition.reason == "PayoutServiceUnreachable"
    assert "--payout-url" in condition.message
