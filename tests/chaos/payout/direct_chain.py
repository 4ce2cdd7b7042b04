"""The port to the chain without a network: a local chain in the same process, with its real contract code.

Thousands of rounds a minute, and faults on purpose: what a lite-server can do wrong is drawn from `Weather`.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

from msgspec import Struct

from cocoon.api.ton_address import Address
from cocoon.ton.chain import (
    BEFORE_THE_FIRST,
    AccountState,
    ChainHead,
    HistoryGap,
    NotAccepted,
    ServerHealth,
    TransactionId,
    Unreachable,
    WalletTransaction,
    ZeroState,
)
from cocoon.ton.localton.local_chain import LocalChain, NotAcceptable
from cocoon.ton.transactions import parse_transaction


class Weather(Struct, frozen=True):
    """How probable it is that a call does not reach a server; a message may have reached it all the same."""

    away: float = 0.0
    answer_lost: float = 0.0


class DirectChain:
    """A `Chain` over a LocalChain."""

    def __init__(self, chain: LocalChain, luck: random.Random, weather: Weather | None = None) -> None:
        self._chain, self._luck, self.weather = chain, luck, weather or Weather()
        ids = chain.zero_state.ids.masterchain
        self._zero = ZeroState(ids.root_hash, ids.file_hash)

    @property
    def zero_state(self) -> ZeroState:
        return self._zero

    async def head(self) -> ChainHead:
        self._maybe(self.weather.away)
        ids = self._chain.last.ids
        return ChainHead(ids.seqno, ids.utime, self._zero)

    async def account(self, address: Address) -> AccountState:
        at = await self.head()
        made = self._chain.transactions[address.hash]
        last = TransactionId(made[-1].lt, made[-1].hash) if made else BEFORE_THE_FIRST
        return AccountState(self._chain.balance(address.hash), self._deployed(address), last, at)

    def _deployed(self, address: Address) -> bool:
        """Whether the account is active (block.tlb, `AccountState`)."""
        account = self._chain.accounts.get(address.hash)
        reader = account.cell.refs[0].begin_parse() if account else None
        if reader is None or not reader.load_bit():
            return False
        reader.skip_bits(3 + 8 + 256)
        for _ in range(2):
            reader.skip_bits(reader.load_uint(3) * 8)
        if reader.load_uint(3) == 1:
            reader.skip_bits(256)
        reader.skip_bits(32)
        if reader.load_bit():
            reader.load_coins()
        reader.skip_bits(64)
        reader.load_coins()
        reader.load_maybe_ref()
        return bool(reader.load_bit())

    async def history(
        self, address: Address, newest: TransactionId, known: TransactionId
    ) -> AsyncIterator[WalletTransaction]:
        for stored in reversed(self._chain.transactions[address.hash]):
            if stored.lt > newest.lt:
                continue
            self._maybe(self.weather.away / 10)
            if (stored.lt, stored.hash) == (known.lt, known.hash):
                return
            yield parse_transaction(stored.content)
        if known != BEFORE_THE_FIRST:
            raise HistoryGap("the last transaction is not in the history")

    async def send(self, message: bytes) -> None:
        self._maybe(self.weather.away)
        try:
            self._chain.accept(message)
        except NotAcceptable as error:
            raise NotAccepted(str(error)) from None
        finally:
            self._maybe(self.weather.answer_lost)

    def servers(self) -> tuple[ServerHealth, ...]:
        return ()

    def _maybe(self, probability: float) -> None:
        if self._luck.random() < probability:
            raise Unreachable("No lite-server answered in time.")
