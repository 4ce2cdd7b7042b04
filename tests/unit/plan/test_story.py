"""A job from its creation to its end, and the writes that takes."""

from __future__ import annotations

from collections import Counter

from cocoon.fleet.plan.actions import WriteJobStatus
from cocoon.fleet.plan.records import Key
from tests.unit.plan.builders import job, node, provider
from tests.unit.plan.world import World


def test_a_job_runs_to_its_end() -> None:
    world = World(provider(), node(), job())
    world.settle()
    assert world.jobs[Key("team/j1")].status.state == "Running"
    world.finish_all()
    world.settle()
    done = world.jobs[Key("team/j1")]
    assert done.status.state == "Succeeded"
    assert done.status.cost == "1"
    kinds = Counter(type(action).__name__ for action in world.log)
    assert kinds["FinishJob"] == 1
    assert kinds["AcknowledgeEvents"] == 1
    assert [action.purpose for action in world.log if isinstance(action, WriteJobStatus)] == ["Bind"]


def test_a_quiet_world_stays_quiet() -> None:
    world = World(provider(), node(), job())
    world.settle()
    assert world.round() == ()
    world.now += 5
    world.snapshot.touch_all()
    assert [type(action).__name__ for action in world.round()] == ["WriteProviderStatus"]
    world.snapshot.touch_all()
    assert world.round() == ()
