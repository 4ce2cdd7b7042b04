"""What waiting jobs are told, and how often."""

from __future__ import annotations

from cocoon.api.conditions import find
from cocoon.api.money import Price
from cocoon.fleet.plan.actions import WriteJobStatus
from cocoon.fleet.plan.records import Credit, Key, PayoutLink
from tests.unit.plan.builders import GPU, attestation, job, node, offer, provider, server, untrusted, view
from tests.unit.plan.world import World

JOB = Key("team/j1")


def told(world: World) -> tuple[str, str]:
    """Reason and message of what the job was told last."""
    bound = find(world.jobs[JOB].status.conditions, "Bound")
    return ("", "") if bound is None else (bound.reason, bound.message)


def explanations(world: World) -> int:
    return sum(isinstance(action, WriteJobStatus) and action.purpose == "Explain" for action in world.log)


def patience(world: World) -> None:
    world.settle(busy=False)
    world.now += 2
    world.settle(busy=False)


def test_counts_per_reason() -> None:
    """The sentence that the documentation shows."""
    ours, dear = provider("dc1", offer(maximum=8)), provider("dc2", offer(price=Price(per_million_items="9000000")))
    world = World(
        ours, dear, job("large", parallelism=8, priority=9), job(maximum_price=Price(per_million_items="2000000"))
    )
    busy, bad, other = server("s1"), server("s2"), server("s3", provider=dear.key)
    world.has(node("n1", gpus=3), node("n2", allocatable={GPU: 8}, cordoned=True))
    world.has(busy, attestation(busy), view(busy), other, attestation(other), view(other))
    world.has(bad, attestation(bad, verdict=untrusted()), view(bad))
    patience(world)
    counts = "0/3 servers: 1 busy, 1 not attested (TcbOutOfDate), 1 price above maximum"
    nodes = "0/2 nodes fit: 1 cordoned, 1 have 0 of 1 GPUs free"
    advice = "Wait for running jobs to finish, or ask an administrator for more servers."
    assert told(world) == ("NoFreeSlots", f"{counts}; {nodes}. {advice}")


def test_a_model_that_nobody_offers() -> None:
    world = World(job(model="nothing"))
    patience(world)
    assert told(world)[0] == "NoOffer"
    assert told(world)[1].startswith("No offer of model nothing takes this job: 0/0 servers; 0/0 nodes fit.")


def test_money_that_is_not_there() -> None:
    world = World(provider(), node(), PayoutLink(configured=True), job(budget=5))
    patience(world)
    assert told(world)[0] == "CreditExhausted"
    world.has(Credit("team", 4, 0.0))  # type: ignore[arg-type]  # nanoTON
    world.now += 31
    world.settle(busy=False)
    assert "has 4, of which 0 are set aside" in told(world)[1]
    world.has(Credit("team", 5, 1.0))  # type: ignore[arg-type]  # nanoTON
    world.settle()
    assert world.jobs[JOB].status.state == "Running"


def test_only_heads_are_told_on_change_and_seldom() -> None:
    world = World(job(model="nothing"), job("j2", model="nothing"), job("j3", model="nothing"))
    patience(world)
    assert explanations(world) == 1
    for _ in range(100):
        world.now += 1
        world.settle(busy=False)
    assert explanations(world) == 1
    world.has(provider("dc9", offer("nothing", maximum=0)))
    world.settle(busy=False)
    world.now += 31
    world.settle(busy=False)
    assert explanations(world) == 2


def test_a_job_that_is_bound_soon_is_told_nothing() -> None:
    world = World(provider("dc1", offer(minimum=1)), node())
    world.settle()
    world.has(job())
    world.settle()
    assert explanations(world) == 0


def test_a_job_that_is_head_again_is_told_no_sooner() -> None:
    """Something that matters more comes and goes, and meanwhile there is something new to tell."""
    world = World(job(model="nothing"))
    patience(world)
    first = told(world)
    urgent = job("urgent", model="nothing", priority=9)
    for second in range(27):
        if second % 9 == 0:
            world.has(urgent)
        elif second % 9 == 3:
            world.delete_job(urgent.key)
        elif second == 5:
            world.has(provider("dc1", offer("nothing")))
        world.now += 1
        world.settle(busy=False)
    assert told(world) == first
    world.now += 4
    world.settle(busy=False)
    assert told(world) != first
    assert len(world.snapshot.memory.explained) <= 2
