"""The real payout service as a process that is killed with SIGKILL, over a local chain in this process."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

from cocoon.api.trust import Trust
from cocoon.payout.ledger.entries import post
from cocoon.payout.stamp import stamp
from cocoon.payout.store.writer import Store
from cocoon.ton.localton.mempool import Faithful
from cocoon.ton.localton.native_cells import NativeCell
from tests.chaos.payout.chain_world import FUNDER, KEY, TON, ChainWorld
from tests.chaos.payout.payer import work

#: Seconds between blocks, and that each adds to chain time.
BLOCK_EVERY, BLOCK_TAKES = 0.1, 2
LONGEST_LIFE = 8.0


class Overheard(Faithful):
    """Some messages are lost; each one that comes is a good moment for a death."""

    def __init__(self, luck: random.Random) -> None:
        super().__init__()
        self.luck = luck
        self.heard = asyncio.Event()

    def add(self, message: NativeCell) -> None:
        self.heard.set()
        if self.luck.random() < 0.6:
            super().add(message)


class KilledService:
    """Lives of one service; between them, more is owed to more owners."""

    def __init__(self, folder: Path, database: str, seed: int) -> None:
        self.folder, self.database, self.luck = folder, database, random.Random(seed)
        self.mempool = Overheard(random.Random(seed + 1))
        self.world = ChainWorld(lanes=2, timeout=120, mempool=self.mempool)
        self.world.fund()
        self.owed: dict[int, int] = {}
        self._settings = folder / "settings.yaml"

    def set_up(self, config: dict[str, Any]) -> None:
        """Write the service's files."""
        (self.folder / "global.config.json").write_text(json.dumps(config))
        (self.folder / "key").write_text(KEY.private_bytes_raw().hex())
        settings = {
            "archive": str(self.folder / "archive"),
            "database": self.database,
            "chain": {"globalConfig": str(self.folder / "global.config.json"), "development": [self.zero_state]},
            "policy": {"trust": "Test", "requireGpu": False},
            "http": {"host": "127.0.0.1", "port": 0},
            "payments": {
                "keyFile": str(self.folder / "key"), "lanes": 2, "firstSubwallet": 100, "timeout": 120,
                "minimumPayout": str(TON // 100), "reserve": str(TON), "roundEvery": 0.05,
                "funders": [FUNDER.friendly()],
            },
        }  # fmt: skip
        self._settings.write_text(json.dumps(settings))  # JSON is YAML

    @property
    def zero_state(self) -> str:
        return self.world.chain.zero_state.ids.masterchain.root_hash.hex()

    async def owe(self, numbers: range) -> None:
        """More work is in the books; between two lives."""
        async with Store(self.database) as store, store.writing() as connection:
            await stamp(connection, self.zero_state, Trust.TEST, self.world.now)
            for number in numbers:
                amount = TON // 10 + self.luck.randrange(TON)
                self.owed[number] = amount
                await post(connection, work(f"r{number}", number, amount, self.world.now))

    async def blocks(self) -> None:
        """Make blocks until cancelled."""
        while True:
            await asyncio.sleep(BLOCK_EVERY)
            self.world.next_block(BLOCK_TAKES)

    async def life(self) -> None:
        """From a start to a SIGKILL, just after one of its messages came, or whenever."""
        self.mempool.heard.clear()
        process = await self._start()
        try:
            for _ in range(self.luck.choice([1, 1, 2, 3])):
                await asyncio.wait_for(self.mempool.heard.wait(), LONGEST_LIFE)
                self.mempool.heard.clear()
        except TimeoutError:
            pass  # nothing was to be sent, or what was is on its way
        finally:
            process.kill()
            await process.wait()

    async def last_life(self, done: Any) -> None:
        """Until `done()`."""
        process = await self._start()
        try:
            while not done():
                assert process.returncode is None, "the service ended by itself"
                await asyncio.sleep(BLOCK_EVERY)
        finally:
            process.terminate()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        command = ("-m", "cocoon.payout", "--config", str(self._settings), "serve")
        with (self.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, *command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )
