"""`make bench-payout`: receipts taken and transfers settled a second, and what a transfer costs.

    python -m tests.bench.bench_payout [--only receipts|transfers|cost]

Service, local chain and PostgreSQL are processes on this machine. Prints a table and writes build/bench/payout.json.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from tests.bench.payout_cost import cost_per_transfer
from tests.bench.payout_receipts import Load, accepted
from tests.bench.payout_transfers import one_batch, sustained
from tests.bench.report import Row, report
from tests.postgres_fixtures import new_postgres

TARGETS: Final = {"sqlite": 800.0, "postgresql": 1_500.0}
NewDatabase = Callable[[str, Path], str]


class Size(Struct, frozen=True):
    """How much is done; `batches` of 254 for each lane."""

    receipts: int = 20_000
    single: int = 2_000
    batches: int = 12
    lanes: tuple[int, ...] = (1, 2, 4)
    costs: tuple[int, ...] = (1, 10, 100, 254)


SMALL: Final = Size(receipts=400, single=40, batches=1, lanes=(2,), costs=(1, 10))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), default="")
    parser.add_argument("--small", action="store_true", help="every path, and no figure that means anything")
    given = parser.parse_args()
    size = SMALL if given.small else Size()
    parts = [given.only] if given.only else list(PARTS)
    before = os.getloadavg()[0]
    rows = run(parts, size)
    sys.stdout.write(f"load of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    return report("payout", rows)


def run(parts: Sequence[str], size: Size) -> list[Row]:
    """The rows of some parts."""
    with _databases() as new_database, tempfile.TemporaryDirectory(prefix="cocoon-bench-") as folder:
        return [row for part in parts for row in PARTS[part](_Place(Path(folder) / part, new_database), size)]


class _Place:
    """Folders and databases, a new one for each run."""

    def __init__(self, folder: Path, new_database: NewDatabase) -> None:
        self._folder, self._new_database, self._count = folder, new_database, 0

    def folder(self) -> Path:
        self._count += 1
        made = self._folder / str(self._count)
        made.mkdir(parents=True)
        return made

    def database(self, kind: str) -> tuple[Path, str]:
        folder = self.folder()
        return folder, self._new_database(kind, folder)


def _receipts(place: _Place, size: Size) -> Iterator[Row]:
    for kind, target in TARGETS.items():
        found = asyncio.run(accepted(*place.database(kind), Load(size.receipts)))
        yield Row.at_least(f"receipts accepted, {kind}, 500 a call", found.rate, "/s", target)
        yield Row(f"CPU of the service for each, {kind}", 1_000 * found.cpu / found.receipts, "ms")
        alone = asyncio.run(accepted(*place.database(kind), Load(size.single, bulk=1, callers=32)))
        yield Row(f"receipts accepted, {kind}, one a call, 32 callers", alone.rate, "/s")


def _transfers(place: _Place, size: Size) -> Iterator[Row]:
    rates = {}
    for lanes in size.lanes:
        found = asyncio.run(sustained(*place.database("sqlite"), lanes, 254 * size.batches * max(size.lanes)))
        rates[lanes] = found.rate
        yield Row(f"transfers settled, {lanes} {'lane' if lanes == 1 else 'lanes'}", found.rate, "/s")
        yield Row(
            f"CPU of the service for each, its start included, {lanes}", 1_000 * found.cpu / found.transfers, "ms"
        )
    yield Row.at_least("transfers settled, the best number of lanes", max(rates.values()), "/s", 500)
    batch = asyncio.run(one_batch(*place.database("sqlite")))
    yield Row.at_most(f"{batch.transfers} receipts handed in until all are settled", batch.seconds, "s", 2)


def _cost(place: _Place, size: Size) -> Iterator[Row]:
    for count in size.costs:
        cost = asyncio.run(cost_per_transfer(place.folder(), count)) / 1e9
        name = f"cost of a transfer in a batch of {count}"
        yield Row.at_most(name, cost, "TON", 0.0002) if count == 254 else Row(name, cost, "TON")


PARTS: Final = {"receipts": _receipts, "transfers": _transfers, "cost": _cost}


@contextmanager
def _databases() -> Iterator[NewDatabase]:
    with tempfile.TemporaryDirectory(prefix="cocoon-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = new_postgres(Path(folder))
        server.start()

        def new(kind: str, beside: Path) -> str:
            return server.create() if kind == "postgresql" else f"sqlite:///{beside}/books.sqlite"

        try:
            yield new
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
