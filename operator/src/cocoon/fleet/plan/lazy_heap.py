"""A heap whose items can be re-ranked and removed: queues of jobs and shelves of servers change in the middle."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, TypeVar

Rank = TypeVar("Rank")
_SLACK = 64


class LazyHeap(Generic[Rank]):
    """Names by rank, smallest first. Superseded entries stay until they surface, or until they outnumber the rest."""

    __slots__ = ("_heap", "_ranks")

    def __init__(self) -> None:
        self._heap: list[tuple[Rank, str]] = []
        self._ranks: dict[str, Rank] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, name: str) -> bool:
        return name in self._ranks

    def __iter__(self) -> Iterator[str]:
        return iter(self._ranks)

    def put(self, name: str, rank: Rank) -> None:
        """Add a name, or give it another rank."""
        if self._ranks.get(name) == rank:
            return
        self._ranks[name] = rank
        heapq.heappush(self._heap, (rank, name))
        if len(self._heap) > _SLACK + 4 * len(self._ranks):
            self._heap = [(each, item) for item, each in self._ranks.items()]
            heapq.heapify(self._heap)

    def remove(self, name: str) -> None:
        """Take a name out; an unknown one is none of its business."""
        self._ranks.pop(name, None)

    def first(self) -> tuple[Rank, str] | None:
        """The smallest rank and its name, or None if it is empty."""
        heap, ranks = self._heap, self._ranks
        while heap:
            rank, name = heap[0]
            if ranks.get(name) == rank:
                return heap[0]
            heapq.heappop(heap)
        return None
