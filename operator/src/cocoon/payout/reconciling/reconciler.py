"""Walking each wallet's history from where the books end, and giving up what can't happen any more."""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import NanoTon
from cocoon.payout.reconciling import books
from cocoon.payout.reconciling.adopting import adopt
from cocoon.payout.reconciling.meaning import Finding, Place, find
from cocoon.payout.sending.rules import Lane, SendingRules
from cocoon.payout.stamp import be_quiet, quiet_until
from cocoon.payout.store.writer import Store
from cocoon.ton.cells import BadCells
from cocoon.ton.chain import AccountState, Chain, HistoryGap, Lagging, WalletTransaction, oldest_first
from cocoon.ton.wallet_history import NotOurs, read_event

#: Transactions that are put into the books in one database transaction.
CHUNK: Final = 16


class Reconciler:
    """Puts what the chain shows into the books."""

    def __init__(self, store: Store, chain: Chain, rules: SendingRules) -> None:
        self._store = store
        self._chain = chain
        self._rules = rules

    async def catch_up(self, lane: Lane) -> AccountState:
        """Bring the books to the wallet's newest proven state, and return that.

        Raises ChainErrors: Lagging if it is older than the books, HistoryGap if it does not continue what they know.
        """
        state = await self._chain.account(lane.address)
        async with self._store.reading() as connection:
            last, time = await books.seen(connection, lane.number)
        if state.at.utime < time or state.last.lt < last.lt:
            raise Lagging(f"The newest proven state of {lane.address.raw()} is older than the books.")
        if state.last.lt == last.lt and state.last != last:
            raise HistoryGap(f"The newest transaction of {lane.address.raw()} is not the one in the books.")
        fresh = await oldest_first(self._chain, lane.address, state.last, last) if state.last != last else []
        for start in range(0, len(fresh), CHUNK):
            await self._apply(lane, fresh[start : start + CHUNK])
        await self._give_up(lane, state)
        return state

    async def _apply(self, lane: Lane, transactions: list[WalletTransaction]) -> None:
        async with self._store.writing() as connection:
            last, time = await books.seen(connection, lane.number)
            for each in transactions:
                if each.previous != last:
                    raise HistoryGap(f"{each.id.hash.hex()} does not follow {last.hash.hex()} in {lane.address.raw()}.")
                await self._book(connection, lane, each)
                last = each.id
            await books.set_seen(connection, lane.number, last, max(time, transactions[-1].utime))

    async def _book(self, connection: AsyncConnection, lane: Lane, transaction: WalletTransaction) -> None:
        finding = await self._find(connection, lane, transaction)
        await books.write(connection, lane.number, transaction, finding)
        if finding.meaning == "foreign":
            await adopt(connection, lane, transaction, finding)
            if finding.query is not None:
                await books.skip_query(connection, lane.number, finding.query)
            until = transaction.utime + lane.wallet.timeout + self._rules.expiry_margin
            await be_quiet(connection, max(until, await quiet_until(connection)))

    async def _find(self, connection: AsyncConnection, lane: Lane, transaction: WalletTransaction) -> Finding:
        try:
            event = read_event(lane.wallet, transaction)
        except (NotOurs, BadCells):
            return Finding("unexplained")
        place = Place(lane.number, lane.address, self._rules.funders)
        return find(place, transaction, event, await books.known(connection, lane.number, event))

    async def _give_up(self, lane: Lane, state: AccountState) -> None:
        """The history is complete up to this state: what was not taken and has run out by then never will be."""
        before = state.at.utime - self._rules.expiry_margin
        async with self._store.reading() as connection:
            late = await books.expirable(connection, lane.number, before)
        if late:
            async with self._store.writing() as connection:
                await books.expire(connection, lane.number, before, state.at.utime)
                await books.set_seen(connection, lane.number, state.last, state.at.utime)

    async def drift(self, states: dict[int, AccountState]) -> NanoTon:
        """What the wallets have (of all lanes, each reconciled to its state) beyond what the books say: 0, or wrong."""
        async with self._store.reading() as connection:
            have = sum(state.balance for state in states.values()) + await books.on_the_way(connection)
            return NanoTon(have - await books.held(connection))
