"""What tenants may still spend, read from the payout service every few seconds.

While the service is out of reach, the last known credit stays in force: jobs are bound within it.
"""

from __future__ import annotations

import logging
from typing import Final

from cocoon.api.money import NanoTon
from cocoon.fleet.logs import fields
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.plan.records import Credit, PayoutLink
from cocoon.fleet.ports.clock import Clock
from cocoon.fleet.ports.failures import Failure
from cocoon.fleet.ports.payout import Payout, said_by

LOG: Final = logging.getLogger(__name__)


class Credits:
    """Keeps Credit records fresh, and says whether the payout service answers."""

    def __init__(self, mirror: Mirror, clock: Clock, every: float) -> None:
        self._mirror = mirror
        self._clock = clock
        self._every = every

    async def run(self, payout: Payout) -> None:
        """Read for ever."""
        self._mirror.know(PayoutLink(payout.configured))
        await self._mirror.complete.wait()
        while payout.configured:
            await self.read(payout)
            await self._clock.sleep(self._every)

    async def read(self, payout: Payout) -> None:
        """Read once."""
        link, now = self._mirror.snapshot.payout, self._clock.now()
        try:
            accounts = await payout.credit()
        except Failure as failure:
            since = now if link.unreachable_since is None else link.unreachable_since
            away = PayoutLink(configured=True, unreachable_since=since, said=said_by(failure))
            if link.unreachable_since is None:
                LOG.warning("The payout service does not work", extra=fields(why=str(failure)))
            if away != link:
                self._mirror.know(away)
            return
        if link.unreachable_since is not None:
            LOG.info("The payout service works again")
            self._mirror.know(PayoutLink(configured=True))
        emptied = {name: NanoTon(0) for name in self._mirror.snapshot.credit if name not in accounts}
        for namespace, available in {**accounts, **emptied}.items():
            if self._is_news(namespace, available):
                self._mirror.know(Credit(namespace, available, now))

    def _is_news(self, namespace: str, available: NanoTon) -> bool:
        """Also an unchanged account is, if a budget is set aside until it was read: not every job costs something."""
        snapshot = self._mirror.snapshot
        known = snapshot.credit.get(namespace)
        return known is None or known.available != available or snapshot.usage.awaits_reading(namespace)
