"""Who may ask a TEE for evidence, how often, and one after the other.

A report costs a TDX machine about a second, and configfs makes them one by one: whoever asked without end would keep
out those whose question matters. So a TEE answers one question at a time, callers take turns (each has at most one
question at the TEE, its others wait behind that), and who asks too often is sent away at once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct, field

from cocoon.api.evidence import Bundle, Keys, Tee
from cocoon.api.trust import Trust
from cocoon.attest.collect import Collector

#: Callers that are remembered; who was forgotten begins anew.
MOST_CALLERS: Final = 4_096


class Crowded(Exception):
    """Too many questions; the message is a sentence that says what to do."""


class Limits(Struct, frozen=True, kw_only=True):
    """Of each caller: `burst` questions at once and `rate` a second, `waiting` at a time; `in_all`: of all of them."""

    rate: float = 2.0
    burst: int = 32
    waiting: int = 32
    in_all: int = 256


class _Caller(Struct):
    tokens: float
    seen: float
    waiting: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Turns:
    """Callers by any name that tells them apart; `now` gives seconds that never go back."""

    def __init__(self, now: Callable[[], float], limits: Limits | None = None) -> None:
        self._now = now
        self._limits = limits or Limits()
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """This caller's turn. Raises Crowded instead of waiting too long."""
        caller = self._known(name)
        self._admit(caller)
        caller.waiting += 1
        self._waiting += 1
        try:
            async with caller.turn:
                yield
        finally:
            caller.waiting -= 1
            self._waiting -= 1

    def _known(self, name: str) -> _Caller:
        now, limits = self._now(), self._limits
        caller = self._callers.get(name)
        if caller is None:
            caller = self._callers[name] = _Caller(float(limits.burst), now)
        caller.tokens = min(float(limits.burst), caller.tokens + (now - caller.seen) * limits.rate)
        caller.seen = now
        self._callers.move_to_end(name)
        while len(self._callers) > MOST_CALLERS:
            self._callers.popitem(last=False)
        return caller

    def _admit(self, caller: _Caller) -> None:
        if self._waiting >= self._limits.in_all:
            raise Crowded("Too many ask this TEE for evidence at once: ask again in some seconds.")
        if caller.waiting >= self._limits.waiting or caller.tokens < 1:
            raise Crowded("You ask this TEE for evidence too often: ask again in some seconds, and not for every job.")
        caller.tokens -= 1


class OneAtATime:
    """A collector that is asked one question at a time, whoever asks."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._free = asyncio.Lock()

    @property
    def tee(self) -> Tee:
        """See Collector."""
        return self._collector.tee

    @property
    def trust(self) -> Trust:
        """See Collector."""
        return self._collector.trust

    async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
        """See Collector."""
        async with self._free:
            return await self._collector.collect(nonce, keys, payee)
