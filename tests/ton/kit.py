"""A local chain in the test's own process, with chain time and blocks in the test's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.global_config import GlobalConfig, parse_global_config
from cocoon.ton.highload import Batch, HighloadWallet, Transfer, batch_message, query_id, wallet_of
from cocoon.ton.localton.local_chain import LocalChain
from cocoon.ton.localton.mempool import Mempool
from cocoon.ton.localton.queries import Queries
from cocoon.ton.localton.records import Genesis
from cocoon.ton.localton.service import global_config, lite_server

START = 1_790_000_000
TON = 10**9
KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
WALLET = wallet_of(KEY)


class Clock:
    """Chain time."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Payer:
    """A chain with one highload wallet on it that has coins."""

    def __init__(
        self, balance: int = 1000 * TON, mempool: Mempool | None = None, wallet: HighloadWallet = WALLET
    ) -> None:
        self.clock, self.wallet = Clock(), wallet
        genesis = Genesis({wallet.address.hash: NanoTon(balance)}, START)
        self.chain = LocalChain(genesis, clock=self.clock, mempool=mempool)
        self.chain.produce()

    def message(self, number: int, transfers: tuple[Transfer, ...], **options: Any) -> bytes:
        deploy = number == 0
        batch = Batch(
            query_id(number), options.pop("created_at", self.clock.now - 5), transfers, deploy=deploy, **options
        )
        return batch_message(self.wallet, KEY, batch)

    def pay(self, number: int, transfers: tuple[Transfer, ...], **options: Any) -> None:
        """Send a batch straight to the chain, and have a block made."""
        self.chain.accept(self.message(number, transfers, **options))
        self.next_block()

    def next_block(self, seconds: int = 1) -> int:
        self.clock.now += seconds
        return self.chain.produce()


def payee(number: int) -> Address:
    return Address(0, number.to_bytes(32))


def transfers(count: int, amount: int = TON, first: int = 1) -> tuple[Transfer, ...]:
    return tuple(Transfer(payee(first + n), NanoTon(amount), f"payment-{first + n}") for n in range(count))


def config_of(content: dict[str, Any]) -> GlobalConfig:
    return parse_global_config(msgspec.json.encode(content))


@asynccontextmanager
async def served(*servers: Queries) -> AsyncIterator[GlobalConfig]:
    """Lite-servers on free ports; the configuration is of the first one's chain."""
    if not servers:
        raise ValueError("give a server")
    async with lite_server(servers[0]) as first:
        if len(servers) == 1:
            yield config_of(global_config(servers[0].chain, [first]))
            return
        async with served(*servers[1:]) as others:
            content = global_config(servers[0].chain, [first])
            content["liteservers"] += others.content["liteservers"]
            yield config_of(content)
