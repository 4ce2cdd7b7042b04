"""`make bench-seal`: a sealed input of 1 GiB, opened as the runner opens it, beside pyrage alone on the same file.

    python -m tests.bench.bench_seal [--gigabytes 1]

Both read the file from disk, in turns, in one process, and throw the content away; the runner's side asks a real
keyring for the key, and hashes the file as well, which a receipt needs. Then a whole runner takes the file over HTTPS,
with the fake Triton inside its process, and seals its answers: its memory must stay flat. Prints a table and writes
build/bench/seal.json.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import median
from typing import Final

import psutil
import pyrage
from aiohttp import web
from msgspec import Struct

from cocoon.api.job import JobInput, JobOutput
from cocoon.api.runner import JobAssignment, ModelAssignment
from cocoon.api.sealing import KeyringPlace
from cocoon.attest import sealing
from cocoon.attest.age import keys as age_keys
from cocoon.attest.channel import verifying
from cocoon.attest.collect import SoftwareCollector
from cocoon.keyring.process import Keyring
from cocoon.runner import inputs
from cocoon.runner.keyrings import Keyrings
from cocoon.runner.unsealing import unsealed
from cocoon.runner.web import CHUNK, file_chunks
from tests.bench.large_input import Client, Input, Passage, _Memory
from tests.bench.report import Row, report
from tests.bench.runner_process import runner_process
from tests.keyring import kit as keyrings
from tests.runner import https_files, kit

ROUNDS: Final = 5


class Sealed(Struct, frozen=True):
    """A sealed file on disk, and the job that it is for."""

    path: Path
    given: Input
    client: keyrings.Client
    job: JobAssignment


class Null:
    """Where content goes."""

    size = 0

    def write(self, content: bytes) -> int:
        """Count it."""
        self.size += len(content)
        return len(content)

    def flush(self) -> None:
        """Nothing is held."""


def seal(given: Input, client: keyrings.Client, model: ModelAssignment, path: Path) -> str:
    """Write the sealed file, for the client too, so that pyrage can open it; its SHA-256."""
    policy = client.policy(model=model.sha256)
    own = age_keys.recipient_key(client.recipient)
    head, sealer = sealing.begin(policy, [client.identity.public, own])
    hashed = hashlib.sha256(head)
    with path.open("wb") as file:
        file.write(head)
        for block in given:
            hashed.update(part := sealer.push(block))
            file.write(part)
        hashed.update(part := sealer.finish())
        file.write(part)
    return hashed.hexdigest()


async def read(path: Path) -> AsyncIterator[bytes]:
    """The file, in the chunks in which the runner takes bodies off the network."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


async def ours(sealed: Sealed, asking: Keyrings) -> int:
    """Open it as the runner does; its size."""
    content = unsealed(sealed.job, inputs.Intake(read(sealed.path)), asking)
    return sum([len(chunk) async for chunk in content])


def theirs(sealed: Sealed) -> int:
    """Open it with pyrage alone."""
    identity = pyrage.x25519.Identity.from_str(age_keys.identity_text(sealed.client.key))
    sink = Null()
    with sealed.path.open("rb") as file:
        pyrage.decrypt_io(file, sink, [identity])
    return sink.size


def timed(run: Callable[[], int], expected: int) -> float:
    """Seconds."""
    start = time.perf_counter()
    assert run() == expected
    return time.perf_counter() - start


async def rates(sealed: Sealed, asking: Keyrings) -> tuple[list[float], list[float], float]:
    """Bytes a second of both, round by round, and by how many MiB the memory grew while ours ran first."""
    before = _rss()
    ours_, theirs_, most = [], [], before
    for _ in range(ROUNDS):
        start = time.perf_counter()
        assert await ours(sealed, asking) == sealed.given.size
        ours_.append(sealed.given.size / (time.perf_counter() - start))
        most = max(most, _rss())
        seconds = await asyncio.to_thread(timed, lambda: theirs(sealed), sealed.given.size)
        theirs_.append(sealed.given.size / seconds)
    return ours_, theirs_, most - before


def _rss() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


