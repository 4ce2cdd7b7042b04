"""`make chaos-operator`: the real operator is killed by SIGKILL at random moments, on a real API server.

Runners are the benchmarks' stub, with real keys and receipts. 1,000 kills take about half an hour. At the end comes a
batch with an operator that lets runners forget too early: if that is not caught, the trials mean nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.api.operator.test_killed import KillableFleet
from tests.bench import manifests
from tests.bench.fleet_under_test import bench_cluster
from tests.chaos.operator.mortal import Mortal
from tests.chaos.operator.trial import Trial, Verdict, flags_of, line

REPORT = Path("build/chaos/operator.json")
SERVERS = 3


@contextmanager
def mortal_fleet() -> Iterator[tuple[KillableFleet, Mortal]]:
    """Servers that are ready, and an operator that does not live yet."""
    with bench_cluster(nodes=SERVERS, gpus=1) as cluster, KillableFleet(cluster) as fleet:
        operator = Mortal(flags_of(fleet), fleet.processes.log("operator"))
        fleet.offer([manifests.provider(number, f"simulated-{number}") for number in range(SERVERS)])
        operator.start()
        fleet.awaits(lambda: _ready(fleet) == SERVERS, "the servers' readiness")
        operator.kill()
        yield fleet, operator


def _ready(fleet: KillableFleet) -> int:
    found = fleet.cluster.kube().call("GET", manifests.PROVIDERS)["items"]
    return sum(each.get("status", {}).get("servers", {}).get("ready", 0) for each in found)


def main() -> int:
    """1 if anything was lost, done twice, left undone or destroyed."""
    given, begun, verdicts = _arguments(), time.monotonic(), list[Verdict]()
    with mortal_fleet() as (fleet, operator):
        while sum(each.kills for each in verdicts) < given.kills and time.monotonic() - begun < given.seconds:
            verdicts.append(Trial(given.first + len(verdicts), fleet, operator).run(given.batch))
            _say(line(verdicts[-1]))
        operator.careless = True
        caught = Trial(given.first, fleet, operator).run(given.batch)
        _say(f"a careless operator, which must be caught: {line(caught)}")
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(json.dumps(msgspec.to_builtins(verdicts), indent=1))
    _say(f"in all {sum(each.kills for each in verdicts)} kills, {sum(each.jobs for each in verdicts)} jobs")
    return 0 if all(each.good for each in verdicts) and not caught.good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=25, help="kills before all is checked")
    parser.add_argument("--first", type=int, default=1, help="the first batch's seed")
    parser.add_argument("--seconds", type=float, default=3600.0, help="begin no batch after this long")
    parser.add_argument("--report", type=Path, default=REPORT)
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
