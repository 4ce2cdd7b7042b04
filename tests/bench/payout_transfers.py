"""Transfers settled a second: the real service process pays over localton, a process too, with real contract code.

A transfer counts when the books show it as confirmed, which is when the wallet's proven history says that it was paid.
Chain and service share the machine: what a transfer costs on the chain's side, a real network has elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from cocoon.api.money import NanoTon
from cocoon.api.trust import Trust
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, post_new
from cocoon.payout.settings import zero_state
from cocoon.payout.stamp import stamp
from cocoon.payout.store.database import database_url, open_engine
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.writer import Store
from cocoon.ton.global_config import load_global_config
from cocoon.ton.localton.faucet import give
from cocoon.ton.pytonlib_chain import PytonlibChain
from tests.chaos.payout.chain_world import TON
from tests.chaos.payout.paying_settings import lane_addresses, paying_settings
from tests.payout import kit
from tests.payout.kit import CLUSTER, Server
from tests.payout.service_process import ServiceProcess, WallClock, ended_at_last
from tests.ton.kit import payee
from tests.ton.process import Localton, localton

BLOCK_SECONDS = "0.4"
ROUND_SECONDS = 0.2
#: To each owner, in nanoTON.
AMOUNT = TON // 100
_LOOK_EVERY = 0.02
_TIMEOUT = 3_600


class Settled(Struct, frozen=True):
    """So many transfers took so long, from the first reservation to the last confirmation.

    `cpu`: seconds of the service's since its start, all of it counted.
    """

    transfers: int
    seconds: float
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Transfers a second."""
        return self.transfers / self.seconds


async def sustained(folder: Path, database: str, lanes: int, transfers: int) -> Settled:
    """Pay so many owners, who are all due at once."""
    async with _paying(folder, database, lanes) as service, _looking(database) as engine:
        await _owe(database, folder / "global.config.json", transfers)
        await service.start()
        await _until(engine, 1)
        began = time.perf_counter()
        await _until(engine, transfers, "confirmed")
        seconds, spent = time.perf_counter() - began, psutil.Process(service.pid).cpu_times()
        return Settled(transfers, seconds, spent.user + spent.system)


async def one_batch(folder: Path, database: str, transfers: int = 254) -> Settled:
    """From handing in receipts for so many owners, of a service that has nothing to do, until all are paid."""
    async with _paying(folder, database, 1) as service, _looking(database) as engine:
        await service.start()
        async with service.administrator() as desk:
            assert (await desk.credit()).status == 201
            machines = [Server(WallClock(), kit.wallet(number + 1)) for number in range(transfers + 1)]
            for machine in machines:
                assert (await desk.register(machine)).status == 200
            await desk.bulk([machines[-1].receipt()])
            await _until(engine, 1, "confirmed")  # the wallet is deployed
            signed = [machine.receipt() for machine in machines[:-1]]
            began = time.perf_counter()
            await desk.bulk(signed)
            await _until(engine, transfers + 1, "confirmed")
            return Settled(transfers, time.perf_counter() - began)


@asynccontextmanager
async def _paying(folder: Path, database: str, lanes: int) -> AsyncIterator[ServiceProcess]:
    """A service that is not started yet, over a chain with full wallets."""
    async with localton(folder) as chain:
        await _fill(chain, lanes)
        cluster = kit.SignedBy()
        settings = paying_settings(folder, database, cluster, lanes=lanes, timeout=_TIMEOUT, round_every=ROUND_SECONDS)
        async with ended_at_last(ServiceProcess(folder, settings, cluster)) as service:
            yield service
            await service.stop()


async def _fill(chain: Localton, lanes: int) -> None:
    await chain.start("--block-time", BLOCK_SECONDS)
    async with PytonlibChain(load_global_config(chain.config_file)) as client:
        for lane in lane_addresses(lanes, _TIMEOUT):
            await give(client, lane, NanoTon(1_000 * TON))


async def _owe(database: str, config: Path, transfers: int) -> None:
    """What the receipts of so many owners would have left in the books."""
    now = time.time()
    tenant = accounts.client(CLUSTER, "tenant")
    credit = Entry("credit:c", now, accounts.DEPOSITS, tenant, NanoTon(transfers * AMOUNT), "credit", "c")
    async with Store(database) as store, store.writing() as connection:
        await stamp(connection, zero_state(config), Trust.TEST, now)
        await post_new(connection, [credit])
        owners = [accounts.payee(CLUSTER, f"provider-{n}", payee(n + 1).raw()) for n in range(transfers)]
        for start in range(0, transfers, 1_000):
            await post_new(connection, [_work(now, tenant, each) for each in owners[start : start + 1_000]])


def _work(now: float, tenant: accounts.Account, owner: accounts.Account) -> Entry:
    return Entry(f"work:{owner.provider}", now, tenant, owner, NanoTon(AMOUNT), "work", owner.provider)


@asynccontextmanager
async def _looking(database: str) -> AsyncIterator[AsyncEngine]:
    """Reads beside the service, which alone may write."""
    engine = open_engine(database_url(database))
    try:
        yield engine
    finally:
        await engine.dispose()


async def _until(engine: AsyncEngine, transfers: int, state: str = "") -> None:
    """Return when there are so many, in this state."""
    query = select(func.count()).select_from(TRANSFERS)
    if state:
        query = query.where(TRANSFERS.c.state == state)
    async with asyncio.timeout(300):
        found = 0
        while found < transfers:
            await asyncio.sleep(_LOOK_EVERY)
            async with engine.connect() as connection:
                found = int((await connection.execute(query)).scalar_one())
