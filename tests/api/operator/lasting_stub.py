"""The benchmarks' stub for runners, watching Pods again when the API server was away.

python -m tests.api.operator.lasting_stub URL CA CERTIFICATE KEY PORT CONTROL
"""

from __future__ import annotations

import asyncio
import ssl
import sys

import aiohttp

from tests.bench.stub_runner import Fleet, _serve_control, pods

PAUSE = 0.2


async def run(url: str, context: ssl.SSLContext, port: int, control: int) -> None:
    """Answer for all servers until the process is ended."""
    fleet = Fleet(port)
    await fleet.open()
    await _serve_control(fleet, control)
    while True:
        try:
            connector = aiohttp.TCPConnector(ssl=context)
            async with aiohttp.ClientSession(url, connector=connector, read_bufsize=1 << 22) as session:
                async for kind, pod in pods(session):
                    await (fleet.remove(pod) if kind == "DELETED" else fleet.add(pod))
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(PAUSE)


def _administrator(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    return context


if __name__ == "__main__":
    _url, _ca, _certificate, _key, _port, _control = sys.argv[1:]
    asyncio.run(run(_url, _administrator(_ca, _certificate, _key), int(_port), int(_control)))
