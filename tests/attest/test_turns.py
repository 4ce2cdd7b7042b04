"""One caller who asks for evidence without end keeps nobody else from it."""

from __future__ import annotations

import asyncio

import pytest

from cocoon.api.evidence import Bundle, Keys, Tee
from cocoon.api.trust import Trust
from cocoon.attest.collect import SoftwareCollector
from cocoon.attest.turns import Crowded, Limits, OneAtATime, Turns

KEYS = Keys(tls=bytes(32), receipt=bytes(32), sealing=bytes(32))


class Slow:
    """A TEE that takes until it is told to go on, and knows how many ask it at once."""

    tee: Tee = "development"
    trust = Trust.TEST

    def __init__(self) -> None:
        self.software = SoftwareCollector()
        self.going = asyncio.Semaphore(0)
        self.answered: list[str] = []
        self.inside = self.most = 0

    async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.going.acquire()
        self.inside -= 1
        self.answered.append(payee)
        return await self.software.collect(nonce, keys, payee)


async def test_a_flood_of_one_caller_delays_others_by_one_question() -> None:
    slow, turns = Slow(), Turns(lambda: 0.0)
    tee = OneAtATime(slow)

    async def ask(name: str) -> None:
        async with turns.turn(name):
            await tee.collect(bytes(32), KEYS, name)

    async with asyncio.TaskGroup() as group:
        for name in (*("flood",) * 20, "operator", "other"):
            group.create_task(ask(name))
        await asyncio.sleep(0)  # all have asked by now
        for _ in range(22):
            slow.going.release()
    assert slow.answered[:3] == ["flood", "operator", "other"]
    assert slow.most == 1, "configfs answers one question at a time"


async def test_who_asks_too_often_is_sent_away_until_later() -> None:
    clock = [0.0]
    turns = Turns(lambda: clock[0], Limits(rate=2.0, burst=3))

    async def ask(name: str = "one") -> None:
        async with turns.turn(name):
            pass

    for _ in range(3):
        await ask()
    with pytest.raises(Crowded, match="too often"):
        await ask()
    await ask("another")
    clock[0] += 0.5
    await ask()
    with pytest.raises(Crowded):
        await ask()
    clock[0] += 100
    for _ in range(3):
        await ask()
    with pytest.raises(Crowded):
        await ask()


async def test_the_queue_is_bounded_for_each_and_for_all() -> None:
    turns = Turns(lambda: 0.0, Limits(waiting=2, in_all=3))
    async with turns.turn("one"), asyncio.TaskGroup() as group, asyncio.timeout(5):
        queued = group.create_task(_ask(turns, "one"))
        await asyncio.sleep(0)
        with pytest.raises(Crowded, match="too often"):
            await _ask(turns, "one")
        async with turns.turn("two"):
            with pytest.raises(Crowded, match="Too many"):
                await _ask(turns, "three")
        await _ask(turns, "three")
        queued.cancel()
    await _ask(turns, "one")


async def _ask(turns: Turns, name: str) -> None:
    async with turns.turn(name):
        pass


async def test_a_tee_that_fails_is_free_for_the_next() -> None:
    class Broken(Slow):
        async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
            raise OSError("broken")

    tee, turns = OneAtATime(Broken()), Turns(lambda: 0.0, Limits(waiting=1))
    for _ in range(2):
        with pytest.raises(OSError, match="broken"):
            async with turns.turn("one"):
                await tee.collect(bytes(32), KEYS, "")
