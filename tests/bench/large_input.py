"""A large input through the runner, to see that its memory stays flat: `make bench-input`.

The input is made while it is read, over HTTPS on this machine, and the answers are counted and thrown away. Its lines
are long (64 KiB by default), its answers short. Triton is the fake one, inside the runner's process.

    python -m tests.bench.large_input [--gigabytes 10] [--line-bytes 65536]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
from aiohttp import web
from msgspec import Struct

from cocoon.api.job import JobInput, JobOutput
from tests.bench.report import Row, report
from tests.bench.runner_process import RunnerProcess, runner_process
from tests.runner import https_files, kit

#: Lines that are made once and sent again and again.
_BLOCK = 16
#: Seconds between looks at the runner's memory.
_LOOK = 0.05


class Input(Struct, frozen=True):
    """`blocks` times the same lines."""

    block: bytes
    blocks: int

    @classmethod
    def of(cls, size: int, line: int) -> Input:
        """About `size` bytes in lines of about `line` bytes."""
        block = "".join(_line(number, line) for number in range(_BLOCK)).encode()
        return cls(block, max(1, size // len(block)))

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.block) * self.blocks

    @property
    def lines(self) -> int:
        """Items."""
        return _BLOCK * self.blocks

    def digest(self) -> str:
        """SHA-256, in hex."""
        whole = hashlib.sha256()
        for block in self:
            whole.update(block)
        return whole.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        return (self.block for _ in range(self.blocks))


def _line(number: int, size: int) -> str:
    """An item with a long text, of which only a number is asked back."""
    text = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["x" * size]}
    integer = {"name": "integers", "datatype": "INT32", "shape": [1], "data": [number]}
    item = {"id": f"i{number}", "inputs": [text, integer], "outputs": [{"name": "integers"}]}
    return msgspec.json.encode(item).decode() + "\n"


class Passage(Struct, frozen=True):
    """What one input came to. Memory in MiB (RSS): before the job, the most before a tenth of the input had been read
    by the runner, and the most after that."""

    seconds: float
    answers: int
    before: float
    early: float
    late: float


class Client:
    """Serves an input, and counts the lines of the answers."""

    def __init__(self, given: Input) -> None:
        self._given = given
        self.sent = 0
        self.answers = 0

    async def give(self, request: web.Request) -> web.StreamResponse:
        """GET: the input, as fast as it is taken."""
        answer = web.StreamResponse(headers={"Content-Length": str(self._given.size)})
        await answer.prepare(request)
        for block in self._given:
            await answer.write(block)
            self.sent += len(block)
        await answer.write_eof()
        return answer

    async def take(self, request: web.Request) -> web.Response:
        """PUT: the answers."""
        async for chunk in request.content.iter_any():
            self.answers += chunk.count(b"\n")
        return web.Response()


async def passage(given: Input, folder: Path) -> Passage:
    """Have a runner of its own answer this input."""
    client = Client(given)
    async with (
        https_files.serving() as files,
        runner_process(folder, "unused:0", "tests.bench.runner_alone") as runner,
    ):
        files.handlers |= {"input": client.give, "output": client.take}
        offer = kit.offer(folder, kit.MODELS / "echo", max_concurrency=8)
        await runner.load(offer)
        job = kit.job(
            offer,
            "",
            input=JobInput(uri=files.uri("input"), sha256=given.digest()),
            output=JobOutput(uri=files.uri("output")),
            parallelism=8,
        )
        memory = _Memory(runner, client, given)
        watching = asyncio.create_task(memory.watch())
        seconds = await runner.do(job)
        watching.cancel()
    return Passage(seconds, client.answers, memory.before, memory.early, memory.late)


class _Memory:
    """The runner's memory in MiB."""

    def __init__(self, runner: RunnerProcess, client: Client, given: Input) -> None:
        self._process = psutil.Process(runner.pid)
        self._client = client
        self._tenth = given.size // 10
        self.before = self.early = self._now()
        self.late = 0.0

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            if self._client.sent < self._tenth:
                self.early = max(self.early, self._now())
            else:
                self.late = max(self.late, self._now())
            await asyncio.sleep(_LOOK)

    def _now(self) -> float:
        return float(self._process.memory_info().rss) / 2**20


def rows(given: Input, found: Passage) -> list[Row]:
    """The figures."""
    return [
        Row("input", given.size / 2**30, "GiB"),
        Row("items", given.lines, ""),
        Row("time", found.seconds, "s"),
        Row("items a second", given.lines / found.seconds, "items/s"),
        Row("input a second", given.size / 2**20 / found.seconds, "MiB/s"),
        Row("memory before (RSS)", found.before, "MiB"),
        Row("most memory, first tenth (RSS)", found.early, "MiB"),
        Row.at_most("most memory, all the rest (RSS)", found.late, "MiB", 150),
        Row.at_most("growth after the first tenth", max(0.0, found.late - found.early), "MiB", 16),
        Row.at_most("items without an answer", given.lines - found.answers, "", 0),
    ]


def main() -> int:
    """1 if memory grew or an answer is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--line-bytes", type=int, default=1 << 16)
    chosen = parser.parse_args()
    given = Input.of(int(chosen.gigabytes * 2**30), chosen.line_bytes)
    with tempfile.TemporaryDirectory(prefix="cocoon-bench-") as folder:
        return report("input", rows(given, asyncio.run(passage(given, Path(folder)))))


if __name__ == "__main__":
    sys.exit(main())
