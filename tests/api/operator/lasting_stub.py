"""The benchmarks' stub for runners, watching Pods again when the API server was away.

python -m tests.api.operator.lasting_stub URL CA PORT CONTROL
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import aiohttp

from tests.bench.access import Access
from tests.bench.stub_runner import Fleet, _serve_control, pods

PAUSE = 0.2


async def run(access: Access, port: int, control: int) -> None:
    """Answer for all servers until the process is ended."""
    fleet = Fleet(port)
    await fleet.open()
    await _serve_control(fleet, control)
    while True:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with access.session(connections=2) as session:
                async for kind, pod in pods(session):
                    await (fleet.remove(pod) if kind == "DELETED" else fleet.add(pod))
        await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    _url, _ca, _port, _control = sys.argv[1:]
    asyncio.run(run(Access(_url, _ca), int(_port), int(_control)))
