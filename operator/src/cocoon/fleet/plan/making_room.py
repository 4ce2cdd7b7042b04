"""Idle servers give way when another model of the same provider has jobs and no room.

Only servers that nobody has used for a moment and that no minimum keeps go, as few as it takes, and only on a node
where that makes enough room. What is on its way out already counts as room to come.
"""

from __future__ import annotations

from typing import Final

from cocoon.api.times import Instant
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.census import FREE
from cocoon.fleet.plan.draft import Draft
from cocoon.fleet.plan.eligibility import OfferKey
from cocoon.fleet.plan.job_status import Cause
from cocoon.fleet.plan.nodes import node_obstacle, technology_of
from cocoon.fleet.plan.placement import live
from cocoon.fleet.plan.records import Key, Node, Provider, Server
from cocoon.fleet.plan.rollout import idle_since
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.plan.standing import is_retiring

#: Seconds without a job before a server may have to give way.
IDLE_FOR: Final = 10.0


def decide(snapshot: Snapshot, now: Instant, draft: Draft) -> None:
    """Make room for one server of each offer that waiting jobs want, best heads first."""
    for key in draft.without_room:
        provider = snapshot.providers[key[0]]
        if not _has_free_servers(snapshot, provider, key[1]):
            continue
        nodes = [node for node in snapshot.offered_nodes(provider) if not _is_closed(snapshot, provider, node, now)]
        ways = sorted(way for node in nodes if (way := _way(snapshot, draft, key, node, now)) is not None)
        if not ways:
            continue
        for server in ways[0][2]:
            text = f"It is idle, and jobs for model {key[1]} wait for its GPUs."
            draft.retire(snapshot.servers[Key(server)], Cause(reasons.MAKING_ROOM, text))


def _has_free_servers(snapshot: Snapshot, provider: Provider, but: str) -> bool:
    """Whether any server of another of the provider's models has nothing to do, perhaps."""
    shelves = (
        shelf for model in provider.offers if model != but for shelf in snapshot.census.shelves((provider.key, model))
    )
    return any(snapshot.census.counts(shelf).get(FREE) for shelf in shelves)


def _is_closed(snapshot: Snapshot, provider: Provider, node: Node, now: Instant) -> bool:
    return bool(node_obstacle(snapshot, provider, node, 0, now))


def _way(
    snapshot: Snapshot, draft: Draft, key: OfferKey, node: Node, now: Instant
) -> tuple[int, str, tuple[str, ...]] | None:
    """How many servers must leave a node, and which; None if no number is enough."""
    provider = snapshot.providers[key[0]]
    technology, gpus = technology_of(provider, node), provider.offers[key[1]].gpus
    free = snapshot.capacity.free(node, technology.gpu_resource) if technology is not None else 0
    if isinstance(free, str):
        return None
    there = [snapshot.servers[each] for each in sorted(snapshot.servers_on_node[node.name])]
    free += sum(server.gpus for server in there if server.key in draft.retiring or is_retiring(snapshot, server))
    leaving: list[str] = []
    for server in _spare(snapshot, draft, provider, there, now):
        if free >= gpus:
            break
        leaving.append(server.key)
        free += server.gpus
    return (len(leaving), node.name, tuple(leaving)) if free >= gpus else None


def _spare(snapshot: Snapshot, draft: Draft, provider: Provider, there: list[Server], now: Instant) -> list[Server]:
    """Idle servers of this provider on a node that no minimum keeps, longest idle first."""
    found = []
    for server in there:
        since = idle_since(snapshot, server)
        if server.provider != provider.key or since is None or server.key in draft.retiring:
            continue
        if since + IDLE_FOR > now:
            draft.wake(("provider", provider.key), since + IDLE_FOR)
        elif not is_retiring(snapshot, server) and _is_above_minimum(snapshot, draft, provider, server):
            found.append((since, server.key, server))
    return [server for _, _, server in sorted(found, key=lambda each: each[:2])]


def _is_above_minimum(snapshot: Snapshot, draft: Draft, provider: Provider, server: Server) -> bool:
    offer = provider.offers.get(server.model)
    staying = [each for each in live(snapshot, (provider.key, server.model)) if each.key not in draft.retiring]
    return offer is None or len(staying) > offer.minimum
