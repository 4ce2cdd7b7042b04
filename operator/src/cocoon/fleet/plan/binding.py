"""Which waiting job gets which server.

Cheapest offer first, then the least loaded server: the client asked for a price. A server whose model is not ready
takes no jobs, so that a job goes to whichever is ready first instead of waiting for a load that may fail. Heads of
classes compete strictly by priority and age. A head that fits on no server keeps the one that is nearest to having
room for itself: its free slots are out of reach for everybody behind.
"""

from __future__ import annotations

import heapq

from cocoon.api.times import Instant
from cocoon.fleet.plan import job_status
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.queues import JobRank, Queue
from cocoon.fleet.plan.records import Job, Key
from cocoon.fleet.plan.shelves import Shelf
from cocoon.fleet.plan.snapshot import Snapshot


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Bind heads of queues to free slots, model by model."""
    for model in sorted(draft.touched.models):
        queues = [queue for queue in snapshot.queues.of_model(model) if len(queue)]
        if queues:
            _Round(snapshot, now, draft).bind(model, queues)


class _Round:
    """One model's heads and what they keep for themselves."""

    def __init__(self, snapshot: Snapshot, now: Instant, draft: Draft) -> None:
        self._snapshot = snapshot
        self._now = now
        self._draft = draft
        self._kept: list[tuple[Key, Shelf, int]] = []

    def bind(self, model: str, queues: list[Queue]) -> None:
        """Give out the model's free slots, best head first."""
        shelves = self._snapshot.shelves
        heads = [(head[0], number, queue) for number, queue in enumerate(queues) if (head := queue.head())]
        heapq.heapify(heads)
        while heads and shelves.free_slots(model) > 0:
            self._serve(heads)
        self._draft.waiting.extend(queue for _, _, queue in heads)
        for server, shelf, free in self._kept:
            shelves.place(server, shelf, free)

    def _serve(self, heads: list[tuple[JobRank, int, Queue]]) -> None:
        _, number, queue = heapq.heappop(heads)
        head = queue.head()
        while head is not None and self._draft.is_decided(head[1]):
            self._snapshot.queues.remove(head[1])
            self._snapshot.touched.models.add(queue.job_class.model)
            head = queue.head()
        if head is None:
            return
        if self._place(self._snapshot.jobs[head[1]], queue):
            following = queue.head()
            if following is not None:
                heapq.heappush(heads, (following[0], number, queue))
        else:
            self._draft.waiting.append(queue)

    def _place(self, job: Job, queue: Queue) -> bool:
        if not is_covered(self._snapshot, job, self._draft.spent[job.namespace]):
            return False
        server = _cheapest(self._snapshot, queue)
        if server is None:
            self._keep_room(queue)
            return False
        chosen = self._snapshot.servers[server]
        provider = self._snapshot.providers[chosen.provider]
        price = provider.offers[chosen.model].price
        self._draft.write(job, job_status.bind(job, chosen, provider, price, self._now), "Bind")
        self._draft.spent[job.namespace] += job.budget or 0
        self._snapshot.shelves.take(server, job.parallelism)
        self._snapshot.queues.remove(job.key)
        self._snapshot.touched.jobs.add(job.key)
        self._snapshot.touch_server(server)
        return True

    def _keep_room(self, queue: Queue) -> None:
        """Keep the roomiest server of the class for its head."""
        shelves, job_class = self._snapshot.shelves, queue.job_class
        best: tuple[int, Key] | None = None
        for candidate in self._snapshot.candidates(job_class):
            for shelf in shelves_of(self._snapshot, candidate.key, job_class.namespace):
                found = shelves.roomiest(shelf)
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
    if job.budget is None or account is None:
        return False
    return job.budget + spent + snapshot.usage.outstanding(job.namespace) <= account.available


def shelves_of(snapshot: Snapshot, offer: tuple[Key, str], namespace: str) -> tuple[Shelf, ...]:
    """Where an offer keeps servers for a namespace."""
    isolated = snapshot.providers[offer[0]].offers[offer[1]].isolation == "PerNamespace"
    return ((offer, namespace if isolated else ""),)


def _cheapest(snapshot: Snapshot, queue: Queue) -> Key | None:
    """The least loaded of the cheapest servers with room for a job of this class."""
    job_class = queue.job_class
    best: tuple[int, int, Key] | None = None
    for candidate in snapshot.candidates(job_class):
        if best is not None and candidate.estimate > best[0]:
            break
        for shelf in shelves_of(snapshot, candidate.key, job_class.namespace):
            found = snapshot.shelves.roomiest(shelf)
            if found is None or found[0] < job_class.parallelism:
                continue
            rank = (candidate.estimate, -found[0], found[1])
            best = rank if best is None or rank < best else best
    return None if best is None else best[2]
