"""Which servers to create, and on which nodes.

As many as waiting jobs can fill, as each model's minimum says and as a rollout owes, never above the maximum. Best
fit, so that whole nodes stay free for models that need them. Without its policies in place and our finalizer on it, a
provider gets no server.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator

from cocoon.api.times import Instant
from cocoon.fleet.plan import names
from cocoon.fleet.plan.actions import CreateServer
from cocoon.fleet.plan.binding import is_covered, shelf_of
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.eligibility import Candidate, OfferKey
from cocoon.fleet.plan.expectations import is_expected
from cocoon.fleet.plan.queues import Head, Queue
from cocoon.fleet.plan.records import Offer, Provider, Server
from cocoon.fleet.plan.rooms import Rooms
from cocoon.fleet.plan.shelves import Shelf
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import disabling_flaws, is_retiring


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Create servers for minimums and for waiting jobs, best heads first."""
    placing = Placing(snapshot, now, draft)
    for key in sorted(draft.touched.providers):
        provider = snapshot.providers.get(key)
        if provider is not None and may_create(snapshot, provider):
            for offer in provider.offers.values():
                placing.fill_up(provider, offer)
    waiting = [placing.waiting(model) for model in sorted(draft.touched.models)]
    for _, queue in heapq.merge(*waiting, key=lambda pair: pair[0]):
        placing.cover(queue)


def may_create(snapshot: Snapshot, provider: Provider) -> bool:
    """Whether a provider may get new servers at all now."""
    serving = provider.operation == "Serve" and not provider.deleting and not disabling_flaws(provider)
    return serving and provider.finalized and provider.key in snapshot.memory.children


def live(snapshot: Snapshot, offer: OfferKey) -> list[Server]:
    """Servers of an offer that are there to stay."""
    servers = (snapshot.servers[key] for key in snapshot.servers_of_offer[offer])
    return [server for server in servers if not is_retiring(snapshot, server)]


class Placing:
    """Servers created in one round, and the slots they and those that are starting will have."""

    def __init__(self, snapshot: Snapshot, now: Instant, draft: Draft) -> None:
        self._snapshot = snapshot
        self._draft = draft
        self._rooms = Rooms(snapshot, now)
        self._created: dict[OfferKey, list[str]] = defaultdict(list)
        self._allowed: dict[OfferKey, int] = {}
        self._supply: dict[Shelf, int] = {}
        self._exhausted: set[OfferKey] = set()
        """Offers of which no queue can hope for a slot any more in this round."""

    def fill_up(self, provider: Provider, offer: Offer) -> None:
        """Bring an offer up to its minimum, and replace what a rollout took away."""
        if offer.isolation == "PerNamespace":
            return  # such a server is made for a namespace, so for one that has a job
        key = (provider.key, offer.model)
        owed = self._snapshot.memory.owed.get(key, 0)
        if not owed and not offer.minimum:
            return
        there = live(self._snapshot, key)
        known = sum(not is_expected(server) for server in there)
        wanted = min(offer.maximum, max(offer.minimum, known + owed))
        while len(there) + len(self._created[key]) < wanted and self._create(provider, offer, ""):
            pass

    def waiting(self, model: str) -> Iterator[tuple[Head, Queue]]:
        """The model's queues, best head first, for as long as there is an offer that could do something for one."""
        offers = {(provider, model) for provider in self._snapshot.providers_of_model.get(model, ())}
        for head, queue in self._snapshot.queues.in_order(model):
            if offers <= self._exhausted:
                return
            yield head, queue

    def cover(self, queue: Queue) -> None:
        """Have servers started for the jobs of a queue that those which are starting already can't take."""
        if queue.head is None or not is_covered(self._snapshot, self._snapshot.jobs[queue.head[1]], 0):
            return
        jobs = len(queue)
        for candidate in self._snapshot.candidates(queue.job_class):
            if candidate.key not in self._exhausted:
                jobs -= self._offer(queue, candidate, jobs)
            if jobs <= 0:
                return

    def _offer(self, queue: Queue, candidate: Candidate, jobs: int) -> int:
        """How many of that many jobs an offer's servers will take that are starting, or are started now."""
        provider, shelf = self._snapshot.providers[candidate.key[0]], shelf_of(candidate, queue.job_class.namespace)
        offer = provider.offers[candidate.key[1]]
        taken = self._use_coming(queue, shelf, offer, jobs)
        while taken < jobs and self._may_add(candidate.key):
            if not self._create(provider, offer, shelf[1]):
                self._draft.want_room(candidate.key)
                break
            taken += self._use_coming(queue, shelf, offer, jobs - taken)
        if taken < jobs and not candidate.isolated and not self._supply[shelf]:
            self._exhausted.add(candidate.key)
        return taken

    def _use_coming(self, queue: Queue, shelf: Shelf, offer: Offer, jobs: int) -> int:
        slots, parallelism = self._coming(shelf, offer), queue.job_class.parallelism
        taken = min(jobs, slots // parallelism)
        if taken:
            self._supply[shelf] = slots - taken * parallelism
        return taken

    def _may_add(self, key: OfferKey) -> bool:
        """Whether one more server of an offer is allowed, wherever it might run."""
        allowed = self._allowed.get(key)
        if allowed is None:
            provider = self._snapshot.providers[key[0]]
            there = len(live(self._snapshot, key)) if may_create(self._snapshot, provider) else 0
            most = provider.offers[key[1]].maximum if may_create(self._snapshot, provider) else 0
            allowed = self._allowed[key] = most - there
        return allowed > len(self._created[key])

    def _coming(self, shelf: Shelf, offer: Offer) -> int:
        slots = self._supply.get(shelf)
        if slots is None:
            slots = self._supply[shelf] = self._snapshot.census.coming(shelf) * offer.concurrency
        return slots

    def _create(self, provider: Provider, offer: Offer, isolated_for: str) -> bool:
        room = self._rooms.find(provider, offer.gpus)
        if room is None:
            return False
        key, name = (provider.key, offer.model), self._name(provider, offer)
        node, technology = room[0].name, room[1]
        action = CreateServer(
            provider.key, provider.uid, offer.model, offer.template, node, technology, name, isolated_for
        )
        if not self._draft.add(action):
            return False
        self._rooms.take(provider, room, offer.gpus)
        self._created[key].append(name)
        shelf = (key, isolated_for)
        self._supply[shelf] = self._coming(shelf, offer) + offer.concurrency
        return True

    def _name(self, provider: Provider, offer: Offer) -> str:
        key = (provider.key, offer.model)
        start = names.prefix(provider.key.split("/", 1)[1], provider.uid, offer.model, offer.template)
        used = [server.split("/", 1)[1] for server in self._snapshot.servers_of_offer[key]]
        ordinal = names.next_ordinal(start, [*used, *self._created[key]])
        return names.server_name(start, max(ordinal, self._snapshot.memory.ordinals.get(start, 0) + 1))
