"""A replica that does not lead plans too, to know whom to trust; what it plans beyond that is carried out by nobody."""

from __future__ import annotations

from cocoon.fleet.plan.actions import WriteJobStatus
from cocoon.fleet.plan.plan import STANDBY, plan
from tests.unit.plan.builders import job, node, provider
from tests.unit.plan.world import World


def test_a_job_that_came_while_nobody_led_is_bound_by_the_next_leader() -> None:
    world = World(provider(), node(), job("j1"))
    world.settle()  # there is a warm server now
    world.has(job("j2"))
    assert plan(world.snapshot, world.now, STANDBY).actions == ()
    world.snapshot.touch_all()  # as who has just taken over does
    binds = [action for action in plan(world.snapshot, world.now).actions if isinstance(action, WriteJobStatus)]
    assert [(bind.job, bind.purpose) for bind in binds] == [("team/j2", "Bind")]
