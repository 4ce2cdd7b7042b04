"""Owners and the payout service: it is told how they want to be paid, and says what they earned.

Both are asked for by what changed: terms that it has not been told yet, earnings since the last look. While it is out
of reach, the last known figures stay.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import Final

from cocoon.api.durations import parse_duration
from cocoon.api.money import parse_nanoton
from cocoon.api.payout import OwnerTerms, ProviderEarnings
from cocoon.api.provider import Earnings, LastTransfer
from cocoon.api.times import Instant, format_time
from cocoon.fleet.logs import fields
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.plan.records import Earned, PayoutHolds, Provider, Uid
from cocoon.fleet.ports.clock import Clock
from cocoon.fleet.ports.failures import Failure, Refused
from cocoon.fleet.ports.payout import Payout

LOG: Final = logging.getLogger(__name__)
#: Terms are told again after this many seconds: the service may have been restored from an older backup.
TELL_ALL: Final = 3_600.0
_MOST: Final = 1_000
#: The longest delay that a message can name, in seconds.
_LONGEST: Final = 1e9


class Owners:
    """Keeps both sides informed."""

    def __init__(self, mirror: Mirror, clock: Clock, every: float) -> None:
        self._mirror = mirror
        self._clock = clock
        self._every = every
        self._cursor = ""
        self._told: dict[Uid, OwnerTerms] = {}
        self._told_all: Instant = 0.0
        self._unread = ""

    async def run(self, payout: Payout) -> None:
        """Look again and again, for ever."""
        await self._mirror.complete.wait()
        while payout.configured:
            await self.look(payout)
            await self._clock.sleep(self._every)

    async def look(self, payout: Payout) -> None:
        """Tell what is new, and read what is new."""
        try:
            await self._tell(payout)
            await self._read(payout)
        except Refused as refused:
            self._mirror.know(PayoutHolds(unread=f"{refused}"))
            self._say(str(refused))
        except Failure as failure:  # whether it answers at all is the matter of `Credits`
            self._say(str(failure))
        else:
            self._say("")

    async def _tell(self, payout: Payout) -> None:
        now = self._clock.now()
        if now - self._told_all >= TELL_ALL:
            self._told, self._told_all = {}, now
        wanted = {each.uid: terms for each in self._mirror.snapshot.providers.values() if (terms := terms_of(each))}
        self._told = {uid: terms for uid, terms in self._told.items() if uid in wanted}
        new = iter([(uid, terms) for uid, terms in wanted.items() if self._told.get(uid) != terms])
        while some := dict(islice(new, _MOST)):
            await payout.terms(tuple(some.values()))
            self._told |= some

    async def _read(self, payout: Payout) -> None:
        more = True
        while more:
            page = await payout.earnings(self._cursor)
            for each in page.providers:
                self._mirror.know(Earned(Uid(each.provider), earnings_of(each)))
            more, self._cursor = page.more, page.cursor
        holds = PayoutHolds({each.provider: f"{each.code}: {each.detail}" for each in reversed(page.holds)})
        if holds != self._mirror.snapshot.holds:
            self._mirror.know(holds)

    def _say(self, trouble: str) -> None:
        """On transitions only."""
        if bool(trouble) != bool(self._unread):
            text = "Earnings can't be read" if trouble else "Earnings are read again"
            LOG.log(logging.WARNING if trouble else logging.INFO, text, extra=fields(why=trouble))
        self._unread = trouble


def terms_of(provider: Provider) -> OwnerTerms | None:
    """How a provider wants to be paid; none if it does not say so in a way that can be read."""
    wallet = provider.spec.wallet
    try:
        least, longest = parse_nanoton(wallet.minimum_payout), parse_duration(wallet.maximum_payout_delay)
    except ValueError:
        return None
    return OwnerTerms(provider.uid, str(least), min(float(longest), _LONGEST))


def earnings_of(found: ProviderEarnings) -> Earnings:
    """As a provider's status shows them."""
    last, earned = found.last_transfer, int(found.accrued) + int(found.in_flight) + int(found.paid)
    shown = LastTransfer(last.transaction, format_time(last.at), last.amount) if last else None
    return Earnings(str(earned), found.accrued, found.in_flight, found.paid, shown)
