"""The receipt keys that evidence was registered for, kept in memory: this process alone writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cocoon.payout.store.writer import Store
from cocoon.payout.work import books
from cocoon.payout.work.case import Server

#: Some 600 bytes each.
MOST_KEPT: Final = 50_000


class KnownServers:
    """Servers by receipt key. A key that isn't known is looked up each time: it may be registered any moment."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: dict[str, Server] = {}
        self._renewals = 0

    async def find(self, keys: Iterable[str]) -> Mapping[str, Server]:
        """Those that are registered. Raises DatabaseAway."""
        wanted = set(keys) - {""}
        found = {key: self._kept[key] for key in wanted & self._kept.keys()}
        if len(found) < len(wanted):
            renewals = self._renewals
            async with self.store.reading() as connection:
                read = await books.servers(connection, wanted - found.keys())
            found |= read
            if renewals == self._renewals:
                self._keep(read)
        return found

    def _keep(self, read: Mapping[str, Server]) -> None:
        if len(self._kept) + len(read) > MOST_KEPT:
            self._kept.clear()
        self._kept.update(read)

    def forget(self, key: str) -> None:
        """Its evidence was renewed: what is kept, or being read just now, is too old."""
        self._renewals += 1
        self._kept.pop(key, None)
