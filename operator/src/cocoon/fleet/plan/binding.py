"""Which waiting job gets which server.

Cheapest offer first, then the least loaded server: the client asked for a price. A server whose model is not ready
takes no jobs, so that a job goes to whichever is ready first instead of waiting for a load that may fail. Heads of
classes compete strictly by priority and age. A head that fits on no server keeps the one that is nearest to having
room for itself: its free slots are out of reach for everybody behind.
"""

from __future__ import annotations

import heapq
from itertools import groupby

from cocoon.api.times import Instant
from cocoon.fleet.plan import job_status
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.eligibility import Candidate
from cocoon.fleet.plan.queues import Head, JobClass, Queue
from cocoon.fleet.plan.records import Job, Key
from cocoon.fleet.plan.shelves import Shelf
from cocoon.fleet.plan.snapshot import Snapshot


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Bind heads of queues to free slots, model by model."""
    for model in sorted(draft.touched.models):
        if snapshot.shelves.free_slots(model) > 0:
            _Round(snapshot, now, draft).bind(model)


class _Round:
    """One model's heads and what they keep for themselves."""

    def __init__(self, snapshot: Snapshot, now: Instant, draft: Draft) -> None:
        self._snapshot = snapshot
        self._now = now
        self._draft = draft
        self._kept: list[tuple[Key, Shelf, int]] = []

    def bind(self, model: str) -> None:
        """Give out the model's free slots, best head first."""
        shelves, others = self._snapshot.shelves, self._snapshot.queues.in_order(model)
        served: list[tuple[Head, int, Queue]] = []
        following = next(others, None)
        while shelves.free_slots(model) > 0 and (served or following is not None):
            if following is None or (served and served[0][0] < following[0]):
                queue = heapq.heappop(served)[2]
            else:
                queue, following = following[1], next(others, None)
            if self._serve(queue) and queue.head is not None:
                heapq.heappush(served, (queue.head, id(queue), queue))
        for server, shelf, free in self._kept:
            shelves.place(server, shelf, free)

    def _serve(self, queue: Queue) -> bool:
        """Whether the queue's head was bound or is out of the way, so that the next one may try."""
        if queue.head is None:
            return False
        job = self._snapshot.jobs[queue.head[1]]
        if self._snapshot.expectations.is_held(("job", job.key)):
            return False  # being told why it waits; it is its turn again in a moment
        if self._draft.is_decided(job.key):
            self._leave_queue(job)
            return True
        return self._place(job, queue.job_class)

    def _place(self, job: Job, job_class: JobClass) -> bool:
        if not is_covered(self._snapshot, job, self._draft.spent[job.namespace]):
            return False
        server = _cheapest(self._snapshot, job_class)
        if server is None:
            self._keep_room(job_class)
            return False
        chosen = self._snapshot.servers[server]
        provider = self._snapshot.providers[chosen.provider]
        price = provider.offers[chosen.model].price
        self._draft.write(job, job_status.bind(job, chosen, provider, price, self._now), "Bind")
        self._draft.spent[job.namespace] += job.budget or 0
        self._snapshot.shelves.take(server, job.parallelism)
        self._snapshot.touch_server(server)
        self._leave_queue(job)
        return True

    def _leave_queue(self, job: Job) -> None:
        """Take a job out of its queue; the next round looks whether it belongs there again."""
        self._snapshot.queues.remove(job.key)
        self._snapshot.touched.jobs.add(job.key)
        self._snapshot.touched.models.add(job.model)

    def _keep_room(self, job_class: JobClass) -> None:
        """Keep the roomiest server of the class for its head."""
        shelves = self._snapshot.shelves
        best: tuple[int, Key] | None = None
        for candidate in self._snapshot.candidates(job_class):
            found = shelves.roomiest(shelf_of(candidate, job_class.namespace))
            if found is not None and (best is None or found[0] > best[0]):
                best = found
        if best is not None:
            self._kept.append((best[1], *shelves.place_of(best[1])))
            shelves.remove(best[1])


def is_covered(snapshot: Snapshot, job: Job, spent: int) -> bool:
    """Whether the client account covers the job's budget on top of what is outstanding; all are if nobody pays."""
    if not snapshot.payout.configured:
        return True
    account = snapshot.credit.get(job.namespace)
    if job.budget is None or account is None or snapshot.usage.in_doubt or snapshot.roll_call.missing:
        return False
    return job.budget + spent + snapshot.usage.outstanding(job.namespace) <= account.available


def shelf_of(candidate: Candidate, namespace: str) -> Shelf:
    """Where an offer keeps servers for a namespace."""
    return (candidate.key, namespace if candidate.isolated else "")


def _cheapest(snapshot: Snapshot, job_class: JobClass) -> Key | None:
    """The least loaded of the cheapest servers with room for a job of this class."""
    for _, at_one_price in groupby(snapshot.candidates(job_class), key=lambda candidate: candidate.estimate):
        roomiest = [snapshot.shelves.roomiest(shelf_of(each, job_class.namespace)) for each in at_one_price]
        fitting = [(-free, key) for free, key in filter(None, roomiest) if free >= job_class.parallelism]
        if fitting:
            return min(fitting)[1]
    return None
