"""What owners read of their money: on a provider's status, from a payout service that has bad days."""

from __future__ import annotations

from typing import Any

from cocoon.api.payout import Hold
from cocoon.api.resources import PROVIDER
from tests.scenario.builders import gpu_node, job, provider
from tests.scenario.payments import FakePayout
from tests.scenario.story import scenario
from tests.scenario.world import BEGINNING, Predicate, World, job_is

WORTH = 1_000_000


def _given(world: World, **more: Any) -> FakePayout:
    world.payout = payout = FakePayout(10 * WORTH)
    world.has(provider("dc1", ["minilm"], **more), gpu_node("n1"), job("j1", "minilm", budget=str(WORTH)))
    world.starts()
    return payout


def _uid(world: World, name: str = "dc1") -> str:
    body = world.provider(name)
    assert body is not None
    return str(body["metadata"]["uid"])


def _status(world: World, name: str = "dc1") -> dict[str, Any]:
    return (world.provider(name) or {}).get("status") or {}


def _current(world: World) -> tuple[str, str]:
    found = [each for each in _status(world).get("conditions", []) if each["type"] == "PayoutsCurrent"]
    return (found[0]["status"], found[0]["reason"]) if found else ("", "")


def _message(world: World) -> str:
    return next(str(each["message"]) for each in _status(world)["conditions"] if each["type"] == "PayoutsCurrent")


def current(status: str, reason: str) -> Predicate:
    return lambda world: _current(world) == (status, reason)


def _earned(world: World) -> dict[str, Any]:
    found: dict[str, Any] = _status(world).get("earnings") or {}
    return found


@scenario
async def test_a_finished_job_shows_as_earned_and_then_as_paid(world: World) -> None:
    payout = _given(world)
    await world.until(job_is("j1", "Succeeded"))
    cost = str(world.job("j1")["cost"])
    assert int(cost) > 0
    await world.until(lambda w: _earned(w).get("accrued") == cost, within=60)
    assert current("True", "Paying")(world)
    payout.pays(_uid(world), BEGINNING + 500)
    await world.until(lambda w: _earned(w).get("paid") == cost, within=60)
    assert {"accrued": "0"} | _earned(world) == {
        "accrued": "0",
        "earned": cost,
        "paid": cost,
        "lastTransfer": {"hash": "ab" * 32, "at": "2027-01-15T08:08:20Z", "amount": cost},
    }


@scenario
async def test_a_service_out_of_reach_is_not_known_and_takes_no_figure_away(world: World) -> None:
    payout = _given(world)
    payout.earns(_uid(world), 7)
    await world.until(lambda w: _earned(w).get("accrued") == "7", within=60)
    payout.away = True
    await world.until(current("Unknown", "PayoutServiceUnreachable"), within=60)
    assert "--payout-url" in _message(world)
    assert _earned(world)["accrued"] == "7"
    await world.kills()
    world.starts()
    await world.passes(120)
    assert current("Unknown", "PayoutServiceUnreachable")(world)
    assert _earned(world)["accrued"] == "7"
    payout.away = False
    await world.until(current("True", "Paying"), within=60)


@scenario
async def test_what_holds_up_the_money_is_said(world: World) -> None:
    payout = _given(world)
    await world.until(current("True", "Paying"), within=60)
    payout.holds = (Hold("Drift", "Nothing new is paid."), Hold("Paused", "You are.", _uid(world)))
    await world.until(current("False", "PayoutsHeld"), within=60)
    assert _message(world) == "Drift: Nothing new is paid."
    payout.holds = (Hold("Paused", "They are.", "somebody-else"),)
    await world.until(current("True", "Paying"), within=60)


@scenario
async def test_a_quiet_fleet_writes_nothing(world: World) -> None:
    payout = _given(world)
    world.has(provider("dc2", ["minilm"]))
    await world.until(job_is("j1", "Succeeded"))
    payout.earns(_uid(world), 7)
    await world.passes(3_000)  # idle servers are gone by then

    def versions() -> list[str]:
        return [_version(world, name) for name in ("dc1", "dc2")]

    before = versions()
    await world.passes(3_000)
    assert versions() == before
    payout.earns(_uid(world, "dc2"), 7)
    await world.until(lambda w: (_status(w, "dc2").get("earnings") or {}).get("accrued") == "7", within=60)
    assert versions()[0] == before[0]


def _version(world: World, name: str) -> str:
    return str(world.cluster.objects[PROVIDER][f"default/{name}"]["metadata"]["resourceVersion"])


@scenario
async def test_how_an_owner_wants_to_be_paid_is_told_once_and_when_it_changes(world: World) -> None:
    wallet = {"address": "0:" + "0" * 64, "minimumPayout": "50000000000", "maximumPayoutDelay": "2d"}
    payout = _given(world, wallet=wallet)
    await world.until(lambda w: _uid(w) in payout.wanted, within=60)
    told = payout.wanted[_uid(world)]
    assert (told.minimum_payout, told.maximum_delay) == ("50000000000", 172_800.0)
    await world.passes(1_800)
    assert payout.told == 1
    world.edits(PROVIDER, "dc1", lambda body: body["spec"]["wallet"].update(minimumPayout="60000000000"))
    await world.until(lambda w: payout.wanted[_uid(w)].minimum_payout == "60000000000", within=60)
    assert payout.told == 2
