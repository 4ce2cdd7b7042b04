"""Names of objects as arguments, which the shell completes from the cluster."""

from __future__ import annotations

import asyncio
from typing import Final

import click
from click.shell_completion import CompletionItem

from cocoon.api.resources import JOB, PROVIDER, Resource
from cocoon.cli.cluster import connected
from cocoon.cli.failure import Failure
from cocoon.cli.options import Reach

#: Seconds that a person who pressed Tab is kept waiting at most.
_PATIENCE: Final = 2.0


class ObjectName(click.ParamType[str]):
    """The name of an object of one kind."""

    def __init__(self, kind: Resource) -> None:
        self.name = kind.kind
        self._kind = kind

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem[str]]:
        """Names in the namespace that is meant; none if the cluster does not answer soon."""
        chosen = (ctx.params.get(name) for name in ("kubeconfig", "context", "namespace"))
        try:
            names = asyncio.run(asyncio.wait_for(self._names(Reach(*chosen)), _PATIENCE))
        except (Failure, TimeoutError):
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    async def _names(self, reach: Reach) -> list[str]:
        async with connected(reach) as cluster:
            return [row["Name"] for row in await cluster.rows(self._kind, cluster.namespace)]


PROVIDER_NAME: Final = ObjectName(PROVIDER)
JOB_NAME: Final = ObjectName(JOB)
