"""How fast the planner decides: 1,000 nodes of 8 GPUs, 8,000 servers at work, 100,000 queued jobs, and nothing else.

`python -m tests.bench.bench_plan`. Times include all that the operator's loop does with the planner: putting records,
planning, holding and releasing actions. Nothing is read from or written to anywhere, so times are of the processor:
what else runs on the machine does not matter.
"""

from __future__ import annotations

import gc
import itertools
import resource
import statistics
import sys
import time
from collections.abc import Iterable

from msgspec.structs import replace

from cocoon.api.money import Usage
from cocoon.api.times import Instant
from cocoon.fleet.plan import actions as act
from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.plan import plan
from cocoon.fleet.plan.records import Attempt, Job, PayoutLink, Record, Server
from cocoon.fleet.plan.snapshot import Snapshot
from tests.bench.big_fleet import Fleet, Size, big_fleet
from tests.bench.report import Row, report
from tests.unit.plan.builders import START

ROUNDS = 40
FREED_PER_ROUND = 100
POLLS_PER_ROUND = 250


class Bench:
    """One fleet, one snapshot, one clock."""

    def __init__(self, size: Size) -> None:
        self.now: Instant = START + 200
        self.size = size
        self.fleet: Fleet = big_fleet(size)
        self.snapshot = Snapshot()
        self.rows: list[Row] = []
        self._version = 1

    def run(self) -> list[Row]:
        """All figures in turn."""
        gc.collect()
        gc.freeze()
        self._rebuild()
        self._settle()
        self._quiet("a quiet round", (), 5.0)
        self._quiet(f"a round after {POLLS_PER_ROUND} polls that tell nothing", self._polls(), None)
        self._explain()
        self._bind()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.rows.append(Row("peak memory, records of the benchmark included", peak, "MiB"))
        return self.rows

    # --- figures ---

    def _rebuild(self) -> None:
        began = time.process_time()
        self.snapshot.put(PayoutLink(configured=False))
        fleet = self.fleet
        kinds: tuple[Iterable[Record], ...] = (
            fleet.nodes, fleet.providers, fleet.servers, fleet.attestations, fleet.views, fleet.running, fleet.queued,
        )  # fmt: skip
        for records in kinds:
            for record in records:
                self.snapshot.put(record)
        put = time.process_time() - began
        actions = plan(self.snapshot, self.now).actions
        took = time.process_time() - began
        self.rows.append(Row.at_most("first look at everything", took, "s", 2.0))
        self.rows.append(Row("of it putting the records", put, "s"))
        self._carry_out(actions)

    def _quiet(self, name: str, records: Iterable[Record], most_ms: float | None) -> None:
        ready = list(records)
        times = []
        for _ in range(50):
            self.now += 0.01
            began = time.process_time()
            for record in ready:
                self.snapshot.put(replace(record, last_contact=self.now))
            plan(self.snapshot, self.now)
            times.append(1_000 * (time.process_time() - began))
        slow = statistics.quantiles(times, n=20)[-1]
        self.rows.append(
            Row.at_most(f"{name} (p95)", slow, "ms", most_ms) if most_ms else Row(f"{name} (p95)", slow, "ms")
        )

    def _explain(self) -> None:
        self.now += 5
        began = time.process_time()
        actions = plan(self.snapshot, self.now).actions
        took = 1_000 * (time.process_time() - began)
        told = sum(isinstance(action, act.WriteJobStatus) for action in actions)
        self.rows.append(Row(f"a round that tells {told} classes why they wait", took, "ms"))
        self._carry_out(actions)
        self._settle()

    def _bind(self) -> None:
        bound, took, worst = 0, 0.0, 0.0
        running = iter(self.fleet.running)
        for _ in range(ROUNDS):
            ended = [
                self._ended(job) for job in itertools.islice(running, min(FREED_PER_ROUND, self.size.servers // ROUNDS))
            ]
            self.now += 0.1
            began = time.process_time()
            for job in ended:
                self.snapshot.put(job)
            actions = plan(self.snapshot, self.now).actions
            self._carry_out(actions)
            spent = time.process_time() - began
            took, worst = took + spent, max(worst, spent)
            bound += sum(isinstance(action, act.WriteJobStatus) and action.purpose == "Bind" for action in actions)
        self.rows.append(Row.at_least("binds a second", bound / took, "/s", 2_000))
        self.rows.append(Row("binds measured", bound, "jobs"))
        self.rows.append(Row(f"the slowest round of {FREED_PER_ROUND} servers freed", 1_000 * worst, "ms"))

    # --- the world ---

    def _settle(self) -> None:
        for _ in range(20):
            actions = plan(self.snapshot, self.now).actions
            if not actions:
                return
            self._carry_out(actions)
        raise AssertionError(f"still busy: {[type(action).__name__ for action in actions[:5]]}")

    def _carry_out(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            self.snapshot.hold(action, self.now)
        for action in actions:
            self._make_true(action)
            self.snapshot.release(action, self.now, done=True)

    def _make_true(self, action: Action) -> None:
        match action:
            case act.WriteJobStatus():
                job = self.snapshot.jobs[action.job]
                self.snapshot.put(replace(job, status=action.status, resource_version=self._next()))
            case act.WriteProviderStatus():
                provider = self.snapshot.providers[action.provider]
                self.snapshot.put(replace(provider, status=action.status, resource_version=self._next()))
            case act.SetServerCondition():
                server: Server = self.snapshot.servers[action.server]
                self.snapshot.put(replace(server, attested=action.condition, resource_version=self._next()))
            case act.PushJob():
                view = self.snapshot.runners[action.server_uid]
                name = f"{action.uid}/{action.attempt}"
                held = Attempt(action.uid, action.attempt, Usage(), self.now)
                self.snapshot.put(replace(view, attempts={**view.attempts, name: held}))
            case _:
                pass

    def _ended(self, job: Job) -> Job:
        status = replace(job.status, state="Succeeded", cost="1", completion_time="2027-01-15T08:00:00Z")
        return replace(job, status=status, resource_version=self._next())

    def _polls(self) -> list[Record]:
        return list(self.fleet.views[:POLLS_PER_ROUND])

    def _next(self) -> str:
        self._version += 1
        return str(self._version)


if __name__ == "__main__":
    sys.exit(report("plan", Bench(Size()).run()))
