"""A payer on a chain world: its books in a real database, and owners to whom it owes something."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from sqlalchemy import select

from cocoon.api.money import NanoTon
from cocoon.api.trust import Trust
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, post, wrong_balances
from cocoon.payout.sending.rounds import Payments, Round
from cocoon.payout.sending.rules import SendingRules
from cocoon.payout.sending.sender import SendingParts
from cocoon.payout.stamp import stamp
from cocoon.payout.store.books import ACCOUNTS
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.writer import Store
from cocoon.ton.chain import Chain
from tests.chaos.payout.chain_world import FUNDER, KEY, TON, ChainWorld
from tests.chaos.payout.owners import owner

CLUSTER = "cluster"
RULES = SendingRules(minimum_payout=NanoTon(TON // 100), reserve=NanoTon(TON // 10), funders=(FUNDER,))


def account_of(number: int) -> accounts.Account:
    return accounts.payee(CLUSTER, f"provider-{number}", owner(number).raw())


def work(name: str, number: int, amount: int, at: float) -> list[Entry]:
    """What a receipt of this name moves, and the credit that covers it. The same name moves it once."""
    client = accounts.client(CLUSTER, "tenant")
    return [
        Entry(f"credit:{name}", at, accounts.DEPOSITS, client, NanoTon(amount), "credit", name),
        Entry(f"work:{name}", at, client, account_of(number), NanoTon(amount), "work", name),
    ]


class Payer:
    """One life of the payout service: until its context ends, or dies."""

    def __init__(
        self, world: ChainWorld, database: str | Store, rules: SendingRules = RULES, chain: Chain | None = None
    ) -> None:
        self.world, self.rules, self.zero_state = world, rules, "zero"
        self.store = database if isinstance(database, Store) else Store(database)
        self.chain = chain or world.port()
        self.payments = Payments(SendingParts(self.store, self.chain, world.lanes, KEY, rules))

    async def __aenter__(self) -> Self:
        await self.store.__aenter__()
        try:
            async with self.store.writing() as connection:
                await stamp(connection, self.zero_state, Trust.TEST, self.world.now)
            await self.payments.open()
        except BaseException:
            await self.store.__aexit__()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.store.__aexit__()

    async def owes(self, name: str, number: int, amount: int, at: float | None = None) -> None:
        async with self.store.writing() as connection:
            await post(connection, work(name, number, amount, self.world.now if at is None else at))

    async def round(self, seconds: int = 1) -> Round:
        """One round, and a block."""
        found = await self.payments.round()
        self.world.next_block(seconds)
        return found

    async def rounds(self, count: int, seconds: int = 1) -> Round:
        for _ in range(count - 1):
            await self.round(seconds)
        return await self.round(seconds)

    async def balances(self) -> dict[str, int]:
        async with self.store.reading() as connection:
            rows = await connection.execute(select(ACCOUNTS.c.name, ACCOUNTS.c.balance))
            return {row.name: row.balance for row in rows}

    async def owed(self) -> int:
        """What has not been paid: owed and in flight."""
        return sum(
            balance for name, balance in (await self.balances()).items() if name.startswith(("payee:", "in flight:"))
        )

    async def transfers(self) -> list[tuple[str, str, int]]:
        """Payee, state and amount of each, in the order of their batches."""
        async with self.store.reading() as connection:
            rows = await connection.execute(select(TRANSFERS).order_by(TRANSFERS.c.batch, TRANSFERS.c.payee))
            return [(row.payee, row.state, row.amount) for row in rows]

    async def sound(self) -> bool:
        """Whether every balance is the sum of its entries."""
        async with self.store.reading() as connection:
            return await wrong_balances(connection) == []
