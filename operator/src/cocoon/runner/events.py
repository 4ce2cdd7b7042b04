"""What the operator gets to know, by number: kept until it says that it has it.

Ends of attempts are journaled before anybody sees them. Starts and progress are not: a newer one of the same attempt
replaces them. Numbers never repeat, for they are reserved in the journal before they are given out. An event is not
shown while an earlier one is still being journaled: who has seen a number never looks below it again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from cocoon.api.money import Usage
from cocoon.api.runner import Event, Finished, Progressed, Started
from cocoon.runner.journal import Acknowledged, Ended, Journal, Record, Recorded, Reserved, Shown

#: How many numbers one record in the journal reserves.
BLOCK: Final = 1_000_000
#: A page holds at most this many events and about this many bytes of answers.
PAGE_EVENTS: Final = 1_000
PAGE_BYTES: Final = 8 << 20
#: How many acknowledged attempts are remembered, so that they are not done twice.
REMEMBERED: Final = 50_000


def key_of(uid: str, attempt: int) -> str:
    """How an attempt is named in messages: `uid/attempt`."""
    return f"{uid}/{attempt}"


class Events:
    """The runner's events. Open it before use."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._number = 0
        self._reserved = 0
        self._passing: dict[tuple[str, type], Started | Progressed] = {}
        self._finished: dict[int, Recorded] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._pending: dict[str, str] = {}
        self._journaling: set[int] = set()
        self._shown: dict[str, Shown] = {}
        self._own: Shown | None = None
        self._news = asyncio.Event()

    async def open(self) -> None:
        """Read the journal and reserve numbers. Raises OSError."""
        for record in await asyncio.to_thread(self._journal.open):
            self._restore(record)
        self._number = self._reserved
        await self._reserve()

    def _restore(self, record: Record) -> None:
        match record:
            case Recorded():
                self._keep(record)
                self._reserved = max(self._reserved, record.event.number)
            case Shown():
                self._shown[record.name] = record
            case Reserved():
                self._reserved = max(self._reserved, record.up_to)
            case Acknowledged():
                self._forget(record.up_to)
            case Ended():
                self._remember(record.key, record.body)

    async def _reserve(self) -> None:
        up_to = self._number + BLOCK
        await self._journal.append(Reserved(up_to))
        self._reserved = up_to

    def started(self, uid: str, attempt: int, at: float) -> None:
        """The first item went to Triton at `at` (seconds since 1970)."""
        self._pass(Started(self._next(), uid, attempt, at))

    def progressed(self, uid: str, attempt: int, usage: Usage) -> None:
        """Units so far."""
        self._pass(Progressed(self._next(), uid, attempt, usage))

    def _pass(self, event: Started | Progressed) -> None:
        self._passing[key_of(event.uid, event.attempt), type(event)] = event
        self._wake()

    def attested(self, name: str, bundle: bytes) -> None:
        """The newest evidence of this start, and its digest: it is journaled along with the receipts that name it."""
        self._own = Shown(name, bundle)

    async def _journal_evidence(self) -> str:
        """The digest of this start's evidence, which is in the journal. Raises JournalFull."""
        own = self._own
        if own is None:
            return ""
        if self._shown.get(own.name) != own:
            await self._journal.append(own)
            self._shown[own.name] = own
        return own.name

    def evidence(self, events: tuple[Event, ...]) -> tuple[bytes, ...]:
        """Bundles of earlier starts that signed receipts among these events."""
        own = self._own.name if self._own is not None else ""
        found = {self._finished[event.number].evidence for event in events if event.number in self._finished}
        return tuple(self._shown[name].bundle for name in sorted(found - {own}) if name in self._shown)

    async def finish(self, make: Callable[[int], Finished], body: str) -> None:
        """Journal an attempt's end and show it. Raises JournalFull, and then nothing has happened."""
        if self._reserved - self._number < BLOCK // 2:
            await self._reserve()
        evidence = await self._journal_evidence()
        recorded = Recorded(make(self._next()), body, evidence)
        self._journaling.add(recorded.event.number)
        try:
            await self._journal.append(recorded)
            self._keep(recorded)
        finally:
            self._journaling.discard(recorded.event.number)
            self._wake()
        self._passing.pop((key_of(recorded.event.uid, recorded.event.attempt), Progressed), None)

    @property
    def _settled(self) -> int:
        """The last number below which nothing is being journaled."""
        return min(self._journaling, default=self._number + 1) - 1

    def _keep(self, recorded: Recorded) -> None:
        self._finished[recorded.event.number] = recorded
        self._pending[key_of(recorded.event.uid, recorded.event.attempt)] = recorded.body

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def news(self) -> None:
        """Wait for the next event."""
        await self._news.wait()

    def after(self, number: int) -> tuple[Event, ...]:
        """A page of the events after this number, oldest first."""
        events: list[Event] = [recorded.event for recorded in self._finished.values()]
        events += self._passing.values()
        shown = (event for event in events if number < event.number <= self._settled)
        newer = sorted(shown, key=lambda event: event.number)
        return tuple(_page(newer))

    async def acknowledge(self, up_to: int) -> None:
        """Forget everything up to this number. Raises JournalFull."""
        up_to = min(up_to, self._settled)
        if any(number <= up_to for number in self._finished):
            await self._journal.append(Acknowledged(up_to))
        self._forget(up_to)
        await self._journal.compact(self._live)

    def _forget(self, up_to: int) -> None:
        for number in [number for number in self._finished if number <= up_to]:
            recorded = self._finished.pop(number)
            key = key_of(recorded.event.uid, recorded.event.attempt)
            self._remember(key, self._pending.pop(key))
        self._passing = {key: event for key, event in self._passing.items() if event.number > up_to}
        self._wake()

    def _remember(self, key: str, body: str) -> None:
        self._ended[key] = body
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)

    def _live(self) -> list[Record]:
        ended: list[Record] = [Ended(key, body) for key, body in self._ended.items()]
        needed = {recorded.evidence for recorded in self._finished.values()}
        self._shown = {name: shown for name, shown in self._shown.items() if name in needed}
        return [*ended, Reserved(self._reserved), *self._shown.values(), *self._finished.values()]

    @property
    def unacknowledged(self) -> int:
        """How many ends of attempts the operator has not said to have."""
        return len(self._finished)

    def ending_of(self, key: str) -> str | None:
        """The digest of the assignment of an attempt that has ended; None if no such end is known."""
        return self._pending.get(key) or self._ended.get(key)


def _page(events: list[Event]) -> list[Event]:
    page: list[Event] = []
    size = 0
    for event in events[:PAGE_EVENTS]:
        size += len(event.output or "") + len(event.receipt) if isinstance(event, Finished) else 0
        if page and size > PAGE_BYTES:
            break
        page.append(event)
    return page
