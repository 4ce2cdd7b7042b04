"""`make chaos-payout`: many seeds on both databases, then a careless sender, which has to be caught.

Each seed is two trials. One is in this process, where death can come at any step and an hour of the chain takes a
second. The other is of real processes that are killed: service, lite-server and database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.chaos.payout.process_trial import ProcessVerdict
from tests.chaos.payout.process_trials import process_trials
from tests.chaos.payout.trial import Plan, Trial, Verdict
from tests.postgres_fixtures import new_postgres

REPORT = Path("build/chaos/payout.json")
#: A sender that gives up on a guess is caught when an old message comes late: that takes some history.
CARELESS_WORKS = 80
#: Trials in this process, those of a careless sender, and those of real processes.
PARTS = ["steps", "careless", "processes"]


def main() -> int:
    given = _arguments()
    verdicts: dict[str, list[Verdict] | list[ProcessVerdict]] = {}
    with tempfile.TemporaryDirectory(prefix="cocoon-chaos-") as folder:
        Path(folder).chmod(0o755)
        os.chdir(_made(Path(folder) / "work"))  # pytoniq keeps trusted blocks in the working folder
        for kind in given.databases:
            verdicts |= _of_one_kind(kind, given, Path(folder))
    return _report(verdicts, given.report)


def _of_one_kind(kind: str, given: argparse.Namespace, folder: Path) -> dict[str, list[Verdict] | list[ProcessVerdict]]:
    """All parts on one kind of database."""
    verdicts: dict[str, list[Verdict] | list[ProcessVerdict]] = {}
    seeds = range(given.first, given.first + given.seeds)
    with _databases(kind, folder) as new_database:
        if "steps" in given.only:
            verdicts[kind] = [_trial(seed, new_database(), Plan(works=given.works), kind) for seed in seeds]
        if "careless" in given.only:
            plan = Plan(works=CARELESS_WORKS, careless=True, most_steps=CARELESS_WORKS * 4)
            verdicts[f"{kind}, careless"] = [_trial(n, new_database(), plan, kind) for n in seeds[: given.careless]]
    if "processes" in given.only:
        verdicts[f"{kind}, processes"] = [_told(found, kind) for found in process_trials(kind, seeds, given.jobs)]
    return verdicts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30, help="for each database")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--careless", type=int, default=3, help="trials of a sender that gives up on a guess")
    parser.add_argument("--works", type=int, default=30, help="receipts in each trial")
    parser.add_argument("--jobs", type=int, default=3, help="trials of processes at a time")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"], choices=["sqlite", "postgresql"])
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS, help="all are run otherwise")
    parser.add_argument("--report", type=Path, default=REPORT.resolve())
    return parser.parse_args()


@contextmanager
def _databases(kind: str, folder: Path) -> Iterator[Callable[[], str]]:
    if kind == "sqlite":
        yield lambda: f"sqlite:///{tempfile.mkdtemp(dir=folder)}/books.sqlite"
        return
    server = new_postgres(_made(folder / "postgres"))
    server.start()
    try:
        yield server.create
    finally:
        server.stop()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _trial(seed: int, database: str, plan: Plan, kind: str) -> Verdict:
    found = asyncio.run(Trial(seed, database, plan).run())
    what = "careless" if plan.careless else "exact" if found.exact else "WRONG"
    _say(
        f"{kind} seed {seed}: {what} | too much {found.too_much}, too little {found.too_little}, drift {found.drift} | "
        f"{found.steps} steps, {sum(found.kills.values())} deaths, {found.transfers} | {found.seconds:.1f} s"
        + (f" | {found.trouble}" if found.trouble else "")
    )
    return found


def _told(found: ProcessVerdict, kind: str) -> ProcessVerdict:
    faults = ", ".join(f"{count} x {fault}" for fault, count in sorted(found.faults.items()))
    what = "exact" if found.exact else f"WRONG {found.wrong}, drift {found.drift}, {found.trouble}"
    _say(f"{kind} seed {found.seed}, processes: {what} | {faults} | {found.seconds:.1f} s")
    return found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _report(verdicts: dict[str, list[Verdict] | list[ProcessVerdict]], file: Path) -> int:
    good = True
    for kind, found in verdicts.items():
        exact = sum(verdict.exact for verdict in found)
        faults = sum((Counter(_faults(verdict)) for verdict in found), Counter[str]())
        good = good and (exact == 0 if "careless" in kind else exact == len(found))
        _say(f"{kind}: {exact} of {len(found)} exact, {sum(faults.values())} faults: {dict(faults)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(msgspec.to_builtins(verdicts), indent=1))
    return 0 if good else 1


def _faults(verdict: Verdict | ProcessVerdict) -> dict[str, int]:
    return verdict.kills if isinstance(verdict, Verdict) else verdict.faults


if __name__ == "__main__":
    sys.exit(main())
