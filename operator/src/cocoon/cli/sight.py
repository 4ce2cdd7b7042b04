"""What somebody at a prompt can see of the world: the operator's own records, without what it alone knows.

Verdicts and what runners say live in the operator's memory; a Pod's readiness gate is all that shows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from msgspec import Struct

from cocoon.api.evidence import Reason, Verdict
from cocoon.api.groups import MANAGED_BY
from cocoon.api.resources import JOB, NAMESPACE, NODE, POD, PROVIDER, Manifest, Resource
from cocoon.api.runner import ModelState
from cocoon.api.times import Instant
from cocoon.cli.cluster import Cluster
from cocoon.cli.failure import Forbidden
from cocoon.fleet.observe.job import job
from cocoon.fleet.observe.node import add_up, foreign_use, namespace, node
from cocoon.fleet.observe.pod import server
from cocoon.fleet.observe.provider import provider
from cocoon.fleet.observe.reading import Unreadable
from cocoon.fleet.plan.records import Attestation, Job, Record, RunnerView, Server
from cocoon.fleet.plan.snapshot import Snapshot

OUR_PODS: Final = f"app.kubernetes.io/managed-by={MANAGED_BY}"
NOT_OURS: Final = f"app.kubernetes.io/managed-by!={MANAGED_BY}"
_OCCUPYING: Final = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"
_UNFINISHED: Final = "status.state!=Succeeded,status.state!=Failed"
_ENDLESS: Final = float("inf")
_Kind = TypeVar("_Kind", bound=Record)

HIDDEN: Final = (
    "Verdicts are the operator's own: ATTESTED is what it shows of them on the Pod.",
    "Whether runners answer, what they have loaded, and nodes that are left alone after failures are not shown.",
    "What the namespace's client account still covers is not shown: see the operator's own words.",
)


class World(Struct, frozen=True):
    """Objects as JSON, and a sentence for each part that this user may not see."""

    providers: tuple[Manifest, ...] = ()
    servers: tuple[Manifest, ...] = ()
    nodes: tuple[Manifest, ...] = ()
    namespaces: tuple[Manifest, ...] = ()
    foreign: tuple[Manifest, ...] = ()
    jobs: tuple[Manifest, ...] = ()
    unseen: tuple[str, ...] = ()


async def look(cluster: Cluster, model: str, home: str) -> World:
    """Everything that matters to jobs for a model. `home` is where the job is: seen even if nothing else may be."""
    unseen: list[str] = []

    async def seen(kind: Resource, advice: str, **selectors: str) -> tuple[Manifest, ...]:
        try:
            return tuple(await cluster.items(kind, **selectors))
        except Forbidden:
            unseen.append(f"You may not list {kind.plural}{' of all namespaces' if kind.namespaced else ''}: {advice}")
        try:
            return tuple(await cluster.items(kind, home, **selectors)) if kind.namespaced else ()
        except Forbidden:
            return ()

    return World(
        providers=await seen(PROVIDER, "those of other namespaces are not shown."),
        servers=await seen(POD, "servers of other namespaces are not shown.", labelSelector=OUR_PODS),
        nodes=await seen(NODE, "no nodes are shown."),
        namespaces=await seen(NAMESPACE, "providers that choose namespaces by labels may look closed."),
        foreign=await seen(POD, "GPUs of others are not counted.", labelSelector=NOT_OURS, fieldSelector=_OCCUPYING),
        jobs=await seen(JOB, "only this namespace's are counted.", fieldSelector=f"{_UNFINISHED},spec.model={model}"),
        unseen=tuple(dict.fromkeys(unseen)),
    )


def snapshot_of(world: World, now: Instant) -> Snapshot:
    """The records in a snapshot, with what is hidden taken for granted: runners answer and have loaded their models."""
    snapshot = Snapshot()
    nodes = _records(node, world.nodes)
    uses = [use for pod in world.foreign if (use := foreign_use(pod))]
    records: list[Record] = [
        *nodes,
        *_records(namespace, world.namespaces),
        *_records(lambda body: provider(body, allow_test_roots=True), world.providers),
        *_records(server, world.servers),
        *_records(job, world.jobs),
        *add_up(uses, [each.name for each in nodes]),
    ]
    for record in records:
        snapshot.put(record)
    for each in list(snapshot.servers.values()):
        _presume(snapshot, each, now)
    snapshot.memory.children = dict.fromkeys(snapshot.providers, "")
    return snapshot


def read_job(body: Manifest) -> Job:
    """The record of one job. Raises Unreadable."""
    return job(body)


def _records(observe: Callable[[Manifest], _Kind], bodies: Iterable[Manifest]) -> list[_Kind]:
    found = []
    for body in bodies:
        try:
            found.append(observe(body))
        except Unreadable:
            continue  # none of ours, or of another release: the operator does not use it either
    return found


def _presume(snapshot: Snapshot, server: Server, now: Instant) -> None:
    """A verdict as the gate shows it, and a runner that answers and has what is on offer."""
    owner, gate = snapshot.providers.get(server.provider), server.attested
    if owner is None:
        return
    if gate is not None and gate.status != "Unknown":
        trusted = gate.status == "True"
        why = () if trusted else (Reason(gate.reason, gate.message),)
        snapshot.put(Attestation(server.uid, Verdict(trusted, owner.trust, _ENDLESS, "", why), _ENDLESS))
    if server.running:
        offer = owner.offers.get(server.model)
        loaded = (ModelState(server.model, offer.sha256, "Ready"),) if offer else ()
        snapshot.put(RunnerView(server.uid, "", now, models=loaded))
