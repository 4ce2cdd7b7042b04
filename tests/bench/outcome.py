"""The figures of one run, from what was timed and counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import mean

from tests.bench.measure import Request
from tests.bench.stub_server import Timing
from tests.bench.workload import SLOTS, Profile


@dataclass(frozen=True)
class Outcome:
    """`wall` from the first job's creation until the last one's end is durable; `waits` from a job's creation until
    its work begins, by class; all in seconds. `slot_use` is the share of slots that worked, `memory` in MiB."""

    jobs: int
    wall: float
    waits: dict[str, float]
    slot_use: float
    cpu: dict[str, float]
    memory: dict[str, float]
    requests: Counter[Request]

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.wall

    @property
    def writes(self) -> Counter[Request]:
        """Writes other than the load's own creation of jobs."""
        own = {request: count for request, count in self.requests.items() if request.writes}
        own.pop(Request("POST", "inferencejobs", ""), None)
        return Counter(own)

    @property
    def job_writes(self) -> float:
        """Writes to jobs and to what belongs to them, for each job."""
        ours = ("inferencejobs", "configmaps", "events")
        return sum(count for request, count in self.writes.items() if request.resource in ours) / self.jobs


def outcome(
    profile: Profile,
    created: dict[str, float],
    timings: list[Timing],
    spent: tuple[dict[str, float], dict[str, float]],
    requests: Counter[Request],
) -> Outcome:
    """Put a run's observations together; `spent` is CPU seconds and peak memory by process."""
    wall = max(timing.acknowledged for timing in timings) - min(created.values())
    waits: dict[str, list[float]] = defaultdict(list)
    for timing in timings:
        waits[timing.name.split("-")[0]].append(timing.started - created[timing.name])
    worked = sum(timing.slots * (timing.finished - timing.started) for timing in timings)
    return Outcome(
        jobs=len(created),
        wall=wall,
        waits={name: mean(found) for name, found in waits.items()},
        slot_use=worked / (wall * SLOTS * profile.providers),
        cpu=spent[0],
        memory=spent[1],
        requests=requests,
    )
