"""The sender's steps. It decides on books and a proven state of the wallet that say the same, and on nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import NanoTon
from cocoon.payout.sending import books
from cocoon.payout.sending.batches import Draft, Slot, draft, sign
from cocoon.payout.sending.due import Payment, due, fitting, unpayable
from cocoon.payout.sending.rules import Lane, SendingRules, cost
from cocoon.payout.stamp import quiet_until
from cocoon.payout.store.writer import Store
from cocoon.ton.chain import AccountState, Chain, ChainError
from cocoon.ton.highload import OWN_MESSAGE_VALUE, QUERY_IDS, query_id


class SendingParts(Struct, frozen=True):
    """What the sender works with."""

    store: Store
    chain: Chain
    lanes: tuple[Lane, ...]
    key: Ed25519PrivateKey
    rules: SendingRules


class Sender:
    """Reserves batches and sends them, again and again, until the reconciler has seen what became of them."""

    def __init__(self, parts: SendingParts) -> None:
        self._parts = parts
        self.own = frozenset(lane.address.raw() for lane in parts.lanes)
        self._last_sent: dict[int, dict[int, int]] = {}  # by lane, by batch: chain time
        self._short: dict[int, bool] = {}  # by lane: what is due is more than it has
        self.unpayable: dict[str, str] = {}
        self.unpaid = 0
        """Accounts that were due when a lane was last planned, and not in its batch."""

    @property
    def empty(self) -> bool:
        """Whether no lane's wallet covers anything of what is due."""
        return bool(self._short) and all(self._short.values())

    async def reserve(self, lane: Lane, state: AccountState) -> Draft | None:
        """Reserve the batch that is due on this lane, if there is one. Raises DatabaseAway or NotTheWriter.

        `state` is the wallet's newest proven one; if the books are not at its end, nothing is done.
        """
        async with self._parts.store.writing() as connection:
            planned = await self._plan(connection, lane, state)
            if planned is not None:
                signed = await asyncio.to_thread(sign, planned, self._parts.key, self._parts.rules)
                await books.reserve(connection, planned, signed, state.at.utime)
        return planned

    async def _plan(self, connection: AsyncConnection, lane: Lane, state: AccountState) -> Draft | None:
        now, rules = state.at.utime, self._parts.rules
        slot, funds = await self._slot(connection, lane, state)
        paused = await books.pauses(connection)
        if slot is None or "" in paused or now < await quiet_until(connection):
            return None
        owed = await books.owed(connection)
        self.unpayable = {each.account.name: why for each in owed if (why := unpayable(each.account, self.own, rules))}
        payable = [
            each
            for each in owed
            if each.account.name not in self.unpayable and not {each.account.provider, each.account.payee} & paused
        ]
        payments: Sequence[Payment] = due(payable, await books.spent(connection, now), rules, now)
        chosen = fitting(payments, funds, rules)
        self._short[lane.number] = bool(payments) and not chosen
        self.unpaid = len(payments) - len(chosen)
        return draft(slot, chosen, rules) if chosen else None

    async def _slot(self, connection: AsyncConnection, lane: Lane, state: AccountState) -> tuple[Slot | None, NanoTon]:
        """A place for one more batch of the lane, if it has one, and what its wallet can spend on it."""
        found = await books.lane_books(connection, lane)
        free = state.balance - found.committed - cost(found.open_transfers)
        free -= found.open_batches * (cost(0) + OWN_MESSAGE_VALUE)
        full = found.seen != state.last or found.open_batches >= self._parts.rules.open_batches
        used = found.next_query >= QUERY_IDS and not await books.query_is_free(
            connection, lane, query_id(found.next_query % QUERY_IDS), state.at.utime
        )
        slot = None if full or used else Slot(lane, found.next_query, state.at.utime, state.deployed)
        return slot, NanoTon(max(0, free))

    async def send(self, lane: Lane, chain_time: int) -> int:
        """Send, or send again, what the lane's wallet has not taken yet; how many messages that were.

        What servers say of a message decides nothing: it may be executed already, or be accepted and lost.
        """
        async with self._parts.store.reading() as connection:
            if chain_time < await quiet_until(connection) or "" in await books.pauses(connection):
                return 0
            waiting = await books.outgoing(connection, lane)
        last, again = self._last_sent.get(lane.number, {}), chain_time - self._parts.rules.resend_after
        ready = [each for each in waiting if chain_time < each.expires_at and last.get(each.number, 0) <= again]
        await self._mark([each.number for each in ready if each.state == "reserved"], chain_time)
        kept = {each.number: last.get(each.number, 0) for each in waiting}
        self._last_sent[lane.number] = kept | {each.number: chain_time for each in ready}
        async with asyncio.TaskGroup() as tasks:
            for each in ready:
                tasks.create_task(self._hand_over(each.message))
        return len(ready)

    async def _mark(self, numbers: Sequence[int], chain_time: int) -> None:
        if numbers:
            async with self._parts.store.writing() as connection:
                await books.mark_sent(connection, numbers, chain_time)

    async def _hand_over(self, message: bytes) -> None:
        try:
            await self._parts.chain.send(message)
        except ChainError:
            return  # whatever it was: the history will tell, and until then the same bytes are sent again
