"""Who is let in next, and that nobody who goes away keeps room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import pytest

from cocoon.api.job import JobStatus
from cocoon.api.resources import JOB
from cocoon.fleet.in_turn import InTurn
from cocoon.fleet.plan import actions
from cocoon.fleet.plan.records import Key, Uid
from cocoon.fleet.ports.resources import Ref
from cocoon.fleet.room import Rank, Room, rank
from tests.scenario.cluster import FakeCluster
from tests.unit.plan.builders import job
from tests.unit.plan.world import World


def _rank(priority: int) -> Rank:
    return (2, (-priority, 0.0, ""))


class Line:
    """A room for one, taken, and who comes in."""

    def __init__(self, size: int = 1) -> None:
        self.room = Room(size)
        self.inside: list[str] = []
        self.most = 0
        self._now = 0
        self.leave = asyncio.Event()

    def stands(self, name: str, priority: int = 0) -> asyncio.Task[None]:
        return asyncio.create_task(self._stand(name, priority))

    async def _stand(self, name: str, priority: int) -> None:
        async with self.room.turn(_rank(priority)):
            self.inside.append(name)
            self._now += 1
            self.most = max(self.most, self._now)
            try:
                await self.leave.wait()
            finally:
                self._now -= 1


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def played(story: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 5))


def test_the_highest_priority_comes_first_and_then_who_came_first() -> None:
    async def story() -> None:
        line = Line()
        tasks = [line.stands("inside")]
        await settled()
        tasks += [line.stands(*each) for each in (("low", -5), ("old", 7), ("young", 7), ("high", 9))]
        await settled()
        assert line.inside == ["inside"]
        line.leave.set()
        await asyncio.gather(*tasks)
        assert line.inside == ["inside", "high", "old", "young", "low"]
        assert line.most == 1

    played(story)


def test_as_many_are_inside_as_there_is_room_for() -> None:
    async def story() -> None:
        line = Line(size=3)
        tasks = [line.stands(str(number)) for number in range(7)]
        await settled()
        assert len(line.inside) == 3
        line.leave.set()
        await asyncio.gather(*tasks)
        assert line.most == 3

    played(story)


@pytest.mark.parametrize("called_already", [False, True])
def test_who_is_cancelled_while_it_waits_keeps_no_room(called_already: bool) -> None:
    """Also if it was called in the same moment and could not come in any more."""

    async def story() -> None:
        line = Line()
        async with line.room.turn(_rank(0)):
            cancelled, other = line.stands("cancelled", 9), line.stands("other")
            await settled()
            if not called_already:
                cancelled.cancel()
                await settled()
        cancelled.cancel()  # nothing was awaited since its place was given to it
        line.leave.set()
        await asyncio.gather(cancelled, other, return_exceptions=True)
        assert line.inside == ["other"]
        async with asyncio.timeout(1), line.room.turn(_rank(0)):
            pass

    played(story)


def test_who_fails_or_is_cancelled_inside_makes_room() -> None:
    async def story() -> None:
        line = Line()
        first = line.stands("first")
        await settled()
        first.cancel()
        with pytest.raises(RuntimeError):
            async with line.room.turn(_rank(0)):
                raise RuntimeError
        async with asyncio.timeout(1), line.room.turn(_rank(0)):
            pass

    played(story)


def test_what_makes_room_comes_first_then_jobs_and_at_last_what_nobody_waits_for() -> None:
    world = World()
    low, high = job("low", priority=1), job("high", priority=2)
    world.has(low, high)

    def bind(key: str) -> actions.Action:
        known = world.snapshot.jobs[Key(f"team/{key}")]
        return actions.WriteJobStatus(known.key, known.uid, "1", JobStatus(), "Bind")

    def unbind(key: str) -> actions.Action:
        known = world.snapshot.jobs[Key(f"team/{key}")]
        return actions.WriteJobStatus(known.key, known.uid, "1", JobStatus(), "Unbind")

    first = actions.DeleteServer(Key("default/s"), Uid("s"), "Idle", "It has nothing to do.")
    last = actions.DeleteJob(high.key, high.uid, "1")
    order = [first, unbind("high"), unbind("low"), bind("high"), bind("low"), last]
    shuffled = [order[place] for place in (3, 0, 5, 4, 2, 1)]
    assert sorted(shuffled, key=lambda each: rank(each, world.snapshot)) == order


def test_every_call_of_the_cluster_takes_its_turn() -> None:
    """A call that forgets it goes past the line: each waits here, for the room is taken."""

    async def story() -> None:
        cluster, room = FakeCluster(lambda: 0.0), Room(1)
        ours = InTurn(cluster, room, _rank(0))
        ref, body = Ref(JOB, "default", "j"), {"kind": "InferenceJob", "metadata": {"name": "j"}}
        async with room.turn(_rank(0)):
            calls: list[Awaitable[object]] = [
                ours.read(ref),
                ours.create(body),
                ours.apply(body),
                ours.apply_status(body, "m"),
                ours.replace(body),
                ours.write_status(ref, "u", "1", {}),
                ours.delete(ref, "u"),
            ]
            tasks = [asyncio.ensure_future(call) for call in calls]
            done, waiting = await asyncio.wait(tasks, timeout=0.05)
            assert (len(done), len(waiting)) == (0, len(calls))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(1), room.turn(_rank(0)):
            pass

    played(story)
