"""Which servers to create, and on which nodes.

As many as waiting jobs can fill, as each model's minimum says and as a rollout owes, never above the maximum. Best
fit: the node with the fewest free GPUs that are enough, so that whole nodes stay free for models that need them.
Without its policies in place and our finalizer on it, a provider gets no server.
"""

from __future__ import annotations

from collections import defaultdict

from cocoon.api.provider import TechnologySpec
from cocoon.api.times import Instant
from cocoon.fleet.plan import names
from cocoon.fleet.plan.actions import CreateServer
from cocoon.fleet.plan.binding import is_covered, shelves_of
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.eligibility import OfferKey
from cocoon.fleet.plan.nodes import node_obstacle, technology_of
from cocoon.fleet.plan.queues import Queue, by_head
from cocoon.fleet.plan.records import Key, Node, Offer, Provider
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


def live(snapshot: Snapshot, offer: OfferKey) -> int:
    """Servers of an offer that are there to stay."""
    return sum(not is_retiring(snapshot, snapshot.servers[key]) for key in snapshot.servers_of_offer[offer])


class Placing:
    """Servers created in one round, and what they take."""

    def __init__(self, snapshot: Snapshot, now: Instant, draft: Draft) -> None:
        self._snapshot = snapshot
        self._now = now
        self._draft = draft
        self._taken: dict[tuple[str, str], int] = defaultdict(int)
        self._created: dict[OfferKey, list[str]] = defaultdict(list)
        self._gpus: dict[Key, int] = {}
        self._supply: dict[Shelf, int] = {}

    def fill_up(self, provider: Provider, offer: Offer) -> None:
        """Bring an offer up to its minimum, and replace what a rollout took away."""
        if offer.isolation == "PerNamespace":
            return  # such a server is made for a namespace, so for one that has a job
        key = (provider.key, offer.model)
        wanted = min(offer.maximum, max(offer.minimum, live(self._snapshot, key) + self._owed(key)))
        while live(self._snapshot, key) + len(self._created[key]) < wanted and self._create(provider, offer, ""):
            self._supply[key, ""] = self._coming((key, ""), offer) + offer.concurrency

    def cover(self, queue: Queue) -> None:
        """Have servers started for the jobs of a queue that those which are starting already can't take."""
        head = queue.head()
        if head is None or not is_covered(self._snapshot, self._snapshot.jobs[head[1]], 0):
            return
        jobs = len(queue)
        for candidate in self._snapshot.candidates(queue.job_class):
            provider = self._snapshot.providers[candidate.key[0]]
            offer = provider.offers[candidate.key[1]]
            jobs -= self._use_coming(queue, candidate.key, offer, jobs)
            if may_create(self._snapshot, provider):
                jobs -= self._start(queue, provider, offer, jobs)
            if jobs <= 0:
                return

    def _use_coming(self, queue: Queue, key: OfferKey, offer: Offer, jobs: int) -> int:
        (shelf,) = shelves_of(self._snapshot, key, queue.job_class.namespace)
        slots = self._coming(shelf, offer)
        taken = min(jobs, slots // queue.job_class.parallelism)
        self._supply[shelf] = slots - taken * queue.job_class.parallelism
        return taken

    def _start(self, queue: Queue, provider: Provider, offer: Offer, jobs: int) -> int:
        """Create servers for up to that many jobs; how many jobs they will take."""
        key = (provider.key, offer.model)
        (shelf,) = shelves_of(self._snapshot, key, queue.job_class.namespace)
        covered = 0
        while covered < jobs and live(self._snapshot, key) + len(self._created[key]) < offer.maximum:
            if not self._create(provider, offer, shelf[1]):
                self._draft.uncovered[key] = self._draft.uncovered.get(key, 0) + 1
                break
            self._supply[shelf] = self._supply.get(shelf, 0) + offer.concurrency
            covered += self._use_coming(queue, key, offer, jobs - covered)
        return covered

    def _coming(self, shelf: Shelf, offer: Offer) -> int:
        if shelf not in self._supply:
            self._supply[shelf] = self._snapshot.census.coming(shelf) * offer.concurrency
        return self._supply[shelf]

    def _owed(self, key: OfferKey) -> int:
        return self._snapshot.memory.owed.get(key, 0)

    def _create(self, provider: Provider, offer: Offer, isolated_for: str) -> bool:
        found = self._fit(provider, offer.gpus)
        if found is None:
            return False
        node, technology = found
        name = self._name(provider, offer)
        self._taken[node.name, technology.gpu_resource] += offer.gpus
        self._gpus[provider.key] += offer.gpus
        self._created[provider.key, offer.model].append(name)
        action = CreateServer(
            provider.key, provider.uid, offer.model, offer.template, node.name, technology, name, isolated_for
        )
        return self._draft.add(action)

    def _fit(self, provider: Provider, gpus: int) -> tuple[Node, TechnologySpec] | None:
        if provider.key not in self._gpus:
            servers = (self._snapshot.servers[key] for key in self._snapshot.servers_of_provider[provider.key])
            self._gpus[provider.key] = sum(server.gpus for server in servers if not server.ended)
        if provider.maximum_gpus is not None and self._gpus[provider.key] + gpus > provider.maximum_gpus:
            return None
        best: tuple[int, str, Node, TechnologySpec] | None = None
        for node in self._snapshot.offered_nodes(provider):
            free = self._free(provider, node, gpus)
            if free is not None and (best is None or (free[0], node.name) < best[:2]):
                best = (free[0], node.name, node, free[1])
        return None if best is None else best[2:]

    def _free(self, provider: Provider, node: Node, gpus: int) -> tuple[int, TechnologySpec] | None:
        technology = technology_of(provider, node)
        if technology is None:
            return None
        taken = self._taken[node.name, technology.gpu_resource]
        if node_obstacle(self._snapshot, provider, node, gpus + taken, self._now):
            return None
        free = self._snapshot.capacity.free(node, technology.gpu_resource)
        return None if isinstance(free, str) else (free - taken, technology)

    def _name(self, provider: Provider, offer: Offer) -> str:
        key = (provider.key, offer.model)
        start = names.prefix(provider.key.split("/", 1)[1], provider.uid, offer.model, offer.template)
        used = [server.split("/", 1)[1] for server in self._snapshot.servers_of_offer[key]]
        ordinal = names.next_ordinal(start, [*used, *self._created[key]])
        return names.server_name(
            start,
            max(
                ordinal,
                self._snapshot.memory.ordinals.get(start, 0)
                + 1
                + sum(name.startswith(f"{start}-") for name in self._created[key]),
            ),
        )
