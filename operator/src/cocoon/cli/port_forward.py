"""A way to a Service inside the cluster through the API server: `kubectl port-forward`, for as long as it is needed.

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

from cocoon.cli.failure import Failure, Unreachable
from cocoon.cli.options import Reach

_FORWARDING: Final = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")
_PATIENCE: Final = 20.0


@asynccontextmanager
async def forwarded(reach: Reach, namespace: str, service: str, port: int) -> AsyncIterator[int]:
    """The local port that leads to a Service's port. Raises Unreachable."""
    command = ("port-forward", f"service/{service}", f":{port}", "--address=127.0.0.1", f"--namespace={namespace}")
    program = os.environ.get("KUBECTL", "kubectl")
    try:
        process = await asyncio.create_subprocess_exec(
            program, *command, *_flags(reach), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        message = f"{program} can't be started ({error.strerror}): install kubectl, or give --payout-url."
        raise Failure(message) from error
    try:
        yield await _port(process, f"{namespace}/{service}")
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _port(process: asyncio.subprocess.Process, where: str) -> int:
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
    raise Unreachable(f"The Service {where} can't be reached through the API server: {why}. Give --payout-url instead.")


def _flags(reach: Reach) -> list[str]:
    chosen = {"kubeconfig": reach.kubeconfig, "context": reach.context}
    return [f"--{name}={value}" for name, value in chosen.items() if value]
