"""`make bench-jobs`: jobs end to end on a real API server, with simulated nodes and stub runners.

    python -m tests.bench.bench_jobs [--only throughput bare warm restart] [--small]

Prints a table and writes build/bench/jobs.json. docs/benchmarks.md says how each figure is taken.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from tests.bench.measure import busy_cores
from tests.bench.outcome import Outcome
from tests.bench.report import Row, report
from tests.bench.restart import run_restart
from tests.bench.throughput import run_bare, run_fleet
from tests.bench.warm import percentile, run_warm
from tests.bench.workload import SMALL, Profile

#: What Kueue 0.19.2's own benchmark did on a machine of 2 cores, with the same etcd and API server.
KUEUE_RATE: Final = 33.6
_WAITS: Final = {"large": 2.0, "medium": 40.0, "small": 85.0}


def throughput(profile: Profile) -> tuple[Outcome, list[Row]]:
    """The whole fleet."""
    run = run_fleet(profile, seconds=1_800)
    rows = [
        Row("jobs", run.jobs, ""),
        Row("wall time", run.wall, "s"),
        Row.at_least("jobs a second", run.rate, "jobs/s", 100),
        Row.at_least("jobs a second, second goal", run.rate, "jobs/s", 134),
        Row.at_least("ratio to Kueue 0.19.2", run.rate / KUEUE_RATE, "", 3),
        *(Row.at_most(f"mean wait, {name}", run.waits[name], "s", limit) for name, limit in _WAITS.items()),
        Row("slot use", run.slot_use, ""),
        Row("writes a job", run.job_writes, ""),
        Row.at_most("operator's memory, peak", run.memory["operator"], "MiB", 300),
        *(Row(f"{name}'s CPU", seconds / run.wall, "cores") for name, seconds in run.cpu.items()),
    ]
    return run, rows


def bare(profile: Profile, fleet: Outcome | None) -> list[Row]:
    """What the least possible operator does with the same jobs; `fleet` is ours, to compare."""
    run = run_bare(profile)
    rows = [
        Row("bare loop: wall time", run.wall, "s"),
        Row("bare loop: jobs a second", run.rate, "jobs/s"),
        *(Row(f"bare loop: mean wait, {name}", run.waits[name], "s") for name in _WAITS),
        *(Row(f"bare loop: {name}'s CPU", seconds / run.wall, "cores") for name, seconds in run.cpu.items()),
    ]
    if fleet is not None:
        rows.append(Row.at_least("ratio to the bare loop", fleet.rate / run.rate, "", 0.8))
    return rows


def warm(*, small: bool) -> list[Row]:
    """One job at a time."""
    run = run_warm(50 if small else 300)
    return [
        Row.at_most("warm job, bind to first item, p50", percentile(run.from_bind, 50), "ms", 150),
        Row("warm job, bind to first item, p99", percentile(run.from_bind, 99), "ms"),
        Row("warm job, creation to first item, p50", percentile(run.from_creation, 50), "ms"),
        Row("warm job, creation to first item, p99", percentile(run.from_creation, 99), "ms"),
    ]


def restart(*, small: bool) -> list[Row]:
    """An operator started anew."""
    servers, jobs = (50, 500) if small else (1_000, 10_000)
    run = run_restart(servers, jobs)
    return [
        Row(f"restart with {servers} servers and {jobs} jobs: first round", run.first_plan, "s"),
        Row.at_most("restart: first bind", run.first_bind, "s", 10),
        Row("restart: all slots taken", run.all_bound, "s"),
        Row.at_most("restart: wrong writes", len(run.wrongs), "", 0),
        Row("restart: operator's memory, peak", run.memory, "MiB"),
    ]


def _parts(only: list[str], *, small: bool) -> Iterator[Callable[[], list[Row]]]:
    profile = SMALL if small else Profile()
    fleet: list[Outcome] = []

    def first() -> list[Row]:
        run, rows = throughput(profile)
        fleet.append(run)
        _say("\n".join(f"  {count:>8} {request}" for request, count in run.requests.most_common(16)))
        return rows

    parts: dict[str, Callable[[], list[Row]]] = {
        "throughput": first,
        "bare": lambda: bare(profile, fleet[0] if fleet else None),
        "warm": lambda: warm(small=small),
        "restart": lambda: restart(small=small),
    }
    return (parts[name] for name in parts if name in only)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Jobs end to end on a real API server with stub runners.")
    names = ["throughput", "bare", "warm", "restart"]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--small", action="store_true", help="a few jobs: shows that the path works, not how fast")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    rows: list[Row] = []
    for part in _parts(given.only, small=given.small):
        load, begun = busy_cores(), time.monotonic()
        rows += part()
        _say(f"{time.monotonic() - begun:.0f} s; the machine's load was {load:.1f} before and is {busy_cores():.1f}")
    return report("jobs-small" if given.small else "jobs", rows)


if __name__ == "__main__":
    sys.exit(main())
