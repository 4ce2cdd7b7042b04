"""Jobs that cost money: bound within credit, reported, and neither lost nor asked for twice on bad days."""

from __future__ import annotations

from tests.scenario.builders import gpu_node, job, provider
from tests.scenario.payments import FakePayout
from tests.scenario.story import scenario
from tests.scenario.world import Predicate, World, job_is

BUDGET = 1_000_000


def _given(world: World, credit: int = BUDGET) -> FakePayout:
    world.payout = payout = FakePayout(credit)
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("j1", "minilm", budget=str(BUDGET)))
    world.starts()
    return payout


def _reported(reason: str) -> Predicate:
    return lambda world: world.condition("j1", "Reported").get("reason") == reason


async def _is_forgotten(world: World) -> None:
    await world.until(lambda w: all(runner.drained for runner in w.runners.values()), within=300)


@scenario
async def test_a_job_is_reported_with_the_price_of_its_binding(world: World) -> None:
    payout = _given(world)
    await world.until(job_is("j1", "Succeeded"))
    assert world.condition("j1", "Reported")["status"] == "True"
    assert len(payout.taken) == 1
    assert payout.prices[0] is not None
    assert payout.evidence
    await _is_forgotten(world)


@scenario
async def test_a_job_that_no_credit_covers_waits_for_it(world: World) -> None:
    payout = _given(world, credit=BUDGET - 1)
    await world.passes(120)
    assert not world.job("j1").get("binding")
    payout.available = BUDGET
    await world.until(job_is("j1", "Succeeded"))


@scenario
async def test_an_outage_holds_up_no_job_and_the_receipt_follows(world: World) -> None:
    world.work = 30.0
    payout = _given(world)
    await world.until(job_is("j1", "Running"))
    payout.away = True
    await world.until(job_is("j1", "Succeeded"), within=120)
    assert _reported("PayoutServiceUnreachable")(world)
    assert not all(runner.drained for runner in world.runners.values())
    await world.passes(600)
    payout.away = False
    await world.until(_reported("Accepted"), within=120)
    await _is_forgotten(world)
    assert payout.asked == 1


@scenario
async def test_a_refusal_is_the_last_word(world: World) -> None:
    payout = _given(world)
    payout.refuses = True
    await world.until(job_is("j1", "Succeeded"))
    assert _reported("Refused")(world)
    await _is_forgotten(world)
    await world.passes(3_600)
    assert payout.asked == 1


@scenario
async def test_a_postponed_receipt_is_kept_and_handed_in_again_now_and_then(world: World) -> None:
    payout = _given(world)
    payout.postpones = True
    await world.until(job_is("j1", "Succeeded"))
    assert _reported("Postponed")(world)
    await world.passes(1_800)
    assert not all(runner.drained for runner in world.runners.values())
    assert 20 <= payout.asked <= 40
    payout.postpones = False
    await world.until(_reported("Accepted"), within=120)
    await _is_forgotten(world)


@scenario
async def test_a_budget_that_was_not_spent_is_free_again(world: World) -> None:
    """The account holds as much as before, and is read all the same."""
    payout = _given(world)
    await world.until(job_is("j1", "Running"))
    (runner,) = world.runners.values()
    runner.items = 0
    await world.until(job_is("j1", "Succeeded"))
    assert payout.available == BUDGET
    world.has(job("j2", "minilm", budget=str(BUDGET)))
    await world.until(job_is("j2", "Succeeded"), within=120)
