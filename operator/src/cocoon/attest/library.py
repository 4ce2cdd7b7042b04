"""The cache of collateral in front of all sources: what is at hand is fresh, stale or missing, and says so by name.

Fresh collateral is used as it is. Stale collateral is fetched again; while that fails, it goes on being used until it
ends by its own date, which the verifiers check. What can't be had at all is missing, with the reason of each source. A
source that has failed for a name is left alone for a while, so that an outage is not made worse by a thousand servers.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

from cocoon.api.evidence import Bundle
from cocoon.attest import bundle as bundles
from cocoon.attest import needs
from cocoon.attest.collateral import NONE, Collateral, Need
from cocoon.attest.sources import Folder, Source, Unavailable

State = Literal["Fresh", "Stale", "Missing"]
#: Seconds for which collateral is fresh, by the beginning of its name; the first that fits counts.
FRESH_FOR: Final = {"nvidia/rim/": 604_800.0, "nvidia/ocsp/": 10_800.0, "amd/": 43_200.0, "intel/": 21_600.0}
#: Seconds for which a failure is remembered.
LEAVE_ALONE: Final = 60.0
MOST_PIECES: Final = 4_096
_AT_ONCE: Final = 8


class Piece(Struct, frozen=True):
    """One piece of collateral as the library knows it; times in seconds since 1970."""

    name: str
    content: bytes | None
    fetched: float = 0.0
    failed: float = 0.0
    why: str = ""

    def state(self, now: float) -> State:
        """What it is now."""
        if self.content is None:
            return "Missing"
        return "Fresh" if now - self.fetched < fresh_for(self.name) else "Stale"


def fresh_for(name: str) -> float:
    """Seconds for which collateral of this name is fresh."""
    return next((seconds for start, seconds in FRESH_FOR.items() if name.startswith(start)), 0.0)


class Library:
    """Collateral from several sources, asked in order. `kept` gets a copy of all that is fetched, and is asked last."""

    def __init__(self, sources: Sequence[Source], now: Callable[[], float], kept: Folder | None = None) -> None:
        self._sources = sources
        self._now = now
        self._kept = kept
        self._pieces: OrderedDict[str, Piece] = OrderedDict()
        self._fetching: dict[str, asyncio.Lock] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def collect(self, bundle: Bundle) -> Collateral:
        """All that a verdict on this bundle takes, as far as it can be had."""
        first = await self.get(await asyncio.to_thread(needs.needs, bundle))  # both read certificates: milliseconds
        second = await self.get(await asyncio.to_thread(needs.more_needs, first))
        return Collateral({**first.items, **second.items}, {**first.missing, **second.missing})

    async def collect_within(self, seconds: float, raw: bytes) -> Collateral:
        """All that a verdict on these bytes takes, as far as it can be had in time; nothing if they are no bundle."""
        try:
            async with asyncio.timeout(seconds):
                return await self.collect(bundles.decode(raw))
        except bundles.MalformedBundle:
            return NONE
        except TimeoutError:
            return Collateral(otherwise="its sources took too long")

    async def get(self, wanted: Iterable[Need]) -> Collateral:
        """These pieces, from memory or from the sources."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._piece(need)) for need in wanted]
        pieces = [task.result() for task in tasks]
        items = {piece.name: piece.content for piece in pieces if piece.content is not None}
        return Collateral(items, {piece.name: piece.why for piece in pieces if piece.content is None})

    def pieces(self) -> tuple[Piece, ...]:
        """What is known, the least recently used first."""
        return tuple(self._pieces.values())

    async def _piece(self, need: Need) -> Piece:
        lock = self._fetching.setdefault(need.name, asyncio.Lock())
        async with lock, self._gate:
            known = self._pieces.get(need.name) or Piece(need.name, None)
            now = self._now()
            if known.state(now) != "Fresh" and now - known.failed >= LEAVE_ALONE:
                known = await self._fetched(need, known)
            self._remember(known)
        if not lock.locked():
            self._fetching.pop(need.name, None)
        return known

    async def _fetched(self, need: Need, known: Piece) -> Piece:
        """The piece from the first source that has it, or what was known of it, with the reason."""
        reasons = []
        for source in self._sources:
            try:
                content = await source.fetch(need)
            except Unavailable as error:
                reasons.append(str(error))
                continue
            if self._kept is not None:
                await self._kept.keep(need.name, content)
            return Piece(need.name, content, self._now())
        why = "; ".join(reasons) or "no source of collateral is configured"
        old = known.content if known.content is not None else await self._remembered(need)
        return Piece(need.name, old, known.fetched, self._now(), why[:300])

    async def _remembered(self, need: Need) -> bytes | None:
        """What an earlier process has kept; its age is unknown, so it is stale."""
        try:
            return await self._kept.fetch(need) if self._kept is not None else None
        except Unavailable:
            return None

    def _remember(self, piece: Piece) -> None:
        self._pieces[piece.name] = piece
        self._pieces.move_to_end(piece.name)
        while len(self._pieces) > MOST_PIECES:
            self._pieces.popitem(last=False)
