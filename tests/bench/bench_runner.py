"""`make bench-runner`: the runner beside a bare tritonclient, on the same real Triton, at the same concurrency.

    python -m tests.bench.bench_runner

The runner is a process of its own, fed and emptied over HTTPS as a client would; the bare client asks the same
questions in this process and does nothing with the answers but take them out of the protocol. Both alternate in many
short rounds, so that whatever else the machine does meets both, and the median of the rounds' ratios counts. Prints a
table and writes build/bench/runner.json.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import psutil
from msgspec import Struct
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient

from cocoon.api.job import JobInput, JobOutput
from cocoon.api.runner import ModelAssignment
from imagebuild import models
from tests.bench.report import Row, report
from tests.bench.runner_process import RunnerProcess, runner_process
from tests.runner import https_files, kit
from tests.triton_fixtures import running_triton

ROUNDS: Final = 9
SENTENCES: Final = Path(__file__).parents[2] / "docs" / "samples" / "data" / "sentences.txt"


class Load(Struct, frozen=True):
    """Which texts go to which model, how many at a time."""

    model: str
    texts: tuple[str, ...]
    parallelism: int


async def bare(client: InferenceServerClient, load: Load) -> float:
    """Wall time in seconds."""
    waiting = iter(load.texts)

    async def worker() -> None:
        for text in waiting:
            tensor = InferInput("text", [1], "BYTES")
            tensor.set_data_from_numpy(np.array([text.encode()], dtype=np.object_))
            answer = await client.infer(load.model, [tensor])
            for output in answer.get_response().outputs:
                answer.as_numpy(output.name)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(load.parallelism)))
    return time.perf_counter() - began


class Fed:
    """The runner's side of a comparison."""

    def __init__(self, runner: RunnerProcess, files: https_files.Files, offers: dict[str, ModelAssignment]) -> None:
        self._runner = runner
        self._files = files
        self._offers = offers
        self._jobs = 0

    async def run(self, load: Load) -> float:
        """Wall time in seconds, from the first item's start until the receipt is here."""
        self._jobs += 1
        name = f"bench-{self._jobs}"
        content = "".join(kit.text_line(number, text) for number, text in enumerate(load.texts)).encode()
        self._files.content[name] = content
        job = kit.job(
            self._offers[load.model],
            "",
            uid=name,
            input=JobInput(uri=self._files.uri(name), sha256=hashlib.sha256(content).hexdigest()),
            output=JobOutput(uri=self._files.uri(f"{name}-out")),
            parallelism=load.parallelism,
        )
        took = await self._runner.do(job)
        answered = self._files.put.pop(f"{name}-out").count(b"\n")
        if answered != len(load.texts):
            raise RuntimeError(f"{answered} answers to {len(load.texts)} items")
        return took


async def throughput(client: InferenceServerClient, fed: Fed, load: Load) -> list[Row]:
    """Items a second of both, and their ratio."""
    pairs = [(await fed.run(load), await bare(client, load)) for _ in range(ROUNDS)]
    ours, theirs = (len(load.texts) / median(times) for times in zip(*pairs, strict=True))
    ratio = median(bare_time / our_time for our_time, bare_time in pairs)
    what = f"{load.model}, {load.parallelism} at a time"
    return [
        Row(f"bare client: {what}", theirs, "items/s"),
        Row(f"runner: {what}", ours, "items/s"),
        Row.at_least(f"runner to bare client: {what}", ratio, "", 0.95),
    ]


async def latency(client: InferenceServerClient, fed: Fed, load: Load) -> list[Row]:
    """What the runner adds to one item, with one at a time: medians over the rounds of each round's mean."""
    pairs = [(await fed.run(load), await bare(client, load)) for _ in range(ROUNDS)]
    added = median(ours - theirs for ours, theirs in pairs) / len(load.texts)
    plain = median(theirs for _, theirs in pairs) / len(load.texts)
    return [
        Row(f"bare client: {load.model}, one at a time", plain * 1000, "ms an item"),
        Row.at_most(f"added by the runner: {load.model}", added * 1000, "ms an item", 1.0),
    ]


def loads() -> tuple[Sequence[Load], Sequence[Load]]:
    """What throughput and what latency are measured with."""
    sentences = tuple(SENTENCES.read_text().splitlines())
    short = tuple(f"text {number}" for number in range(4_000))
    return (
        (Load("echo", short, 8), Load("minilm", sentences[:150], 8)),
        (Load("echo", short[:500], 1), Load("minilm", sentences[:60], 1)),
    )


async def measure(folder: Path) -> list[Row]:
    """All rows."""
    rows: list[Row] = []
    many, single = loads()
    with running_triton(folder) as triton:
        async with (
            https_files.serving() as files,
            runner_process(folder, triton.grpc_url) as runner,
            InferenceServerClient(triton.grpc_url) as client,
        ):
            entries = {"echo": kit.MODELS / "echo", "minilm": models.entries() / "minilm"}
            offers = {name: kit.offer(folder, entry, max_concurrency=16) for name, entry in entries.items()}
            for offer in offers.values():
                await runner.load(offer)
            fed = Fed(runner, files, offers)
            for load in many:
                rows += await throughput(client, fed, load)
            for load in single:
                rows += await latency(client, fed, load)
            memory = psutil.Process(runner.pid).memory_info().rss / 2**20
            rows.append(Row.at_most("memory of the runner (RSS)", memory, "MiB", 150))
    return rows


def main() -> int:
    """1 if a target was missed."""
    with tempfile.TemporaryDirectory(prefix="cocoon-bench-") as folder:
        return report("runner", asyncio.run(measure(Path(folder))))


if __name__ == "__main__":
    sys.exit(main())
