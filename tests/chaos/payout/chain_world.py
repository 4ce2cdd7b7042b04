"""A local chain with chain time in the test's hands, a funder, and lanes of hot wallets."""

from __future__ import annotations

import random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.payout.sending.rules import Lane
from cocoon.ton.cells import to_boc
from cocoon.ton.highload import wallet_of
from cocoon.ton.localton.local_chain import LocalChain
from cocoon.ton.localton.mempool import Faithful, Mempool
from cocoon.ton.localton.native_cells import NativeCell, native_from_boc
from cocoon.ton.localton.records import Genesis
from cocoon.ton.messages import internal_message
from tests.chaos.payout.direct_chain import DirectChain, Weather

START = 1_790_000_000
TON = 10**9
KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
FUNDER = Address(0, b"\xfd" * 32)
STRANGER = Address(0, b"\xee" * 32)


class Gated:
    """A mempool that can be told to take nothing, or to keep messages back; coins that arrive always come through."""

    def __init__(self, inner: Mempool) -> None:
        self.inner = inner
        self.losing = False
        self._internal: list[NativeCell] = []

    def add(self, message: NativeCell) -> None:
        if not self.losing:
            self.inner.add(message)

    def pay_in(self, message: bytes) -> None:
        self._internal.append(native_from_boc(message))

    def next_block(self) -> list[NativeCell]:
        coins, self._internal = self._internal, []
        return coins + self.inner.next_block()

    def waiting(self) -> bool:
        return bool(self._internal) or self.inner.waiting()


class ChainWorld:
    """One chain, whatever becomes of those that use it."""

    def __init__(self, lanes: int = 1, timeout: int = 3600, mempool: Mempool | None = None) -> None:
        self.now = START
        self.mempool = Gated(mempool or Faithful())
        self.chain = LocalChain(Genesis({}, START), clock=lambda: self.now, mempool=self.mempool)
        self.chain.produce()
        self.lanes = tuple(Lane(wallet_of(KEY, 100 + number, timeout)) for number in range(lanes))

    def port(self, luck: random.Random | None = None, weather: Weather | None = None) -> DirectChain:
        return DirectChain(self.chain, luck or random.Random(0), weather)

    def next_block(self, seconds: int = 1) -> None:
        self.now += seconds
        self.chain.produce()

    def give(self, to: Address, amount: int, source: Address = FUNDER) -> None:
        """Coins arrive with the next block."""
        self.mempool.pay_in(to_boc(internal_message(to, NanoTon(amount), source=source)))

    def fund(self, amount: int = 1_000 * TON) -> None:
        """Every lane."""
        for lane in self.lanes:
            self.give(lane.address, amount)
        self.next_block()

    def balance(self, address: Address) -> int:
        return self.chain.balance(address.hash)
