"""`kubectl cocoon drain|hold|resume PROVIDER`: what a provider does, without editing its manifest.

A fleet that is kept in Git should say it there (`spec.operation`), or its next sync undoes this.
"""

from __future__ import annotations

import asyncio
from typing import Final

import click
import msgspec

from cocoon.api.counted import counted
from cocoon.api.provider import CocoonProvider, Operation
from cocoon.api.resources import PROVIDER
from cocoon.cli import screen
from cocoon.cli.cluster import Cluster, connected
from cocoon.cli.failure import NOT_YET, Failure
from cocoon.cli.names import PROVIDER_NAME
from cocoon.cli.options import SECONDS, Reach, on_cluster

_MEANS: Final[dict[Operation, str]] = {
    "Serve": "takes jobs again",
    "Hold": "keeps its servers and gets no new jobs",
    "Drain": "gets no new jobs; its servers finish theirs and go",
}


@click.command("drain", short_help="have a provider finish its jobs and retire its servers")
@click.argument("provider", type=PROVIDER_NAME)
@on_cluster
@click.option("--wait", is_flag=True, help="Wait until no server is left.")
@click.option(
    "--timeout", metavar="SECONDS", type=SECONDS, default=3600, show_default=True, help="With --wait: how long."
)
def drain(reach: Reach, provider: str, timeout: float, *, wait: bool) -> None:
    """Give a provider no new jobs, let its servers finish theirs (for spec.drainTimeout at most), and retire them."""
    asyncio.run(_drain(reach, provider, timeout if wait else None))


@click.command("hold", short_help="give a provider no new jobs, but keep its servers")
@click.argument("provider", type=PROVIDER_NAME)
@on_cluster
def hold(reach: Reach, provider: str) -> None:
    """Give a provider no new jobs, but keep its servers: for a look at something, or short work on its nodes."""
    asyncio.run(_set(reach, provider, "Hold"))


@click.command("resume", short_help="let a provider take jobs again")
@click.argument("provider", type=PROVIDER_NAME)
@on_cluster
def resume(reach: Reach, provider: str) -> None:
    """Let a provider that was drained or held take jobs again."""
    asyncio.run(_set(reach, provider, "Serve"))


async def _set(reach: Reach, name: str, operation: Operation) -> None:
    async with connected(reach) as cluster:
        await _write(cluster, name, operation)


async def _write(cluster: Cluster, name: str, operation: Operation) -> None:
    before = await cluster.get(PROVIDER, cluster.namespace, name)
    where = f"{cluster.namespace}/{name}"
    if operation == "Serve" and before["metadata"].get("deletionTimestamp"):
        raise Failure(f"{where} is being deleted, which can't be taken back. Create it again when it is gone.")
    if (before.get("spec") or {}).get("operation", "Serve") == operation:
        screen.say(f"{where} is on {operation} already: it {_MEANS[operation]}.")
        return
    await cluster.merge(PROVIDER, cluster.namespace, name, {"spec": {"operation": operation}})
    screen.say(f"{where} is on {operation} now: it {_MEANS[operation]}.")


async def _drain(reach: Reach, name: str, patience: float | None) -> None:
    async with connected(reach) as cluster:
        await _write(cluster, name, "Drain")
        if patience is None:
            return
        try:
            async with asyncio.timeout(patience):
                await _until_empty(cluster, name)
        except TimeoutError:
            message = f"{cluster.namespace}/{name} still has servers after {patience:g} s. It goes on draining."
            raise Failure(message, NOT_YET) from None


async def _until_empty(cluster: Cluster, name: str) -> None:
    said = -1
    async for body in cluster.changes(PROVIDER, cluster.namespace, name):
        provider = msgspec.convert(body, CocoonProvider)
        status = provider.status
        if status.observed_generation < provider.metadata.generation or status.servers is None:
            continue
        if status.servers.total != said:
            said = status.servers.total
            screen.say(
                f"{counted(said, 'server')} left." if said else f"{cluster.namespace}/{name} has no servers any more."
            )
        if not said:
            return
