"""Paying as a part of the service: its key, its connection to the chain, and the task that does the rounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from cocoon.payout.sending.key_file import read_key
from cocoon.payout.sending.metrics import PaymentMetrics
from cocoon.payout.sending.rounds import Payments, Round
from cocoon.payout.sending.sender import SendingParts
from cocoon.payout.sending.settings import PaymentSettings, lanes_of, rules_of
from cocoon.payout.store.writer import Store
from cocoon.ton.global_config import load_global_config
from cocoon.ton.pytonlib_chain import PytonlibChain


@asynccontextmanager
async def sending_parts(settings: PaymentSettings, global_config: Path, store: Store) -> AsyncIterator[SendingParts]:
    """Everything that paying needs. Raises BadKeyFile, BadConfig or AddressError."""
    key = await asyncio.to_thread(read_key, Path(settings.key_file))
    config = await asyncio.to_thread(load_global_config, global_config)
    public = key.public_key().public_bytes_raw()
    async with PytonlibChain(config) as chain:
        yield SendingParts(store, chain, lanes_of(settings, public), key, rules_of(settings))


class Paying:
    """The rounds, one every so often."""

    def __init__(self, parts: SendingParts, every: float, registry: CollectorRegistry) -> None:
        self.payments = Payments(parts)
        self._every = every
        self._metrics = PaymentMetrics(registry)

    async def open(self) -> None:
        """Once, before `run`. Raises WrongWallet, DatabaseAway or NotTheWriter."""
        await self.payments.open()

    async def run(self, after: Callable[[Round], None] | None = None) -> None:
        """Until cancelled. Raises NotTheWriter."""

        def show(found: Round) -> None:
            self._metrics.show(found, len(self.payments.sender.unpayable))
            self._metrics.show_standing(self.payments.sender.unpaid, self.payments.obstacles)
            if after is not None:
                after(found)

        await self.payments.run(lambda: asyncio.sleep(self._every), show)
