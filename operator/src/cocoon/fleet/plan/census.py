"""How many servers of each offer are in which standing: what explanations count and placement counts on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from cocoon.fleet.plan.eligibility import OfferKey
from cocoon.fleet.plan.records import Key
from cocoon.fleet.plan.shelves import Shelf
from cocoon.fleet.plan.standing import ON_HOLD, RETIRING, UNREACHABLE

FREE: Final = "free"
BUSY: Final = "busy"
_NOT_COMING: Final = frozenset({FREE, BUSY, RETIRING, UNREACHABLE, ON_HOLD})


class Census:
    """Servers by shelf and standing, kept up to date server by server."""

    def __init__(self) -> None:
        self._counts: dict[Shelf, Counter[str]] = defaultdict(Counter)
        self._entries: dict[Key, tuple[Shelf, str]] = {}
        self._shelves: dict[OfferKey, set[Shelf]] = defaultdict(set)

    def put(self, server: Key, shelf: Shelf, standing: str) -> None:
        """Count a server where it stands now."""
        if self._entries.get(server) == (shelf, standing):
            return
        self.remove(server)
        self._entries[server] = (shelf, standing)
        self._counts[shelf][standing] += 1
        self._shelves[shelf[0]].add(shelf)

    def remove(self, server: Key) -> None:
        """Count a server no more."""
        entry = self._entries.pop(server, None)
        if entry is not None:
            self._counts[entry[0]][entry[1]] -= 1

    def standing(self, server: Key) -> str:
        """A server's standing as of the last round; empty if it was in none yet."""
        entry = self._entries.get(server)
        return entry[1] if entry is not None else ""

    def shelves(self, offer: OfferKey) -> set[Shelf]:
        """All shelves of an offer that ever had a server."""
        return self._shelves.get(offer, set())

    def counts(self, shelf: Shelf) -> Mapping[str, int]:
        """Servers of a shelf by standing."""
        return self._counts.get(shelf, Counter())

    def coming(self, shelf: Shelf) -> int:
        """Servers of a shelf that are expected to take jobs soon."""
        return sum(count for standing, count in self.counts(shelf).items() if standing not in _NOT_COMING)
