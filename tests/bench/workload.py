"""Kueue's baseline profile in our words: which jobs come when, and which providers may take them.

Five groups of six providers, each with one server of 20 slots. For each provider come 350 small jobs, 100 medium and 50
large ones; a job may go to any provider of its group. Capacity alone allows 66 s for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SLOTS = 20


@dataclass(frozen=True)
class JobClass:
    """One kind of job: `parallelism` slots for `milliseconds`; one comes every `every` seconds for each provider."""

    name: str
    count: int
    parallelism: int
    milliseconds: int
    every: float
    priority: int


KUEUE = (
    JobClass("small", 350, 1, 200, 0.1, 50),
    JobClass("medium", 100, 5, 500, 0.5, 100),
    JobClass("large", 50, 20, 1000, 1.2, 200),
)


@dataclass(frozen=True)
class Profile:
    """`groups` of `size` providers, and the classes of jobs that come for each of them.

    Unless `restricted`, every job may go to any provider.
    """

    groups: int = 5
    size: int = 6
    classes: tuple[JobClass, ...] = KUEUE
    restricted: bool = True

    @property
    def providers(self) -> int:
        return self.groups * self.size

    @property
    def jobs(self) -> int:
        return self.providers * sum(each.count for each in self.classes)

    @property
    def slot_seconds(self) -> float:
        """The work of all jobs, in slots times seconds."""
        return self.providers * sum(each.count * each.parallelism * each.milliseconds / 1000 for each in self.classes)

    def members(self, group: int) -> list[int]:
        """The providers, by number, that the jobs of a group may go to; an empty list allows all."""
        if not self.restricted:
            return []
        return [group * self.size + member for member in range(self.size)]

    def arrivals(self) -> list[Arrival]:
        """Every job, in the order of its time."""
        return sorted(self._arrivals(), key=lambda arrival: (arrival.at, arrival.name))

    def _arrivals(self) -> Iterator[Arrival]:
        for provider in range(self.providers):
            for each in self.classes:
                for number in range(each.count):
                    name = f"{each.name}-{provider}-{number}"
                    yield Arrival(number * each.every, name, provider // self.size, each)


@dataclass(frozen=True)
class Arrival:
    """A job that is created `at` seconds after the start, for the providers of `group`."""

    at: float
    name: str
    group: int
    kind: JobClass


SMALL = Profile(
    groups=2,
    size=3,
    classes=(
        JobClass("small", 58, 1, 20, 0.02, 50),
        JobClass("medium", 17, 5, 50, 0.07, 100),
        JobClass("large", 8, 20, 100, 0.15, 200),
    ),
)
