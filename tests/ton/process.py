"""localton as a process of its own, which can be killed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cocoon.ton.global_config import GlobalConfig, load_global_config


class Localton:
    """`python -m cocoon.ton.localton serve`, on one port for its whole life.

    `launcher` is what Python is given before the module's name, with `environment` added to ours.
    """

    def __init__(
        self, folder: Path, launcher: tuple[str, ...] = ("-m",), environment: dict[str, str] | None = None
    ) -> None:
        self.config_file, self.port = folder / "global.config.json", 0
        self.launcher, self._environment = launcher, environment or {}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> GlobalConfig:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self.launcher, "cocoon.ton.localton", "serve", "--port", str(self.port),
            "--block-time", "0.05", "--config-out", str(self.config_file), *options,
            stdout=asyncio.subprocess.PIPE, env={**os.environ, **self._environment},
        )  # fmt: skip
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line.startswith(b"lite-server on port "), "localton did not start"
        self.port = int(line.split()[3].rstrip(b","))
        return load_global_config(self.config_file)

    async def kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return await self._process.wait()


@asynccontextmanager
async def localton(folder: Path) -> AsyncIterator[Localton]:
    process = Localton(folder)
    try:
        yield process
    finally:
        await process.kill()
