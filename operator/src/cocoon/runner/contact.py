"""Whether the runner is in contact with its operator, and which attempts still stand after it was not.

A runner that is cut off can't know whether its attempts were given to another server. So it computes on, but hands
nothing over until it is in contact again and has been told which attempts stand.

    in contact ──60 s without a call──▶ out of contact ──any call──▶ in contact, but older attempts wait
                                                                       └─standing names them──▶ they stand
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

#: Seconds without a call after which contact counts as lost.
PATIENCE: Final = 60.0


class Contact:
    """`now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = now()
        self._losses = 0
        self._changed = asyncio.Event()
        self._stood_at = 0

    @property
    def lost(self) -> bool:
        """Whether the last call is too long ago."""
        return self._now() - self._last > PATIENCE

    @property
    def losses(self) -> int:
        """How often contact was lost and found; an attempt that began at this number stands."""
        return self._losses

    @property
    def awaits_standing(self) -> bool:
        """Whether contact was lost and nobody has said since which attempts stand."""
        return self.lost or self._stood_at < self._losses

    @property
    def remaining(self) -> float:
        """Seconds until contact counts as lost without another call; negative while `awaits_standing`."""
        return -1.0 if self.awaits_standing else PATIENCE - (self._now() - self._last)

    def call(self) -> None:
        """The operator called."""
        if self.lost:
            self._losses += 1
        self._last = self._now()
        self._wake()

    def stood(self) -> None:
        """The operator has said which attempts stand."""
        self._stood_at = self._losses
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait for the next call."""
        await self._changed.wait()
