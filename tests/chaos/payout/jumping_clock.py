"""`python -m tests.chaos.payout.jumping_clock PLAN MODULE ARGUMENTS…`: a process whose wall clock goes by a plan.

Every part of ours reads the wall clock by `time.time`, or is given it by somebody who does; monotonic clocks, which
`asyncio` waits by, are left alone. Nothing is read from a file while the process runs, so all of a trial's processes
follow the same plan, and a new life goes on where the old one ended.
"""

from __future__ import annotations

import runpy
import sys
import time

import msgspec
from msgspec import Struct

REAL = time.time


class Clock(Struct, frozen=True):
    """It showed `start` at the real time `began`, goes `rate` times as fast, and jumps: (real time, seconds)."""

    start: float
    began: float
    rate: float = 1.0
    jumps: tuple[tuple[float, float], ...] = ()

    def shows(self, real: float) -> float:
        """What it shows, in seconds since 1970."""
        return self.start + (real - self.began) * self.rate + sum(by for at, by in self.jumps if real >= at)

    def launcher(self) -> tuple[str, ...]:
        """What Python is given before the name of a module."""
        return ("-m", "tests.chaos.payout.jumping_clock", msgspec.json.encode(self).decode())


def main() -> None:
    """Run a module as if it had been started by its name."""
    clock = msgspec.json.decode(sys.argv[1], type=Clock)
    time.time = lambda: clock.shows(REAL())
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
