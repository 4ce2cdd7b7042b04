"""One round of paying: read the chain back, then reserve what is due, then send.

Nothing is reserved unless every lane could be read and the wallets hold exactly what the books say. What was reserved
before is sent all the same, as its bytes are fixed and can only be carried out once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from cocoon.api.money import NanoTon
from cocoon.api.times import Instant, format_time
from cocoon.payout.reconciling.reconciler import Reconciler
from cocoon.payout.sending import books
from cocoon.payout.sending.sender import Sender, SendingParts
from cocoon.payout.stamp import RESTORED, be_quiet, quiet_until
from cocoon.payout.store.database import NotTheWriter
from cocoon.payout.store.writer import DatabaseAway
from cocoon.ton.chain import AccountState, ChainError

#: Codes of what keeps everything new from being paid.
OBSTACLES: Final = ("ChainUnreadable", "Drift", "Quiet", "HotWalletEmpty")
_LOG: Final = logging.getLogger(__name__)


class Round(Struct, frozen=True):
    """What a round found and did. `failed`: what went wrong, by lane. `drift` is none if a lane could not be read."""

    states: dict[int, AccountState]
    failed: dict[int, str]
    drift: NanoTon | None
    reserved: int = 0
    sent: int = 0


class Payments:
    """Pays, round after round.

    `obstacles`: why nothing new is reserved, sentences by code. `last`: what the newest round found.
    """

    def __init__(self, parts: SendingParts) -> None:
        self._parts = parts
        self._followed = parts.lanes
        self.reconciler = Reconciler(parts.store, parts.chain, parts.rules)
        self.sender = Sender(parts)
        self.obstacles: dict[str, str] = {}
        self.last: Round | None = None
        self._said = ""

    async def open(self) -> None:
        """Once, before the first round. Raises WrongWallet, DatabaseAway or NotTheWriter."""
        async with self._parts.store.writing() as connection:
            await books.open_lanes(connection, self._parts.lanes)
            earlier = await books.earlier_lanes(connection, self._parts.lanes, self._parts.key)
        self._followed = (*self._parts.lanes, *earlier)
        self.sender.own = frozenset(lane.address.raw() for lane in self._followed)

    async def round(self) -> Round:
        """Raises DatabaseAway or NotTheWriter; what the chain does is in the answer."""
        states, failed = await self._read()
        quiet = await self._quiet(states, failed)
        drift = None if failed else await self.reconciler.drift(states)
        reserved = await self._reserve(states) if drift == 0 else 0
        sent = 0
        for lane in self._followed:
            if lane.number in states:
                sent += await self.sender.send(lane, states[lane.number].at.utime)
        self.last = Round(states, failed, drift, reserved, sent)
        self.obstacles = obstacles(self.last, quiet, empty=self.sender.empty)
        return self.last

    async def _read(self) -> tuple[dict[int, AccountState], dict[int, str]]:
        """Every lane reconciled to its newest state, or why it is not."""
        states: dict[int, AccountState] = {}
        failed: dict[int, str] = {}

        for lane in self._followed:
            try:
                states[lane.number] = await self.reconciler.catch_up(lane)
            except ChainError as error:
                failed[lane.number] = f"{error.code}: {error}"
        return states, failed

    async def _quiet(self, states: dict[int, AccountState], failed: dict[int, str]) -> Instant:
        """Until when nothing is sent. A restored database gets to know it now: one message's life from here on."""
        async with self._parts.store.reading() as connection:
            until = await quiet_until(connection)
        if until < RESTORED or failed:
            return until
        async with self._parts.store.writing() as connection:
            longest = await books.longest_timeout(connection)
            until = max(state.at.utime for state in states.values()) + longest + self._parts.rules.expiry_margin
            await be_quiet(connection, until)
        return until

    async def _reserve(self, states: dict[int, AccountState]) -> int:
        """One batch after the other, on each lane in turn, while something is due."""
        count = 0
        lanes = list(self._parts.lanes)
        while lanes:
            drafts = [(lane, await self.sender.reserve(lane, states[lane.number])) for lane in lanes]
            lanes = [lane for lane, found in drafts if found is not None]
            count += len(lanes)
        return count

    async def run(self, pause: Callable[[], Awaitable[None]], after: Callable[[Round], None]) -> None:
        """Rounds until cancelled, each told to `after`. Raises NotTheWriter: another process pays then."""
        while True:
            try:
                found = await self.round()
            except DatabaseAway as error:
                self._say(str(error))
            except NotTheWriter:
                raise
            else:
                self._say(" ".join(self.obstacles.values()))
                after(found)
            await pause()

    def _say(self, trouble: str) -> None:
        """On transitions only."""
        if trouble != self._said:
            _LOG.log(logging.WARNING if trouble else logging.INFO, "%s", trouble or "Paying goes on.")
            self._said = trouble


def obstacles(found: Round, quiet: Instant, *, empty: bool) -> dict[str, str]:
    """Why nothing new is reserved after this round. `quiet`: until when; `empty`: no wallet covers what is due."""
    why: dict[str, str] = {}
    if found.failed:
        said = " ".join(found.failed[lane] for lane in sorted(found.failed))
        why["ChainUnreadable"] = f"Nothing new is paid until every wallet can be read: {said}"
    if found.drift:
        why["Drift"] = (
            f"Nothing new is paid: the wallets and the books differ by {found.drift} nanoTON. Find out why, then take "
            "the difference over (docs/runbooks/drift.md)."
        )
    if any(state.at.utime < quiet for state in found.states.values()):
        until = format_time(quiet) if quiet < RESTORED else "the chain has been read"
        why["Quiet"] = f"Nothing is sent until {until}: a message that these books don't know may be on its way."
    elif empty and not why:
        why["HotWalletEmpty"] = "No hot wallet covers what is due: fund one; the command `wallets` names them."
    return why
