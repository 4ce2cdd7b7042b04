"""What a round has to look at: whatever changed since the last one, and whatever is due.

Decisions look at the whole state of what is touched, never at what changed about it: touching too much costs time,
touching too little would leave something undone until the next full pass.
"""

from __future__ import annotations

import heapq
from typing import Literal

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


class Alarms:
    """One time per subject at which it must be looked at again, whatever happens until then."""

    def __init__(self) -> None:
        self._heap: list[tuple[Instant, Subject]] = []
        self._next: dict[Subject, Instant] = {}

    def set(self, subject: Subject, at: Instant) -> None:
        """Have the subject looked at no later than `at`."""
        if at < self._next.get(subject, float("inf")):
            self._next[subject] = at
            heapq.heappush(self._heap, (at, subject))

    def ring(self, now: Instant) -> list[Subject]:
        """Everything that is due; it is so once."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            at, subject = heapq.heappop(self._heap)
            if self._next.get(subject) == at:
                del self._next[subject]
                due.append(subject)
        return due

    def next(self) -> Instant | None:
        """When the next subject is due."""
        while self._heap:
            at, subject = self._heap[0]
            if self._next.get(subject) == at:
                return at
            heapq.heappop(self._heap)
        return None
