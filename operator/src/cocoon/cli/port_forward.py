"""A way to a Service or Pod inside the cluster, through the API server: `kubectl port-forward` while it is needed.

The API server's own proxy for Services would be simpler, but it takes the Authorization header for itself, and the
payout service needs one.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from msgspec import Struct

from cocoon.cli.failure import Failure, Unreachable
from cocoon.cli.options import Reach

_FORWARDING: Final = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")
_PATIENCE: Final = 20.0


class Target(Struct, frozen=True):
    """What is to be reached: `what` as in `service/payout`, what people call it, and what to do if it can't be."""

    namespace: str
    what: str
    port: int
    called: str
    otherwise: str


@asynccontextmanager
async def forwarded(reach: Reach, target: Target) -> AsyncIterator[int]:
    """The local port that leads to a target's port. Raises Failure."""
    where = ("--address=127.0.0.1", f"--namespace={target.namespace}")
    command = ("port-forward", target.what, f":{target.port}", *where)
    program = os.environ.get("KUBECTL", "kubectl")
    try:
        process = await asyncio.create_subprocess_exec(
            program, *command, *_flags(reach), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        message = f"{program}, which leads to {target.called}, can't be started ({error.strerror}): install kubectl."
        raise Failure(f"{message} {target.otherwise}.") from error
    try:
        yield await _port(process, target)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _port(process: asyncio.subprocess.Process, target: Target) -> int:
    try:
        async with asyncio.timeout(_PATIENCE):
            line = await process.stdout.readline() if process.stdout else b""
    except TimeoutError:
        line = b""
    found = _FORWARDING.search(line)
    if found:
        return int(found[1])
    with suppress(ProcessLookupError):
        process.terminate()
    said = (await process.communicate())[1].decode(errors="replace").strip().splitlines()
    why = (
        said[-1]
        if said
        else f"kubectl port-forward did not begin within {_PATIENCE:.0f} s; perhaps it has no ready Pod"
    )
    raise Unreachable(
        f"{target.called.capitalize()} ({target.what} in namespace {target.namespace}) can't be reached through the "
        f"API server: {why.rstrip('.')}. {target.otherwise}."
    )


def _flags(reach: Reach) -> list[str]:
    chosen = {"kubeconfig": reach.kubeconfig, "context": reach.context}
    return [f"--{name}={value}" for name, value in chosen.items() if value]
