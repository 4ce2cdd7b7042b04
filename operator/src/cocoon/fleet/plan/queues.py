"""Unbound jobs, in heaps by class: a class is whatever decides which servers can take a job.

Priority first, then age. A class's head blocks its own class and no other, so a round looks at heads only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from cocoon.api.job import ProviderReference
from cocoon.api.money import Price
from cocoon.api.times import Instant
from cocoon.api.trust import Trust
from cocoon.fleet.plan.lazy_heap import LazyHeap
from cocoon.fleet.plan.records import Job, Key

JobRank = tuple[int, Instant, str]


class JobClass(Struct, frozen=True):
    """Jobs that are alike to every server. Parallelism is part of it: slots decide too."""

    model: str
    namespace: str
    parallelism: int
    minimum_trust: Trust
    model_sha256: str | None
    providers: tuple[ProviderReference, ...]
    maximum_price: Price | None


def class_of(job: Job) -> JobClass:
    """The class of a job."""
    return JobClass(
        job.model,
        job.namespace,
        job.parallelism,
        job.minimum_trust,
        job.model_sha256,
        job.providers,
        job.maximum_price,
    )


def rank_of(job: Job) -> JobRank:
    """Higher priority first, then whoever came first, then by uid so that the order is always the same."""
    return (-job.priority, job.submitted, job.uid)


class Queue:
    """The waiting jobs of one class."""

    __slots__ = ("_heap", "job_class")

    def __init__(self, job_class: JobClass) -> None:
        self.job_class = job_class
        self._heap: LazyHeap[JobRank] = LazyHeap()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def slots(self) -> int:
        """Slots that all of its jobs together would take."""
        return len(self._heap) * self.job_class.parallelism

    def head(self) -> tuple[JobRank, Key] | None:
        """Rank and key of the next job."""
        first = self._heap.first()
        return None if first is None else (first[0], Key(first[1]))

    def put(self, job: Job) -> None:
        """Let a job wait."""
        self._heap.put(job.key, rank_of(job))

    def remove(self, key: Key) -> None:
        """Take a job out."""
        self._heap.remove(key)

    def keys(self) -> Iterator[Key]:
        """All waiting jobs in no order."""
        return (Key(name) for name in self._heap)


def by_head(queues: Iterable[Queue]) -> list[Queue]:
    """Queues in the order of their heads; empty ones are left out."""
    waiting = [(head, queue) for queue in queues if (head := queue.head()) is not None]
    return [queue for _, queue in sorted(waiting, key=lambda pair: pair[0])]


class Queues:
    """All queues by model."""

    def __init__(self) -> None:
        self._by_model: dict[str, dict[JobClass, Queue]] = defaultdict(dict)
        self._queue_of: dict[Key, Queue] = {}

    def put(self, job: Job) -> None:
        """Let a job wait in the queue of its class."""
        job_class = class_of(job)
        known = self._queue_of.get(job.key)
        if known is not None and known.job_class != job_class:
            self.remove(job.key)
        queues = self._by_model[job.model]
        queue = queues.get(job_class)
        if queue is None:
            queue = queues[job_class] = Queue(job_class)
        queue.put(job)
        self._queue_of[job.key] = queue

    def remove(self, key: Key) -> None:
        """Take a job out of its queue, and an empty queue out of its model."""
        queue = self._queue_of.pop(key, None)
        if queue is None:
            return
        queue.remove(key)
        if not len(queue):
            self._by_model[queue.job_class.model].pop(queue.job_class, None)

    def __contains__(self, key: Key) -> bool:
        return key in self._queue_of

    def of_model(self, model: str) -> Iterable[Queue]:
        """Queues with waiting jobs for a model."""
        return self._by_model[model].values() if model in self._by_model else ()

    def models_of(self, namespace: str) -> set[str]:
        """Models that jobs of a namespace wait for."""
        return {
            model
            for model, queues in self._by_model.items()
            if any(job_class.namespace == namespace for job_class in queues)
        }

    def models(self) -> set[str]:
        """Models that jobs wait for."""
        return {model for model, queues in self._by_model.items() if queues}

    def classes(self) -> int:
        """How many classes have waiting jobs."""
        return sum(len(queues) for queues in self._by_model.values())

    def has_class(self, job_class: object) -> bool:
        """Whether a class has waiting jobs."""
        return isinstance(job_class, JobClass) and job_class in self._by_model.get(job_class.model, {})
