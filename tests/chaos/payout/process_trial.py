"""One trial of real processes: the payout service, its database and the lite-server die, and clocks jump, by a seed.

Receipts come over HTTP, signed, and are handed in until each was taken, as the operator does. The hot wallets are empty
at first. At the end a client that shares no code with ours counts what the hot wallets have sent each payee.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from pytoniq.liteclient.client import LiteClientError

from cocoon.api.money import NanoTon
from cocoon.ton.chain import ChainError
from cocoon.ton.global_config import load_global_config
from cocoon.ton.localton.faucet import NotGiven, give
from cocoon.ton.pytonlib_chain import Limits, PytonlibChain
from tests.chaos.payout.books_at_the_end import examine
from tests.chaos.payout.chain_world import START, TON
from tests.chaos.payout.cut_books import Books
from tests.chaos.payout.jumping_clock import REAL, Clock
from tests.chaos.payout.owed_work import OwedWork
from tests.chaos.payout.owners import owner, sent_to
from tests.chaos.payout.paying_settings import lane_addresses, paying_settings
from tests.payout.kit import SignedBy
from tests.payout.service_process import Ended, ServiceProcess, that_finds_tests
from tests.ton.process import Localton
from tests.ton.pytoniq_client import pytoniq

#: Chain time passes so much faster: a message is sent again after half a second, and given up after nine.
CHAIN_RATE = 20.0
PATIENCE = 600.0
NETWORK = ("--lose=0.35", "--delay=0.05", "--repeat=0.2")


class ProcessVerdict(Struct, frozen=True):
    """What became of it. `wrong`: by payee's number, what was sent less what was earned, in nanoTON."""

    seed: int
    exact: bool
    earned: int
    wrong: dict[int, int]
    drift: int | None
    faults: dict[str, int]
    seconds: float
    trouble: str = ""


class ProcessTrial:
    """One seed on one database. The working folder must be the trial's own: the other client keeps blocks there."""

    def __init__(self, seed: int, folder: Path, books: Books, receipts: int = 12) -> None:
        self.seed, self.folder, self.books, self.receipts = seed, folder, books, receipts
        self.luck, self.faults = random.Random(seed), Counter[str]()
        self.began = REAL()
        self.wall = Clock(self.began, self.began, jumps=self._jumps())
        self.chain_jumps: tuple[tuple[float, float], ...] = ()
        self.chain = Localton(folder, environment=that_finds_tests())
        self.service: ServiceProcess
        self.work: OwedWork

    def _jumps(self) -> tuple[tuple[float, float], ...]:
        """Of the service's wall clock: by up to an hour, there and back, until it is right again."""
        there = [(self.began + 3 + 4 * n, self.luck.choice([-1, 1]) * self.luck.randrange(20, 3_600)) for n in range(5)]
        return tuple(jump for at, by in there for jump in ((at, by), (at + 2, -by)))

    async def run(self) -> ProcessVerdict:
        """Until everybody is paid, or nothing goes on any more."""
        trouble, drift, wrong = "", None, dict[int, int]()
        await self._start_chain()
        self._set_up()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._live()
                await self._until_paid()
            await self.service.stop()
            drift, trouble = await examine(self.service)
            wrong = await self._count()
        except (TimeoutError, ExceptionGroup) as error:
            trouble = f"it does not finish: {error!r:.300}"
        finally:
            await self.service.kill()
            await self.chain.kill()
        self.faults["wall clock jumped"] = sum(REAL() >= at for at, _ in self.wall.jumps)
        exact = not trouble and drift == 0 and not any(wrong.values())
        took = REAL() - self.began
        return ProcessVerdict(self.seed, exact, self.work.earned, wrong, drift, dict(self.faults), took, trouble)

    def _set_up(self) -> None:
        cluster = SignedBy()
        settings = paying_settings(self.folder, self.books.url, cluster, bounce=self.seed % 3 == 0)
        self.service = ServiceProcess(self.folder, settings, cluster)
        self.work = OwedWork(self.service, random.Random(self.seed + 1))

    async def _live(self) -> None:
        """The service's death and two more misfortunes, in the seed's order, and receipts all the while."""
        more = [self._kill_service, self._kill_lite_server, self._kill_lite_server, self._cut_books, self._cut_books]
        faults = [self._kill_service, *self.luck.sample(more, 2)]
        self.luck.shuffle(faults)
        faults.insert(self.luck.randrange(1, 4), self._fill)
        async with asyncio.TaskGroup() as tasks:
            await self._start_service()
            for fault in faults:
                tasks.create_task(self.work.hand_in(self.receipts // len(faults) + 1))
                await asyncio.sleep(self.luck.random())  # the seed's moment, whatever goes on
                await fault()
                if not self.service.alive:
                    await self._start_service()

    # ---- misfortunes

    async def _start_chain(self) -> None:
        self.chain.launcher = Clock(START, self.began, CHAIN_RATE, self.chain_jumps).launcher()
        await self.chain.start(f"--state={self.folder / 'chain.sqlite'}", *NETWORK, f"--seed={self.seed}")

    async def _start_service(self) -> None:
        """Again and again, as a supervisor does: there may be no database, or no disk."""
        while not self.service.alive:
            with suppress(Ended):
                await self.service.start(self.wall.launcher())

    async def _kill_service(self) -> None:
        await self.service.kill()
        self.faults["service killed"] += 1

    async def _kill_lite_server(self) -> None:
        await self.chain.kill()
        await asyncio.sleep(self.luck.random())
        jump = self.luck.choice([0.0, 40.0, 300.0])
        self.chain_jumps += ((REAL(), jump),)
        await self._start_chain()
        self.faults.update(["lite-server killed"] + ["chain time jumped"] * (jump > 0))

    async def _cut_books(self) -> None:
        self.faults[await self.books.cut(self.service, self.luck)] += 1

    async def _fill(self) -> None:
        """Coins come at last. A message that was lost may still come: then there are more of them."""
        async with PytonlibChain(load_global_config(self.chain.config_file), Limits(call_seconds=2.5)) as chain:
            for lane in lane_addresses():
                filled = False
                while not filled:
                    with suppress(NotGiven, ChainError):
                        filled = bool((await chain.account(lane)).balance)
                        if not filled:
                            await give(chain, lane, NanoTon(20 * TON), 1)
        self.faults["wallets filled late"] += 1

    # ---- the count

    async def _until_paid(self) -> None:
        while any((await self._count()).values()):  # noqa: ASYNC110 - a chain tells nobody of a new block
            await asyncio.sleep(0.2)

    async def _count(self) -> dict[int, int]:
        """By payee: what was sent less what was earned. Asked again when the lite-server was too busy to answer."""
        own = {lane.raw() for lane in lane_addresses()}
        while True:
            with suppress(TimeoutError, LiteClientError):
                async with pytoniq(load_global_config(self.chain.config_file)) as client:
                    return {
                        number: await sent_to(client, owner(number), own) - owed
                        for number, owed in self.work.owed.items()
                    }
