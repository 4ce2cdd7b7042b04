"""Which runners may have work that nobody here knows of: those not heard from since this replica began to act.

What a runner may still cost stands in its job's status, unless the job was deleted: then only the runner and whoever
acted before know of it. So who begins to act promises nobody's account until each runner that may have worked has told
what it has. One that stays silent can't hold up everybody for ever: after a while it is waited for no longer. What it
brings later is paid only if the account covers it then, which the payout service sees to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cocoon.api.times import Instant
from cocoon.fleet.plan.records import Uid

#: Seconds that silent runners are waited for: twice what attesting a thousand servers anew takes.
PATIENCE: Final = 120.0


class RollCall:
    """`missing` are servers whose runners have not answered yet; `until` is when nobody is waited for any more."""

    def __init__(self) -> None:
        self.missing: set[Uid] = set()
        self.until: Instant = 0.0

    def begin(self, servers: Iterable[Uid], now: Instant) -> None:
        """Wait for these from now on."""
        self.missing = set(servers)
        self.until = now + PATIENCE

    def strike(self, server: Uid) -> bool:
        """A runner has told what it has, or is no more; whether it was the last one."""
        if server not in self.missing:
            return False
        self.missing.discard(server)
        return not self.missing

    def end(self, now: Instant) -> bool:
        """Wait for nobody any more if it is time; whether anybody was waited for."""
        if not self.missing or now < self.until:
            return False
        self.missing.clear()
        return True
