"""`kubectl cocoon why JOB`: why a job waits, server by server and node by node."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import click
from msgspec import Struct

from cocoon.api.conditions import Condition, find
from cocoon.api.counted import counted
from cocoon.api.resources import JOB
from cocoon.api.sealing import EPOCH_LABEL
from cocoon.api.times import Instant
from cocoon.cli import gates, screen
from cocoon.cli.advice import advice
from cocoon.cli.ages import age, span
from cocoon.cli.cluster import connected
from cocoon.cli.failure import Failure
from cocoon.cli.gates import NodeGates, OfferGates, Place, ServerGates
from cocoon.cli.names import JOB_NAME
from cocoon.cli.options import Reach, on_cluster, output_format
from cocoon.cli.sight import HIDDEN, World, look, read_job, snapshot_of
from cocoon.fleet.observe.reading import Unreadable
from cocoon.fleet.plan import reasons
from cocoon.fleet.plan.records import Job

_ALONE: Final = "No other job like it waits."
#: Servers and nodes in a table.
_MOST: Final = 40


class Why(Struct, frozen=True, rename="camel"):
    """All that can be seen of a job's waiting. `told` is the operator's own last word on it, `advice` what to do then.

    `sealed_to` is the epoch of the key that its input is sealed to, if it is.
    """

    job: str
    state: str
    summary: str
    told: Condition | None
    advice: str
    sealed_to: str
    place: Place | None
    offers: list[OfferGates]
    servers: list[ServerGates]
    nodes: list[NodeGates]
    unseen: tuple[str, ...]


@click.command("why", short_help="why a job waits: what each server and node says to it")
@click.argument("job", type=JOB_NAME)
@output_format("json", "yaml")
@on_cluster
def command(job: str, output: str | None, reach: Reach) -> None:
    """Show why a job waits: what stands in its way at each server that runs its model, and at each node for another.

    The gates are passed by the operator's own rules on what you may see of the cluster. What only the operator knows is
    named below the tables; its own explanation, which knows all, is above them.
    """
    found = asyncio.run(_why(reach, job))
    if output:
        screen.show(found, output)
    else:
        _print(found)


async def _why(reach: Reach, name: str) -> Why:
    async with connected(reach) as cluster:
        body = await cluster.get(JOB, cluster.namespace, name)
        try:
            job = read_job(body)
        except Unreadable as error:
            raise Failure(f"InferenceJob {name} can't be read: {error}. Create it again.") from error
        world = World() if job.finished else await look(cluster, job.model, job.namespace)
    epoch = str((body["metadata"].get("labels") or {}).get(EPOCH_LABEL, ""))
    return explain(job, world, time.time(), epoch)


def explain(job: Job, world: World, now: Instant, epoch: str = "") -> Why:
    """Everything about a job in a world. `epoch` is that of the recipient which a sealed job is sealed to."""
    snapshot = snapshot_of(world, now)
    waits = job.status.binding is None and not job.finished
    told = find(job.status.conditions, reasons.BOUND if waits else reasons.SUCCEEDED)
    return Why(
        job=job.key,
        state=job.status.state,
        summary=summary(job, now),
        told=told,
        advice=advice(told.reason, over=job.finished) if told is not None and told.status == "False" else "",
        sealed_to=epoch if job.sealed else "",
        place=gates.place(snapshot, job) if waits else None,
        offers=gates.offers(snapshot, job, epoch) if waits else [],
        servers=gates.servers(snapshot, job, now) if waits else [],
        nodes=gates.nodes(snapshot, job, now) if waits else [],
        unseen=(*world.unseen, *HIDDEN) if waits else (),
    )


def summary(job: Job, now: Instant) -> str:
    """Where the job is, in one sentence."""
    binding, since = job.status.binding, span(now - job.submitted)
    if job.finished:
        return f"It is over: {job.status.state} {age(job.status.completion_time, now)} ago."
    if binding is not None:
        started = age(binding.bound_at, now)
        return f"It does not wait: attempt {binding.attempt} runs on server {binding.server}, for {started} now."
    room = "a free slot" if job.parallelism == 1 else f"{job.parallelism} free slots"
    waiting = f"It has waited for {since} for a server with model {job.model} and {room}."
    return _unable(job, now) or waiting


def _unable(job: Job, now: Instant) -> str:
    """Why no server could help."""
    if job.deleting:
        return "It is being deleted, so it waits for nothing."
    if job.flaws:
        return f"It can never run: {job.flaws[0].message}"
    if job.suspended:
        return "It is suspended: set spec.suspend to false to have it run."
    if job.deadline is not None and job.deadline <= now:
        return "Its deadline is over. Create it again with a later one."
    return ""


def _print(found: Why) -> None:
    screen.say(f"{found.job}: {screen.clean(found.summary)}")
    if found.place is not None:
        number, alike = found.place.number, counted(found.place.of, "job that is", "jobs that are")
        screen.say(f"It is number {number} of {alike} alike to every server." if found.place.of > 1 else _ALONE)
    if found.told is not None:
        screen.say(f"The operator says: {found.told.reason}: {screen.clean(found.told.message)}")
    if found.advice:
        screen.say(f"What to do: {found.advice}")
    if found.place is not None and found.sealed_to:
        screen.say(f"Its input is sealed to the key of epoch {screen.clean(found.sealed_to)}.")
    for section in (_offers(found.offers, sealed=bool(found.sealed_to)), _servers(found.servers), _nodes(found.nodes)):
        if section:
            screen.say(f"\n{section}")
    if found.place is not None and not found.offers:
        screen.say("\nNobody that you can see offers its model. Ask an administrator which models there are.")
    if found.unseen:
        screen.say("\nNot seen from here:")
    for sentence in found.unseen:
        screen.say(f"- {sentence}")


def _offers(found: Sequence[OfferGates], *, sealed: bool) -> str:
    headers = ("PROVIDER", "TAKES SUCH JOBS", "STARTS SERVERS", "SERVERS", *(("HAS ITS KEY",) if sealed else ()))
    rows: list[tuple[screen.Cell | str, ...]] = []
    for each in sorted(found, key=lambda offer: (bool(offer.terms), bool(offer.starting))):
        servers, keys = f"{each.servers} of at most {each.maximum}", (_gate(each.keyring),) if sealed else ()
        rows.append((each.provider, _gate(each.terms), _gate(each.starting), servers, *keys))
    return _shortened(headers, rows)


def _servers(found: Sequence[ServerGates]) -> str:
    headers = ("SERVER", "NODE", "OFFER", "STATE", "ATTESTED", "SLOTS FREE", "TAKES IT")
    rows: list[tuple[screen.Cell | str, ...]] = []
    for each in sorted(found, key=lambda server: (not server.takes, bool(server.offer), -server.slots_free)):
        slots = f"{each.slots_free}/{each.slots}"
        room = screen.Cell(slots, screen.BAD if each.slots_free < each.slots_needed else screen.GOOD)
        passed = map(_gate, (each.offer, each.state, each.attested))
        rows.append((each.server, each.node, *passed, room, _yes(each.takes)))
    return _shortened(headers, rows, right=("SLOTS FREE",))


def _nodes(found: Sequence[NodeGates]) -> str:
    headers = ("NODE", "PROVIDER", "OFFER", "STATE", "GPUS FREE", "FITS ANOTHER SERVER")
    rows: list[tuple[screen.Cell | str, ...]] = []
    for each in sorted(found, key=lambda node: (not node.fits, bool(node.offer), -node.gpus_free)):
        gpus, fits = f"{each.gpus_free}, needs {each.gpus_needed}", _yes(each.fits)
        rows.append((each.node, each.provider, _gate(each.offer), _gate(each.node_obstacle), gpus, fits))
    return _shortened(headers, rows)


def _shortened(headers: Sequence[str], rows: Sequence[Sequence[screen.Cell | str]], right: Sequence[str] = ()) -> str:
    """A table of the nearest misses: thousands of servers would hide them."""
    more = f"\n... and {len(rows) - _MOST} more: -o json has all." if len(rows) > _MOST else ""
    return screen.table(headers, rows[:_MOST], right) + more if rows else ""


def _gate(why_not: str) -> screen.Cell:
    return screen.Cell(why_not, screen.BAD) if why_not else screen.Cell("ok", screen.GOOD)


def _yes(holds: bool) -> screen.Cell:  # noqa: FBT001 - it is what the cell says
    return screen.Cell("yes", screen.GOOD) if holds else screen.Cell("no", screen.BAD)
