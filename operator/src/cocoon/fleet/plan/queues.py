"""Unbound jobs, in heaps by class: a class is whatever decides which servers can take a job.

Priority first, then age. A class's head blocks its own class and no other, so a round looks at heads only, and at no
more of them than there are free slots for: the heads of a model are in a heap as well.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator

from msgspec import Struct

from cocoon.api.job import ProviderReference
from cocoon.api.money import Price
from cocoon.api.times import Instant
from cocoon.api.trust import Trust
from cocoon.fleet.plan.lazy_heap import LazyHeap
from cocoon.fleet.plan.records import Job, Key

JobRank = tuple[int, Instant, str]
Head = tuple[JobRank, Key]


class JobClass(Struct, frozen=True, cache_hash=True):
    """Jobs that are alike to every server. Parallelism is part of it: slots decide too."""

    model: str
    namespace: str
    parallelism: int
    minimum_trust: Trust
    model_sha256: str | None
    providers: tuple[ProviderReference, ...]
    maximum_price: Price | None
    sealed: bool = False


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
        job.sealed,
    )


def rank_of(job: Job) -> JobRank:
    """Higher priority first, then whoever came first, then by uid so that the order is always the same."""
    return (-job.priority, job.submitted, job.uid)


class Queue:
    """The waiting jobs of one class. `head` is rank and key of the next one."""

    __slots__ = ("_heap", "head", "job_class")

    def __init__(self, job_class: JobClass) -> None:
        self.job_class = job_class
        self.head: Head | None = None
        self._heap: LazyHeap[JobRank] = LazyHeap()

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, job: Job) -> None:
        """Let a job wait."""
        self._heap.put(job.key, rank_of(job))
        self._look()

    def remove(self, key: Key) -> None:
        """Take a job out."""
        self._heap.remove(key)
        self._look()

    def _look(self) -> None:
        first = self._heap.first()
        self.head = None if first is None else (first[0], Key(first[1]))


class Queues:
    """All queues by model. `moved` holds those that got another head since somebody last took note of it."""

    def __init__(self) -> None:
        self.moved: set[JobClass] = set()
        self._queues: dict[JobClass, Queue] = {}
        self._heads: dict[str, list[tuple[Head, JobClass]]] = defaultdict(list)
        self._by_model: dict[str, set[JobClass]] = defaultdict(set)
        self._queue_of: dict[Key, Queue] = {}

    def put(self, job: Job) -> None:
        """Let a job wait in the queue of its class."""
        job_class = class_of(job)
        known = self._queue_of.get(job.key)
        if known is not None and known.job_class != job_class:
            self.remove(job.key)
        queue = self._queues.get(job_class)
        if queue is None:
            queue = self._queues[job_class] = Queue(job_class)
            self._by_model[job.model].add(job_class)
        old = queue.head
        queue.put(job)
        self._queue_of[job.key] = queue
        self._note(queue, old)

    def remove(self, key: Key) -> None:
        """Take a job out of its queue, and an empty queue out of its model."""
        queue = self._queue_of.pop(key, None)
        if queue is None:
            return
        old = queue.head
        queue.remove(key)
        self._note(queue, old)
        if not len(queue):
            del self._queues[queue.job_class]
            self._by_model[queue.job_class.model].discard(queue.job_class)

    def __contains__(self, key: Key) -> bool:
        return key in self._queue_of

    def get(self, job_class: JobClass) -> Queue | None:
        """The queue of a class that has waiting jobs."""
        return self._queues.get(job_class)

    def of_model(self, model: str) -> Iterator[Queue]:
        """Queues with waiting jobs for a model, in no order."""
        return (self._queues[job_class] for job_class in self._by_model.get(model, ()))

    def in_order(self, model: str) -> Iterator[tuple[Head, Queue]]:
        """Heads and queues of a model, best head first; as they are when this begins, each when it is asked for."""
        copy, last = list(self._tidy(model)), None
        while copy:
            head, job_class = heapq.heappop(copy)
            queue = self._queues.get(job_class)
            if queue is not None and queue.head == head != last:
                last = head
                yield head, queue

    def classes(self) -> int:
        """How many classes have waiting jobs."""
        return len(self._queues)

    def models(self) -> set[str]:
        """Models that jobs wait for."""
        return {model for model, classes in self._by_model.items() if classes}

    def models_of(self, namespace: str) -> set[str]:
        """Models that jobs of a namespace wait for."""
        return {job_class.model for job_class in self._queues if job_class.namespace == namespace}

    def _note(self, queue: Queue, old: Head | None) -> None:
        if queue.head == old:
            return
        self.moved.add(queue.job_class)
        if queue.head is not None:
            heapq.heappush(self._heads[queue.job_class.model], (queue.head, queue.job_class))

    def _tidy(self, model: str) -> list[tuple[Head, JobClass]]:
        """The model's heap of heads without what has been superseded, if that is most of it."""
        heads, classes = self._heads[model], self._by_model[model]
        if len(heads) > 64 + 2 * len(classes):
            current = [(queue.head, queue.job_class) for queue in self.of_model(model) if queue.head is not None]
            heapq.heapify(current)
            heads = self._heads[model] = current
        return heads
