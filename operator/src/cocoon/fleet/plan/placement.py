"""Which servers to create, and on which nodes.

As many as waiting jobs can fill, as each model's minimum says and as a rollout owes, never above the maximum. Best
fit, so that whole nodes stay free for models that need them. Without its policies in place and our finalizer on it, a
provider gets no server.
"""

from __future__ import annotations

from collections import defaultdict

from cocoon.api.times import Instant
from cocoon.fleet.plan import names
from cocoon.fleet.plan.actions import CreateServer
from cocoon.fleet.plan.binding import is_covered, shelves_of
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.eligibility import OfferKey
from cocoon.fleet.plan.expectations import is_expected
from cocoon.fleet.plan.queues import Queue, by_head
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
    for queue in by_head(draft.waiting):
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

    def cover(self, queue: Queue) -> None:
        """Have servers started for the jobs of a queue that those which are starting already can't take."""
        head = queue.head()
        if head is None or not is_covered(self._snapshot, self._snapshot.jobs[head[1]], 0):
            return
        jobs = len(queue)
        for candidate in self._snapshot.candidates(queue.job_class):
            provider = self._snapshot.providers[candidate.key[0]]
            jobs -= self._use_coming(queue, provider, jobs)
            while jobs > 0 and self._may_add(candidate.key):
                if not self._start(queue, provider):
                    self._draft.want_room(candidate.key)
                    break
                jobs -= self._use_coming(queue, provider, jobs)
            if jobs <= 0:
                return

    def _use_coming(self, queue: Queue, provider: Provider, jobs: int) -> int:
        """How many of that many jobs the offer's servers will take that are starting."""
        shelf, parallelism = self._shelf(queue, provider), queue.job_class.parallelism
        slots = self._coming(shelf, provider.offers[queue.job_class.model])
        taken = min(jobs, slots // parallelism)
        if taken:
            self._supply[shelf] = slots - taken * parallelism
        return taken

    def _shelf(self, queue: Queue, provider: Provider) -> Shelf:
        job_class = queue.job_class
        return shelves_of(self._snapshot, (provider.key, job_class.model), job_class.namespace)[0]

    def _start(self, queue: Queue, provider: Provider) -> bool:
        return self._create(provider, provider.offers[queue.job_class.model], self._shelf(queue, provider)[1])

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
