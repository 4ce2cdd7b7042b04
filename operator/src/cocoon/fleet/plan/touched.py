"""What a round has to look at: whatever changed since the last one, and whatever is due.

Decisions look at the whole state of what is touched, never at what changed about it: touching too much costs time,
touching too little would leave something undone until the next full pass.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, Literal, TypeVar

from msgspec import Struct, field

from cocoon.api.times import Instant
from cocoon.fleet.plan.records import Key

Kind = Literal["provider", "server", "job", "model"]
Subject = tuple[Kind, str]


class Touched(Struct):
    """Keys of providers, servers and jobs, and names of models, to look at in the next round."""

    providers: set[Key] = field(default_factory=set)
    servers: set[Key] = field(default_factory=set)
    jobs: set[Key] = field(default_factory=set)
    models: set[str] = field(default_factory=set)

    def add(self, subject: Subject) -> None:
        """Touch one subject."""
        kind, name = subject
        if kind == "model":
            self.models.add(name)
        else:
            {"provider": self.providers, "server": self.servers, "job": self.jobs}[kind].add(Key(name))


Who = TypeVar("Who", bound=Hashable)


class Alarms(Generic[Who]):
    """One time for each of many at which it must be looked at again, whatever happens until then."""

    def __init__(self) -> None:
        self._heap: list[tuple[Instant, int, Who]] = []
        self._next: dict[Who, Instant] = {}
        self._count = 0

    def set(self, who: Who, at: Instant) -> None:
        """Have it looked at no later than `at`."""
        if at < self._next.get(who, float("inf")):
            self._next[who] = at
            self._count += 1
            heapq.heappush(self._heap, (at, self._count, who))

    def ring(self, now: Instant) -> list[Who]:
        """All that are due; each is so once."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            at, _, who = heapq.heappop(self._heap)
            if self._next.get(who) == at:
                del self._next[who]
                due.append(who)
        return due

    def next(self) -> Instant | None:
        """When the next one is due."""
        while self._heap:
            at, _, who = self._heap[0]
            if self._next.get(who) == at:
                return at
            heapq.heappop(self._heap)
        return None
