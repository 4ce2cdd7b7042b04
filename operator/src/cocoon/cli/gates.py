"""What each server and node says to a job, gate by gate, by the operator's own rules (cocoon.fleet.plan)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from cocoon.api.counted import counted
from cocoon.api.times import Instant
from cocoon.fleet.plan.eligibility import refusal
from cocoon.fleet.plan.nodes import node_obstacle, technology_of
from cocoon.fleet.plan.placement import live, may_create
from cocoon.fleet.plan.queues import JobClass, class_of, rank_of
from cocoon.fleet.plan.records import Job, Offer, Provider, Server
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import obstacle, trust_obstacle
from cocoon.fleet.plan.stocktaking import free_slots


class OfferGates(Struct, frozen=True, rename="camel"):
    """One provider's offer of the model: why it does not take the job, and why it starts no more servers.

    `keyring` is why a sealed job could not be opened there; empty for others, and if nothing is in the way.
    """

    provider: str
    terms: str
    starting: str
    servers: int
    maximum: int
    keyring: str = ""


class ServerGates(Struct, frozen=True, rename="camel"):
    """One server: what is in the way at each gate (empty if nothing is), and its free slots."""

    server: str
    provider: str
    node: str
    offer: str
    state: str
    attested: str
    slots_free: int
    slots: int
    slots_needed: int

    @property
    def takes(self) -> bool:
        """Whether nothing that can be seen is in the way."""
        return not (self.offer or self.state or self.attested) and self.slots_free >= self.slots_needed


class NodeGates(Struct, frozen=True, rename="camel"):
    """One node of one offer: whether another server could be started there."""

    node: str
    provider: str
    offer: str
    node_obstacle: str
    gpus_free: int
    gpus_needed: int

    @property
    def fits(self) -> bool:
        """Whether nothing that can be seen is in the way."""
        return not (self.offer or self.node_obstacle)


class Place(Struct, frozen=True):
    """Where a job is among those that are alike to every server, from 1."""

    number: int
    of: int


def offers(snapshot: Snapshot, job: Job, epoch: str = "") -> list[OfferGates]:
    """Offers of the job's model, by provider. `epoch` is that of the recipient which a sealed job is sealed to."""
    found = []
    for key in sorted(snapshot.providers_of_model.get(job.model, ())):
        provider = snapshot.providers[key]
        offer = provider.offers[job.model]
        terms, starting = _offer(snapshot, class_of(job), provider, offer), _no_more(snapshot, provider, offer)
        keyring, running = _keyring(provider, epoch) if job.sealed else "", len(live(snapshot, (key, job.model)))
        found.append(OfferGates(key, terms, starting, running, offer.maximum, keyring))
    return found


def _keyring(provider: Provider, epoch: str) -> str:
    """What the provider's status says of the key; an older keyring beside the one that it names may have it too."""
    named = provider.status.keyring
    if named is None:
        return "names no keyring"
    return f"names the key of epoch {named.epoch}" if epoch not in ("", named.epoch) else ""


def servers(snapshot: Snapshot, job: Job, now: Instant) -> list[ServerGates]:
    """Servers of the job's model, by name."""
    found = [server for _, server in sorted(snapshot.servers.items()) if server.model == job.model]
    return [_server(snapshot, job, server, now) for server in found]


def nodes(snapshot: Snapshot, job: Job, now: Instant) -> list[NodeGates]:
    """Nodes of each offer of the job's model, by provider."""
    return list(_nodes(snapshot, job, now))


def place(snapshot: Snapshot, job: Job) -> Place:
    """The job's place in its queue."""
    alike = {each.key: each for each in snapshot.jobs.values() if each.key in snapshot.queues} | {job.key: job}
    ranks = sorted(rank_of(each) for each in alike.values() if class_of(each) == class_of(job))
    return Place(ranks.index(rank_of(job)) + 1, len(ranks))


def _server(snapshot: Snapshot, job: Job, server: Server, now: Instant) -> ServerGates:
    provider = snapshot.providers.get(server.provider)
    offer = provider.offers.get(job.model) if provider else None
    trust, anything = trust_obstacle(snapshot, server, now), obstacle(snapshot, server, now)
    return ServerGates(
        server=server.key,
        provider=server.provider,
        node=server.node,
        offer=_offer(snapshot, class_of(job), provider, offer) or _isolation(server, job),
        state="" if anything == trust else anything,
        attested=trust,
        slots_free=free_slots(snapshot, server),
        slots=server.concurrency,
        slots_needed=job.parallelism,
    )


def _offer(snapshot: Snapshot, job_class: JobClass, provider: Provider | None, offer: Offer | None) -> str:
    if provider is None or offer is None:
        return "not on offer any more"
    return refusal(job_class, provider, offer, snapshot.namespaces)


def _isolation(server: Server, job: Job) -> str:
    return "" if server.isolated_for in ("", job.namespace) else "kept for other namespaces"


def _nodes(snapshot: Snapshot, job: Job, now: Instant) -> Iterator[NodeGates]:
    for key in sorted(snapshot.providers_of_model.get(job.model, ())):
        provider = snapshot.providers[key]
        offer = provider.offers[job.model]
        why_not = _offer(snapshot, class_of(job), provider, offer) or _no_more(snapshot, provider, offer)
        for node in snapshot.offered_nodes(provider):
            technology = technology_of(provider, node)
            free = snapshot.capacity.free(node, technology.gpu_resource) if technology else 0
            there = node_obstacle(snapshot, provider, node, offer.gpus, now)
            yield NodeGates(node.name, key, why_not, there, free if isinstance(free, int) else 0, offer.gpus)


def _no_more(snapshot: Snapshot, provider: Provider, offer: Offer) -> str:
    if not may_create(snapshot, provider):
        return "of a provider that starts no servers now"
    if len(live(snapshot, (provider.key, offer.model))) >= offer.maximum:
        return f"with its maximum of {counted(offer.maximum, 'server')}"
    return ""
