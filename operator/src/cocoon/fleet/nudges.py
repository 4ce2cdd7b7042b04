"""Wakes whoever waits to look at a server again."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from cocoon.fleet.plan.records import Uid


class Nudges:
    """One event per server."""

    def __init__(self) -> None:
        self._events: dict[Uid, asyncio.Event] = defaultdict(asyncio.Event)

    def nudge(self, server: Uid) -> None:
        """Have it looked at now."""
        self._events[server].set()

    def event(self, server: Uid) -> asyncio.Event:
        """What to wait for; whoever waited clears it."""
        return self._events[server]

    def forget(self, server: Uid) -> None:
        """The server is gone."""
        self._events.pop(server, None)
