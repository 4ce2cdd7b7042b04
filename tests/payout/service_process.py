"""The payout service as a process of its own: started, called over HTTP, starved of disk, killed."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import msgspec

from cocoon.payout.settings import Settings
from tests.payout.kit import ADMINISTRATOR, OPERATOR, Clock, Desk, SignedBy

ROOT = Path(__file__).resolve().parents[2]
MODULE = ("-m",)
#: Tokens outlive every jump of a clock in these tests.
_WEEK = 7 * 86_400


def that_finds_tests() -> dict[str, str]:
    """An environment for processes that start in another folder."""
    return {"PYTHONPATH": os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)}


class Ended(Exception):
    """The process ended before it listened; the message is the last line that it wrote."""


class ServiceProcess:
    """`python -m cocoon.payout serve` over one file of settings; what it writes is kept in `log`."""

    def __init__(self, folder: Path, settings: Settings, cluster: SignedBy) -> None:
        self.config = folder / "payout.yaml"
        self.config.write_bytes(msgspec.yaml.encode(settings))
        self.cluster = cluster
        self.log: list[bytes] = []
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, launcher: tuple[str, ...] = MODULE) -> None:
        """Return when it listens. `launcher` is what Python is given before the module's name. Raises Ended."""
        command = (sys.executable, *launcher, "cocoon.payout", "--config", str(self.config), "serve")
        self._process = await asyncio.create_subprocess_exec(
            *command, stderr=asyncio.subprocess.PIPE, env={**os.environ, **that_finds_tests()}
        )
        self.port = 0
        while not self.port:
            line = await self._line()
            if not line:
                await self._process.wait()
                raise Ended(self.log[-1].decode() if self.log else "")
            with suppress(msgspec.DecodeError):  # a sentence on why it ends
                self.port = int(msgspec.json.decode(line).get("port", 0))
        self._reading = asyncio.create_task(self._read())

    async def _line(self) -> bytes:
        assert self._process is not None
        assert self._process.stderr is not None
        line = await self._process.stderr.readline()
        self.log += [line] if line else []
        return line

    async def _read(self) -> None:
        while await self._line():
            pass

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None and self.alive:
            self._process.kill()
        await self._over()

    async def stop(self) -> int:
        """SIGTERM; its exit status."""
        assert self._process is not None
        self._process.terminate()
        await self._over()
        return self._process.returncode or 0

    async def over(self) -> int:
        """Wait until it ends by itself; its exit status."""
        await self._over()
        assert self._process is not None
        return self._process.returncode or 0

    async def _over(self) -> None:
        if self._process is not None:
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    def limit_files(self, most: int = resource.RLIM_INFINITY) -> None:
        """No file of the process grows beyond so many bytes, as if its disk were full."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    @asynccontextmanager
    async def desk(self, subject: str = OPERATOR, seconds: float = 30) -> AsyncIterator[Desk]:
        """Calls of one caller."""
        now = WallClock().now()
        token = self.cluster.token(subject, now, iat=int(now - _WEEK), exp=int(now + _WEEK))
        url, deadline = f"http://127.0.0.1:{self.port}", aiohttp.ClientTimeout(total=seconds)
        async with aiohttp.ClientSession(url, timeout=deadline) as session:
            yield Desk(session, token)

    @asynccontextmanager
    async def administrator(self) -> AsyncIterator[Desk]:
        """Calls of the payer."""
        async with self.desk(ADMINISTRATOR) as desk:
            yield desk


class WallClock(Clock):
    """The machine's own."""

    def now(self) -> float:
        return time.time()


@asynccontextmanager
async def ended_at_last(service: ServiceProcess) -> AsyncIterator[ServiceProcess]:
    """Whatever happens, the process is gone afterwards."""
    try:
        yield service
    finally:
        await service.kill()
