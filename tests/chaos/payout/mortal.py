"""A process that can die at every step: before and after each look at the chain, each send and each commit."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.ton_address import Address
from cocoon.payout.store.writer import DatabaseAway, Store
from cocoon.ton.chain import AccountState, Chain, ChainHead, ServerHealth, TransactionId, WalletTransaction, ZeroState


class Killed(BaseException):
    """The process ends here: nothing of it catches this, and its open transaction is lost."""


class Fate:
    """Decides where the process dies, and counts it by step."""

    def __init__(self, luck: random.Random, kill: float, lose_database: float) -> None:
        self.luck, self.kill, self.lose_database = luck, kill, lose_database
        self.kills: Counter[str] = Counter()
        self.armed = False

    def step(self, name: str) -> None:
        if self.armed and self.luck.random() < self.kill:
            self.kills[name] += 1
            raise Killed(name)

    def database(self, name: str) -> None:
        self.step(name)
        if self.armed and self.luck.random() < self.lose_database:
            self.kills[f"database lost {name}"] += 1
            raise DatabaseAway("The connection was lost.")


class MortalStore(Store):
    """A store whose process or connection can end before a commit, and after it before anybody is told."""

    def __init__(self, url: str, fate: Fate) -> None:
        super().__init__(url)
        self._fate = fate

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        self._fate.database("before reading")
        async with super().reading() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        self._fate.database("before writing")
        async with super().writing() as connection:
            yield connection
            self._fate.database("before commit")
        self._fate.database("after commit")


class MortalChain:
    """A chain whose caller can die before and after each call."""

    def __init__(self, inner: Chain, fate: Fate) -> None:
        self._inner, self._fate = inner, fate

    @property
    def zero_state(self) -> ZeroState:
        return self._inner.zero_state

    async def head(self) -> ChainHead:
        return await self._inner.head()

    async def account(self, address: Address) -> AccountState:
        self._fate.step("before reading the wallet")
        found = await self._inner.account(address)
        self._fate.step("after reading the wallet")
        return found

    async def history(
        self, address: Address, newest: TransactionId, known: TransactionId
    ) -> AsyncIterator[WalletTransaction]:
        async for each in self._inner.history(address, newest, known):
            self._fate.step("while reading history")
            yield each

    async def send(self, message: bytes) -> None:
        self._fate.step("before sending")
        await self._inner.send(message)
        self._fate.step("after sending")

    def servers(self) -> tuple[ServerHealth, ...]:
        return self._inner.servers()
