"""Many trials of real processes, a few at a time: most of each is waiting for a server that is not there."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.chaos.payout.cut_books import Books, PostgresBooks, SqliteBooks
from tests.chaos.payout.process_trial import ProcessTrial, ProcessVerdict
from tests.postgres_fixtures import new_postgres


def process_trials(kind: str, seeds: Sequence[int], jobs: int) -> Iterator[ProcessVerdict]:
    """Verdicts in the seeds' order."""
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(partial(process_trial, kind), seeds)


def process_trial(kind: str, seed: int) -> ProcessVerdict:
    """One, in a folder of its own that becomes the working folder."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="cocoon-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        os.chdir(folder)
        try:
            with _books(kind, folder) as books:
                return asyncio.run(ProcessTrial(seed, folder, books).run())
        finally:
            os.chdir(before)


@contextmanager
def _books(kind: str, folder: Path) -> Iterator[Books]:
    if kind == "sqlite":
        yield SqliteBooks(folder)
        return
    (folder / "postgres").mkdir()
    server = new_postgres(folder / "postgres")
    server.start()
    try:
        yield PostgresBooks(server)
    finally:
        server.stop(signal.SIGQUIT)
