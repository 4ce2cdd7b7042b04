"""Who begins to act knows of a runner only what it has told since: until then nothing is counted as free.

What a runner may still cost is not in the cluster if its job was deleted meanwhile. So nobody's account is promised
until all runners that may have worked have told what they have, or have had the time to.
"""

from __future__ import annotations

from cocoon.api.resources import JOB
from cocoon.fleet.plan.roll_call import PATIENCE
from tests.scenario.builders import gpu_node, job, model, provider
from tests.scenario.payments import FakePayout
from tests.scenario.story import scenario
from tests.scenario.world import World, job_is

BUDGET = 1_000_000


async def _given(world: World) -> FakePayout:
    """Two servers, one of which works for j1; the account covers one job."""
    world.work = 3_600.0
    world.payout = payout = FakePayout(BUDGET)
    always = model("minilm", servers={"minimum": 2, "maximum": 2, "idleTimeout": "10m"})
    world.has(provider("dc1", [always]), gpu_node("n1"), gpu_node("n2"))
    world.starts()
    await world.until(lambda w: len(w.runners) == 2 and all(runner.models for runner in w.runners.values()))
    await world.passes(60)
    world.has(job("j1", "minilm", budget=str(BUDGET)))
    await world.until(job_is("j1", "Running"))
    for runner in world.runners.values():
        runner.done = 3
    return payout


def _waits(world: World) -> bool:
    return not world.job("j2").get("binding")


async def _is_refused_for_good(world: World, payout: FakePayout) -> None:
    """The deleted job's receipt comes and takes from the account, so too little is left for the next one."""
    await world.until(lambda _: bool(payout.taken), within=60)
    assert payout.available == BUDGET - 3
    await world.passes(120)
    assert _waits(world)
    assert world.condition("j2", "Bound")["reason"] == "CreditExhausted"


@scenario
async def test_what_a_silent_runner_may_cost_is_not_promised_after_a_restart(world: World) -> None:
    payout = await _given(world)
    node = world.node_of("j1")
    await world.kills()
    world.cuts(node)
    world.deletes(JOB, "j1")
    world.starts()
    world.has(job("j2", "minilm", budget=str(BUDGET)))
    await world.passes(PATIENCE / 2)
    assert _waits(world)
    assert "has not heard from" in world.condition("j2", "Bound")["message"]
    world.cuts(node, off=False)
    await _is_refused_for_good(world, payout)


@scenario
async def test_who_takes_over_asks_all_runners_before_it_promises(world: World) -> None:
    """The one that led before knew what the deleted job may cost; a standby has heard of no runner."""
    payout = await _given(world)
    node = world.node_of("j1")
    world.starts("b")
    await world.passes(20)
    world.cuts(node)
    world.deletes(JOB, "j1")
    await world.passes(60)
    await world.kills("a")
    world.has(job("j2", "minilm", budget=str(BUDGET)))
    await world.until(lambda w: w.operators["b"].leadership.leading, within=30)
    await world.passes(30)
    assert _waits(world)
    world.cuts(node, off=False)
    await _is_refused_for_good(world, payout)


@scenario
async def test_a_runner_that_stays_silent_holds_up_nobody_for_long(world: World) -> None:
    """What it brings later, the payout service takes only if the account covers it then."""
    await _given(world)
    node = world.node_of("j1")
    await world.kills()
    world.cuts(node)
    world.deletes(JOB, "j1")
    world.starts()
    world.has(job("j2", "minilm", budget=str(BUDGET)))
    await world.passes(PATIENCE - 10)
    assert _waits(world)
    await world.until(job_is("j2", "Running"), within=60)


@scenario
async def test_runners_that_answer_hold_up_nobody(world: World) -> None:
    """They have nothing new to tell, and are not waited for until they have."""
    payout = await _given(world)
    payout.available = 2 * BUDGET
    await world.passes(120)
    await world.kills()
    world.starts()
    world.has(job("j2", "minilm", budget=str(BUDGET)))
    began = world.now()
    await world.until(job_is("j2", "Running"), within=25)
    assert world.now() - began < 25
