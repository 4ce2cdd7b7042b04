"""The host sets its guests' clocks. It can't set ours back, so what has expired stays expired."""

from __future__ import annotations

from collections.abc import Callable


class Forward:
    """Seconds since 1970 that never go back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._latest = 0.0

    def __call__(self) -> float:
        """The time."""
        self._latest = max(self._latest, self._now())
        return self._latest
