"""One replica leads, or none: whatever the API server and the clocks do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from cocoon.api.resources import LEASE
from cocoon.fleet.leadership import Leadership
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.ports.resources import Ref
from tests.scenario.cluster import FakeCluster
from tests.scenario.virtual_time import VirtualLoop
from tests.scenario.world import VirtualClock

LEASE_REF = Ref(LEASE, "cocoon-system", "cocoon-fleet")
DURATION = 10.0


def _play(story: Callable[[FakeCluster], Awaitable[None]]) -> None:
    async def play() -> None:
        await story(FakeCluster(VirtualClock().now))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(play())


def _replica(identity: str) -> Leadership:
    return Leadership(LEASE_REF, identity, DURATION, VirtualClock(), Metrics())


def test_the_first_takes_it_and_the_second_waits() -> None:
    async def story(cluster: FakeCluster) -> None:
        a, b = _replica("a"), _replica("b")
        await a.step(cluster)
        await b.step(cluster)
        assert (a.leading, b.leading) == (True, False)
        assert b.holder_seen == "a"

    _play(story)


def test_a_holder_that_cannot_renew_stops_before_another_may_take_over() -> None:
    async def story(cluster: FakeCluster) -> None:
        a, b = _replica("a"), _replica("b")
        running = [asyncio.create_task(each.run(cluster)) for each in (a, b)]
        await asyncio.sleep(5)
        assert a.leading
        cluster.down = True
        stopped = None
        for tick in range(400):
            await asyncio.sleep(0.05)
            if not a.leading and stopped is None:
                stopped = tick * 0.05
            assert not (a.leading and b.leading)
        assert stopped is not None
        assert stopped <= DURATION * 2 / 3
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    _play(story)


def test_who_ends_gives_it_back() -> None:
    async def story(cluster: FakeCluster) -> None:
        a, b = _replica("a"), _replica("b")
        running = asyncio.create_task(a.run(cluster))
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await b.step(cluster)
        assert b.leading

    _play(story)


def test_a_silent_holder_is_replaced_after_the_whole_duration_by_the_others_own_clock() -> None:
    async def story(cluster: FakeCluster) -> None:
        a, b = _replica("a"), _replica("b")
        await a.step(cluster)
        await b.step(cluster)
        await asyncio.sleep(DURATION - 0.1)
        await b.step(cluster)
        assert not b.leading
        await asyncio.sleep(0.2)
        await b.step(cluster)
        assert b.leading
        lease = await cluster.read(LEASE_REF)
        assert lease["spec"]["holderIdentity"] == "b"
        assert lease["spec"]["leaseTransitions"] == 2

    _play(story)


def test_losing_it_is_told_at_once() -> None:
    async def story(cluster: FakeCluster) -> None:
        a = _replica("a")
        running = asyncio.create_task(a.run(cluster))
        await asyncio.sleep(1)
        a.changed.clear()
        cluster.down = True
        before = asyncio.get_running_loop().time()
        await a.changed.wait()
        assert asyncio.get_running_loop().time() - before <= DURATION * 2 / 3 + 0.1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    _play(story)


def test_an_outage_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def story(cluster: FakeCluster) -> None:
        replica = _replica("a")
        for down in (False, True, True, True, False, False):
            cluster.down = down
            await replica.step(cluster)

    _play(story)
    told = [record.getMessage() for record in caplog.records if "Lease" in record.getMessage()]
    assert told == ["The Lease can't be renewed or read", "The Lease can be read again"]
