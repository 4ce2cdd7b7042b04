"""Time. The only file of the operator that asks the machine what time it is."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from cocoon.api.times import Instant


class Clock(Protocol):
    """Tells the time, and waits."""

    def now(self) -> Instant:
        """Seconds since 1970."""

    def elapsed(self) -> float:
        """Seconds since some fixed moment; it never goes back, whatever is done to the wall clock."""

    async def sleep(self, seconds: float) -> None:
        """Return after that long."""

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event, at most that long; whether it came."""


class MachineClock:
    """The machine's clock."""

    def now(self) -> Instant:
        """Seconds since 1970."""
        return time.time()

    def elapsed(self) -> float:
        """Seconds since some fixed moment; it never goes back, whatever is done to the wall clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after that long."""
        await asyncio.sleep(max(seconds, 0.0))

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event, at most that long; whether it came."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):  # wait_for can lose a cancellation (Python 3.11)
                await event.wait()
        except TimeoutError:
            return False
        return True
