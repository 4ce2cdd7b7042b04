"""One trial: a seed decides what goes wrong, and a chain, a database and many lives of the service go through it.

At the end everything is counted twice: by a client of the chain that shares no code with ours, and by the books.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct, structs

from cocoon.payout.ledger.entries import post
from cocoon.payout.sending.rounds import Round
from cocoon.payout.store.writer import DatabaseAway
from cocoon.ton.localton.mempool import Odds, Unreliable
from cocoon.ton.localton.queries import Queries
from tests.chaos.payout.chain_world import STRANGER, TON, ChainWorld
from tests.chaos.payout.direct_chain import Weather
from tests.chaos.payout.mortal import Fate, Killed, MortalChain, MortalStore
from tests.chaos.payout.owners import deploy, owner, received_from
from tests.chaos.payout.payer import RULES, Payer, work
from tests.ton.kit import served
from tests.ton.pytoniq_client import pytoniq

TIMEOUT = 120
#: Blocks after the last payment in which messages that are late can still do harm.
AFTERWARDS = 70
#: Of messages that a server accepted; late ones come while they can still be executed, and after.
ODDS = Odds(lost=0.45, late=0.35, twice=0.1, blocks_late=12)
FAIR, STORMY = Weather(away=0.1, answer_lost=0.2), Weather(away=1.0)


class Plan(Struct, frozen=True):
    """How hard a trial is. `careless`: the sender gives a message up on a guess, long before the chain would."""

    works: int = 80
    owners: int = 20
    lanes: int = 2
    kill: float = 0.015
    lose_database: float = 0.01
    careless: bool = False
    most_steps: int = 3_000


class Verdict(Struct, frozen=True):
    """What became of it; `exact` says that everybody got what was earned, once, and that all books agree."""

    seed: int
    exact: bool
    too_much: int
    too_little: int
    drift: int | None
    steps: int
    kills: dict[str, int]
    transfers: dict[str, int]
    seconds: float
    trouble: str = ""


class Trial:
    """One seed on one database."""

    def __init__(self, seed: int, database: str, plan: Plan) -> None:
        self.seed, self.database, self.plan = seed, database, plan
        self.luck = random.Random(seed)
        self.mempool = Unreliable(random.Random(seed + 1), ODDS)
        self.world = ChainWorld(plan.lanes, TIMEOUT, self.mempool)
        self.fate = Fate(random.Random(seed + 2), plan.kill, plan.lose_database)
        self.bouncing = seed % 3 == 0
        margin = 20 - TIMEOUT if plan.careless else 15
        self.rules = structs.replace(RULES, expiry_margin=margin, bounce=self.bouncing, open_batches=3, batch_size=9)
        self.works = [
            (f"work-{n:05d}", self.luck.randrange(plan.owners), 10_000_000 + self.luck.randrange(TON // 4))
            for n in range(plan.works)
        ]
        self.port = self.world.port(self.luck, FAIR)
        self.storm_until = 0
        self.steps = self.lives = 0

    async def run(self) -> Verdict:
        """Until everybody is paid, or nothing goes on any more."""
        start, trouble = time.monotonic(), ""
        if self.bouncing:
            deploy(self.world, range(0, self.plan.owners, 2))
        self.fate.armed = True
        while not await self._life():
            self.lives += 1
            if max(self.steps, self.lives) > self.plan.most_steps:
                trouble = "it does not finish"
                break
        self.fate.armed = False
        last = await self._afterwards()
        return await self._judge(last, trouble, time.monotonic() - start)

    # ---- lives

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        try:
            yield
        except* (Killed, DatabaseAway):  # a start without its database is a death, too
            pass

    async def _life(self) -> bool:
        """From a start of the process to its end; whether everything is paid."""
        done = False
        with self._mortal():
            async with self._payer() as payer:
                while not done and self.steps <= self.plan.most_steps:
                    done = await self._step(payer)
        return done

    def _payer(self) -> Payer:
        store, chain = MortalStore(self.database, self.fate), MortalChain(self.port, self.fate)
        return Payer(self.world, store, self.rules, chain)

    async def _step(self, payer: Payer) -> bool:
        self.steps += 1
        self._misfortune()
        try:
            await self._earn(payer)
            await payer.payments.round()
            done = self.steps > self.plan.works and self.steps % 10 == 0 and await payer.owed() == 0
        except DatabaseAway:
            done = False
        self.world.next_block(self.luck.choice([1, 1, 2, 5, 20, 60]) if self.steps % 97 else 600)
        return done

    async def _earn(self, payer: Payer) -> None:
        """Receipts keep coming, and each is handed in again and again: its entries are posted once."""
        async with payer.store.writing() as connection:
            known = (
                self.works[: self.steps] if self.steps % 10 == 0 else self.works[max(0, self.steps - 3) : self.steps]
            )
            entries = [entry for each in known for entry in work(*each, self.world.now)]
            if entries:
                await post(connection, entries)

    def _misfortune(self) -> None:
        """Coins come late and little by little; strangers send some; the servers go away for a while."""
        if self.steps % 25 == 0:
            for lane in self.world.lanes:
                self.world.give(lane.address, self.luck.randrange(TON, 3 * TON))
        if self.luck.random() < 0.02:
            self.world.give(self.luck.choice(self.world.lanes).address, self.luck.randrange(1, TON), STRANGER)
        if self.luck.random() < 0.01:
            self.storm_until = self.steps + self.luck.randrange(1, 15)
        self.port.weather = FAIR if self.steps >= self.storm_until else STORMY

    async def _afterwards(self) -> Round:
        for _ in range(AFTERWARDS):
            self.world.next_block(5)
        async with Payer(self.world, self.database, self.rules) as payer:
            return await payer.rounds(3)

    # ---- the count

    async def _judge(self, last: Round, trouble: str, seconds: float) -> Verdict:
        earned: Counter[int] = Counter()
        for _, number, amount in self.works:
            earned[number] += amount
        got = await self._received(sorted(earned))
        async with Payer(self.world, self.database, self.rules) as payer:
            transfers = Counter(state for _, state, _ in await payer.transfers())
            sound, owed = await payer.sound(), await payer.owed()
            bounced = {payee: 0 for payee, _, _ in await payer.transfers()}
            for payee, state, amount in await payer.transfers():
                bounced[payee] += amount if state == "bounced" else 0
        expected = {number: earned[number] - bounced.get(owner(number).raw(), 0) for number in earned}
        too_much = sum(max(0, got[number] - expected[number]) for number in earned)
        too_little = sum(max(0, expected[number] - got[number]) for number in earned)
        wrong = "; ".join(
            [trouble] * bool(trouble)
            + ["balances are not the sums of entries"] * (not sound)
            + [f"{owed} nanoTON are still owed"] * bool(owed)
            + ["bounces are missing"] * (self.bouncing and not any(bounced.values()))
            + [f"lane {lane}: {why}" for lane, why in last.failed.items()]
        )
        exact = not wrong and too_much == too_little == 0 and last.drift == 0
        kills, states = dict(self.fate.kills), dict(transfers)
        return Verdict(self.seed, exact, too_much, too_little, last.drift, self.steps, kills, states, seconds, wrong)

    async def _received(self, numbers: list[int]) -> dict[int, int]:
        """What each owner got from the hot wallets, read with proof by the other client."""
        own = {lane.address.raw() for lane in self.world.lanes}
        async with served(Queries(self.world.chain)) as config, pytoniq(config) as client:
            return {number: await received_from(client, owner(number), own) for number in numbers}