class Store(Client):
    """Gives the sealed file, and takes sealed answers."""

    def __init__(self, sealed: Sealed) -> None:
        super().__init__(sealed.given)
        self._file = sealed.path
        self.taken = 0

    async def give(self, request: web.Request) -> web.StreamResponse:
        """GET: the file."""
        answer = web.StreamResponse(headers={"Content-Length": str(self._file.stat().st_size)})
        await answer.prepare(request)
        async for chunk in file_chunks(self._file):
            await answer.write(chunk)
            self.sent += len(chunk)
        await answer.write_eof()
        return answer

    async def take(self, request: web.Request) -> web.Response:
        """PUT: the answers."""
        async for chunk in request.content.iter_any():
            self.taken += len(chunk)
        return web.Response()


async def passage(sealed: Sealed, digest: str, folder: Path) -> Passage:
    """Have a runner of its own answer the sealed file."""
    store = Store(sealed)
    async with (
        https_files.serving() as files,
        runner_process(folder, "unused:0", "tests.bench.runner_alone") as runner,
    ):
        files.handlers |= {"input": store.give, "output": store.take}
        await runner.load(kit.offer(folder, kit.MODELS / "echo", max_concurrency=8))
        source = JobInput(uri=files.uri("input"), sha256=digest, sealed=True)
        output = JobOutput(uri=files.uri("output"), seal_to=sealed.client.recipient)
        memory = _Memory(runner, store, sealed.given)
        watching = asyncio.create_task(memory.watch())
        job = kit.job(
            kit.offer(folder, kit.MODELS / "echo", max_concurrency=8),
            "",
            input=source,
            output=output,
            keyrings=sealed.job.keyrings,
            parallelism=8,
        )
        seconds = await runner.do(job)
        watching.cancel()
    return Passage(seconds, store.taken, memory.before, memory.early, memory.late)


async def figures(size: int, folder: Path) -> list[Row]:
    """All of them."""
    async with keyrings.keyring(keyrings.settings(folder)) as keyring:
        sealed, digest, sealing_rate = _prepare(keyring, size, folder)
        asking = Keyrings(
            keys=keyrings.Runner(keyring).keys,
            collector=SoftwareCollector(),
            payee="UQpayee",
            judge=verifying(time.time),
            test_roots=True,
        )
        ours_, theirs_, grown = await rates(sealed, asking)
        runner = await passage(sealed, digest, folder)
    ratio = median(mine / other for mine, other in zip(ours_, theirs_, strict=True))
    return [
        Row("sealed input", sealed.given.size / 2**30, "GiB"),
        Row("sealed by the client", sealing_rate / 1e6, "MB/s"),
        Row("opened by pyrage alone", median(theirs_) / 1e6, "MB/s"),
        Row("opened and hashed by the runner's code", median(ours_) / 1e6, "MB/s"),
        Row.at_least("the runner's code beside pyrage", ratio, "times", 0.9),
        Row.at_most("memory that opening added (RSS)", grown, "MiB", 16),
        Row("whole runner: time", runner.seconds, "s"),
        Row("whole runner: input a second", sealed.given.size / 1e6 / runner.seconds, "MB/s"),
        Row.at_most("whole runner: most memory after a tenth (RSS)", runner.late, "MiB", 150),
        Row.at_most("whole runner: growth after a tenth", max(0.0, runner.late - runner.early), "MiB", 16),
    ]


def _prepare(keyring: Keyring, size: int, folder: Path) -> tuple[Sealed, str, float]:
    client, given = keyrings.Client(keyring), Input.of(size, 1 << 16)
    model = kit.offer(folder, kit.MODELS / "echo", max_concurrency=8)
    path = folder / "sealed.age"
    start = time.perf_counter()
    digest = seal(given, client, model, path)
    rate = given.size / (time.perf_counter() - start)
    place = KeyringPlace(keyrings.address(keyring), client.identity.epoch)
    output = JobOutput(uri="https://unused.example", seal_to=client.recipient)
    source = JobInput(uri="https://unused.example", sha256=digest, sealed=True)
    job = kit.job(model, "", input=source, output=output, keyrings=(place,))
    return Sealed(path, given, client, job), digest, rate


def main() -> int:
    """1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cocoon-bench-") as folder:
        return report("seal", asyncio.run(figures(int(chosen.gigabytes * 2**30), Path(folder))))


if __name__ == "__main__":
    sys.exit(main())
