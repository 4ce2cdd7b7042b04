"""Names of objects as arguments, which the shell completes from the cluster.

A name that no object can have is refused before the cluster is asked: it would lead to another address of its API.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

import click
from click.shell_completion import CompletionItem

from cocoon.api.resources import JOB, PROVIDER, Resource
from cocoon.cli.cluster import connected
from cocoon.cli.failure import Failure
from cocoon.cli.options import Reach

#: Seconds that a person who pressed Tab is kept waiting at most.
_PATIENCE: Final = 2.0
#: A DNS subdomain (RFC 1123), as Kubernetes takes them for names.
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST: Final = 253


class ObjectName(click.ParamType[str]):
    """The name of an object of one kind; `qualified` if NAMESPACE/NAME is one, too."""

    def __init__(self, kind: Resource, *, qualified: bool = False) -> None:
        self.name = kind.kind
        self._kind = kind
        self._qualified = qualified

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is."""
        namespace, slash, name = value.rpartition("/")
        if slash and not self._qualified and _is_name(namespace) and _is_name(name):
            self.fail(f"{value} names a namespace, too: write {name} -n {namespace}.", param, ctx)
        if not _is_name(name) or (slash and not (self._qualified and _is_name(namespace))):
            advice = "names have lower-case letters, digits, dots and inner dashes"
            self.fail(f"{value[:80]!a} is no name for {self._kind.plural}: {advice}.", param, ctx)
        return value

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem[str]]:
        """Names in the namespace that is meant; none if the cluster does not answer soon."""
        chosen = [ctx.params.get(name) for name in ("kubeconfig", "context", "namespace")]
        namespace, slash, _ = incomplete.rpartition("/")
        if slash:
            chosen[2] = namespace if self._qualified else None
        try:
            names = asyncio.run(asyncio.wait_for(self._names(Reach(*chosen)), _PATIENCE))
        except (Failure, TimeoutError):
            return []
        told = [f"{namespace}{slash}{name}" for name in names]
        return [CompletionItem(name) for name in told if name.startswith(incomplete)]

    async def _names(self, reach: Reach) -> list[str]:
        async with connected(reach) as cluster:
            return [row["Name"] for row in await cluster.rows(self._kind, cluster.namespace)]


class JobOrFile(ObjectName):
    """The name of a job, or whatever else leads to a receipt on this machine."""

    def __init__(self) -> None:
        super().__init__(JOB)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As it is: only a look at the files tells what it is."""
        if not value:
            self.fail("It is empty: name a job, or a file with a receipt.", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Names, and files, which are the shell's business."""
        return [*super().shell_complete(ctx, param, incomplete), CompletionItem(incomplete, type="file")]


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


PROVIDER_NAME: Final = ObjectName(PROVIDER)
ANY_PROVIDER: Final = ObjectName(PROVIDER, qualified=True)
JOB_NAME: Final = ObjectName(JOB)
JOB_OR_FILE: Final = JobOrFile()
