"""How long to wait after failures, per matter: longer each time, less after the world was merely busy."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from cocoon.fleet.ports.failures import Busy, Failure, Gone

#: First and longest wait in seconds.
GONE: Final = (0.0, 5.0)
BUSY: Final = (0.5, 30.0)
REFUSED: Final = (15.0, 600.0)
#: Matters that are remembered; what failed and then vanished is never forgotten otherwise.
REMEMBERED: Final = 10_000


class Patience:
    """Counts failures in a row."""

    def __init__(self) -> None:
        self._failures: dict[Hashable, int] = {}

    def __len__(self) -> int:
        """How many matters are remembered to have failed and not succeeded since."""
        return len(self._failures)

    def wait(self, matter: Hashable, failure: Failure) -> float:
        """Seconds to wait after this failure. What is merely gone is planned again at once, but not for ever."""
        count = self._failures.pop(matter, 0) + 1
        self._failures[matter] = count
        while len(self._failures) > REMEMBERED:
            del self._failures[next(iter(self._failures))]
        if isinstance(failure, Gone):
            return 0.0 if count <= 3 else min(0.1 * 2.0 ** (count - 3), GONE[1])
        first, longest = BUSY if isinstance(failure, Busy) else REFUSED
        asked = failure.retry_after if isinstance(failure, Busy) else 0.0
        return max(min(first * 2.0 ** min(count - 1, 20), longest), asked)

    def is_new(self, matter: Hashable) -> bool:
        """Whether its last failure was the first in a row."""
        return self._failures.get(matter) == 1

    def forget(self, matter: Hashable) -> None:
        """It succeeded."""
        self._failures.pop(matter, None)
