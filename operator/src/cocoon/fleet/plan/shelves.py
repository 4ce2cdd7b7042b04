"""Servers with free slots, by offer and by the namespace they are kept for: where binding looks."""

from __future__ import annotations

from collections import defaultdict

from cocoon.fleet.plan.eligibility import OfferKey
from cocoon.fleet.plan.lazy_heap import LazyHeap
from cocoon.fleet.plan.records import Key

Shelf = tuple[OfferKey, str]


class Shelves:
    """Usable servers, least loaded first."""

    def __init__(self) -> None:
        self._shelves: dict[Shelf, LazyHeap[int]] = defaultdict(LazyHeap)
        self._places: dict[Key, tuple[Shelf, int]] = {}
        self._free: dict[str, int] = defaultdict(int)

    def place(self, server: Key, shelf: Shelf, free: int) -> None:
        """Put a server on its shelf with that many free slots; none, and it is taken off."""
        self.remove(server)
        if free > 0:
            self._shelves[shelf].put(server, -free)
            self._places[server] = (shelf, free)
            self._free[shelf[0][1]] += free

    def remove(self, server: Key) -> None:
        """Take a server off its shelf."""
        place = self._places.pop(server, None)
        if place is not None:
            shelf, free = place
            self._shelves[shelf].remove(server)
            self._free[shelf[0][1]] -= free

    def take(self, server: Key, slots: int) -> None:
        """Use up slots of a server."""
        shelf, free = self._places[server]
        self.place(server, shelf, free - slots)

    def place_of(self, server: Key) -> tuple[Shelf, int]:
        """Shelf and free slots of a server that is on one. Raises KeyError if it is on none."""
        return self._places[server]

    def free_slots(self, model: str) -> int:
        """Free slots of all usable servers of a model."""
        return self._free[model]

    def roomiest(self, shelf: Shelf) -> tuple[int, Key] | None:
        """Free slots and key of the shelf's least loaded server."""
        heap = self._shelves.get(shelf)
        first = heap.first() if heap is not None else None
        return None if first is None else (-first[0], Key(first[1]))
