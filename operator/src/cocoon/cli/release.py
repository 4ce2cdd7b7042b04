"""`kubectl cocoon release PROVIDER --force`: let go of a provider whose servers can't be finished properly.

The operator's finalizer keeps a deleted provider until its servers have handed over their receipts. If that can never
happen (the nodes are gone for good), this takes the finalizer away, and unreported receipts are lost with it.
"""

from __future__ import annotations

import asyncio

import click

from cocoon.api.groups import FINALIZER
from cocoon.api.resources import PROVIDER, Manifest
from cocoon.cli import screen
from cocoon.cli.cluster import connected
from cocoon.cli.failure import Failure
from cocoon.cli.names import PROVIDER_NAME
from cocoon.cli.options import Reach, on_cluster


@click.command("release", short_help="take our finalizer off a deleted provider")
@click.argument("provider", type=PROVIDER_NAME)
@on_cluster
@click.option("--force", is_flag=True, help="Accept that receipts which are not reported yet are lost.")
def command(reach: Reach, provider: str, *, force: bool) -> None:
    """Let go of a deleted provider whose servers can never hand over their receipts.

    A deleted provider stays until its servers have handed over the receipts of their work. If the nodes are gone for
    good, that never happens, and this takes the finalizer away.
    """
    if not force:
        raise Failure(
            f"Releasing {provider} loses the receipts that its servers still hold. Wait until its servers "
            "are gone, or say --force if they never will be."
        )
    asyncio.run(_release(reach, provider))


async def _release(reach: Reach, name: str) -> None:
    async with connected(reach) as cluster:
        provider = await cluster.get(PROVIDER, cluster.namespace, name)
        if not provider["metadata"].get("deletionTimestamp"):
            first = f"run kubectl delete cprov {name} -n {cluster.namespace} --wait=false first"
            raise Failure(f"{cluster.namespace}/{name} is not being deleted: {first}.")
        await cluster.merge(PROVIDER, cluster.namespace, name, _without_finalizer(provider))
        screen.say(f"Released {cluster.namespace}/{name}.")


def _without_finalizer(provider: Manifest) -> Manifest:
    metadata = provider["metadata"]
    kept = [name for name in metadata.get("finalizers", []) if name != FINALIZER]
    return {"metadata": {"finalizers": kept, "resourceVersion": metadata["resourceVersion"]}}
