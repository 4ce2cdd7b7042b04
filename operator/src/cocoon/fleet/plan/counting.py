"""Counts what keeps the servers and nodes of a model from taking a job: the table behind each explanation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from cocoon.api.counted import counted
from cocoon.api.times import Instant
from cocoon.fleet.plan.census import BUSY, FREE
from cocoon.fleet.plan.eligibility import OfferKey, refusal
from cocoon.fleet.plan.nodes import node_obstacle
from cocoon.fleet.plan.placement import live, may_create
from cocoon.fleet.plan.queues import JobClass, class_of
from cocoon.fleet.plan.records import Job, Node, Offer, Provider
from cocoon.fleet.plan.snapshot import Snapshot


class Table(Struct, frozen=True):
    """Servers and nodes by what keeps them from taking a job; `enough` is how many nodes fit another server."""

    servers: tuple[tuple[str, int], ...]
    nodes: tuple[tuple[str, int], ...]
    enough: int
    offers: int

    def sentence(self) -> str:
        """The counts in one line."""
        servers = f"0/{sum(count for _, count in self.servers)} servers{_listed(self.servers)}"
        total = self.enough + sum(count for _, count in self.nodes)
        return f"{servers}; {self.enough}/{total} nodes fit{_listed(self.nodes)}"


class Counting:
    """Counts of one round; what many jobs share is counted once."""

    def __init__(self, snapshot: Snapshot, now: Instant) -> None:
        self.snapshot = snapshot
        self.now = now
        self._nodes: dict[OfferKey, Mapping[str, str]] = {}

    def tabulate(self, job: Job) -> Table:
        """Count the servers of the job's model and the nodes where more could be, by what is in the way."""
        job_class, servers, nodes = class_of(job), Counter[str](), dict[str, str]()
        for key in sorted(self.snapshot.providers_of_model.get(job.model, ())):
            provider = self.snapshot.providers[key]
            refused = refusal(job_class, provider, provider.offers[job.model], self.snapshot.namespaces)
            self._count_servers(job_class, provider, refused, servers)
            if not refused:
                for name, why_not in self._nodes_of(provider, provider.offers[job.model]).items():
                    nodes[name] = why_not and nodes.get(name, why_not)
        blocked = Counter(why_not for why_not in nodes.values() if why_not)
        fitting = sum(not why_not for why_not in nodes.values())
        return Table(_ordered(servers), _ordered(blocked), fitting, len(self.snapshot.candidates(job_class)))

    def _count_servers(self, job_class: JobClass, provider: Provider, refused: str, counts: Counter[str]) -> None:
        census = self.snapshot.census
        for shelf in census.shelves((provider.key, job_class.model)):
            for standing, count in census.counts(shelf).items():
                if shelf[1] not in ("", job_class.namespace):
                    counts[refused or "kept for other namespaces"] += count
                else:
                    counts[refused or (BUSY if standing == FREE else standing)] += count

    def _nodes_of(self, provider: Provider, offer: Offer) -> Mapping[str, str]:
        key = (provider.key, offer.model)
        if key not in self._nodes:
            nodes, general = self.snapshot.offered_nodes(provider), self._general_obstacle(provider, offer)
            self._nodes[key] = {node.name: general or self._node_obstacle(provider, offer, node) for node in nodes}
        return self._nodes[key]

    def _general_obstacle(self, provider: Provider, offer: Offer) -> str:
        if not may_create(self.snapshot, provider):
            return "of a provider that starts no servers now"
        if len(live(self.snapshot, (provider.key, offer.model))) >= offer.maximum:
            return f"of a provider with its maximum of {counted(offer.maximum, 'server')}"
        return ""

    def _node_obstacle(self, provider: Provider, offer: Offer, node: Node) -> str:
        return node_obstacle(self.snapshot, provider, node, offer.gpus, self.now)


def _ordered(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(((why_not, n) for why_not, n in counts.items() if n), key=lambda pair: (-pair[1], pair[0])))


def _listed(counts: tuple[tuple[str, int], ...]) -> str:
    return f": {', '.join(f'{count} {why_not}' for why_not, count in counts)}" if counts else ""
