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
from cocoon.payout.reconciling.reconciler import Reconciler
from cocoon.payout.sending import books
from cocoon.payout.sending.sender import Sender, SendingParts
from cocoon.payout.store.database import NotTheWriter
from cocoon.payout.store.writer import DatabaseAway
from cocoon.ton.chain import AccountState, ChainError

_LOG: Final = logging.getLogger(__name__)


class Round(Struct, frozen=True):
    """What a round found and did. `failed`: what went wrong, by lane. `drift` is none if a lane could not be read."""

    states: dict[int, AccountState]
    failed: dict[int, str]
    drift: NanoTon | None
    reserved: int = 0
    sent: int = 0


class Payments:
    """Pays, round after round."""

    def __init__(self, parts: SendingParts) -> None:
        self._parts = parts
        self.reconciler = Reconciler(parts.store, parts.chain, parts.rules)
        self.sender = Sender(parts)
        self._said = ""

    async def open(self) -> None:
        """Once, before the first round. Raises WrongWallet, DatabaseAway or NotTheWriter."""
        async with self._parts.store.writing() as connection:
            await books.open_lanes(connection, self._parts.lanes)

    async def round(self) -> Round:
        """Raises DatabaseAway or NotTheWriter; what the chain does is in the answer."""
        states, failed = await self._read()
        drift = None if failed else await self.reconciler.drift(states)
        reserved = await self._reserve(states) if drift == 0 else 0
        sent = 0
        for lane in self._parts.lanes:
            if lane.number in states:
                sent += await self.sender.send(lane, states[lane.number].at.utime)
        return Round(states, failed, drift, reserved, sent)

    async def _read(self) -> tuple[dict[int, AccountState], dict[int, str]]:
        """Every lane reconciled to its newest state, or why it is not."""
        states: dict[int, AccountState] = {}
        failed: dict[int, str] = {}

        for lane in self._parts.lanes:
            try:
                states[lane.number] = await self.reconciler.catch_up(lane)
            except ChainError as error:
                failed[lane.number] = f"{error.code}: {error}"
        return states, failed

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
                self._say(_trouble(found))
                after(found)
            await pause()

    def _say(self, trouble: str) -> None:
        """On transitions only."""
        if trouble != self._said:
            _LOG.log(logging.WARNING if trouble else logging.INFO, "%s", trouble or "Paying goes on.")
            self._said = trouble


def _trouble(found: Round) -> str:
    if found.failed:
        return "Nothing new is paid: " + " ".join(found.failed[lane] for lane in sorted(found.failed))
    if found.drift:
        return f"Nothing new is paid: the wallets have {found.drift} nanoTON that the books can't explain."
    return ""
