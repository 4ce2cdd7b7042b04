"""A runner as a process of its own, and the operator's side of its API."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from cocoon.api.runner import (
    Acknowledgement,
    EventPage,
    Finished,
    JobAssignment,
    ModelAssignment,
    ModelList,
    Started,
)
from tests.runner import https_files, kit


class RunnerProcess:
    """A running one."""

    def __init__(self, pid: int, session: aiohttp.ClientSession) -> None:
        self.pid = pid
        self._session = session
        self._seen = 0

    async def _call(self, method: str, path: str, body: object = None) -> bytes:
        data = None if body is None else msgspec.json.encode(body)
        async with self._session.request(method, path, data=data) as answer:
            raw = await answer.read()
            if answer.status >= 300:
                raise RuntimeError(raw.decode())
            return raw

    async def load(self, model: ModelAssignment) -> None:
        """Load a model and wait until it is ready."""
        await self._call("PUT", f"/v1/models/{model.name}", model)
        while True:
            found = msgspec.json.decode(await self._call("GET", "/v1/models"), type=ModelList)
            states = {state.name: state for state in found.models}
            if states[model.name].state == "Ready":
                return
            if states[model.name].state == "Failed":
                raise RuntimeError(states[model.name].detail)
            await asyncio.sleep(0.05)

    async def do(self, job: JobAssignment) -> float:
        """Seconds from the first item's start until the receipt is here."""
        await self._call("PUT", f"/v1/jobs/{job.uid}/{job.attempt}", job)
        started = 0.0
        while True:
            raw = await self._call("GET", f"/v1/events?after={self._seen}")
            for event in msgspec.json.decode(raw, type=EventPage).events:
                self._seen = event.number
                if isinstance(event, Started):
                    started = event.at
                elif isinstance(event, Finished):
                    took = time.time() - started
                    if event.code:
                        raise RuntimeError(f"{event.code}: {event.detail}")
                    await self._call("POST", "/v1/events/ack", Acknowledgement(self._seen))
                    return took


async def _port(log: asyncio.StreamReader) -> int:
    """Of its API, from the log's line that says where it serves. Raises RuntimeError if it ends before."""
    said: list[bytes] = []
    while line := await log.readline():
        said.append(line)
        if line.startswith(b"{") and (port := msgspec.json.decode(line).get("api")):
            return int(port)
    raise RuntimeError(b"".join(said).decode())


@asynccontextmanager
async def runner_process(folder: Path, triton: str, module: str = "cocoon.runner") -> AsyncIterator[RunnerProcess]:
    """A runner over this Triton, with everything below `folder`, which may open addresses of this machine."""
    environment = {
        **os.environ,
        "COCOON_PAYEE": "UQpayee",
        "COCOON_PROVIDER_UID": "provider-uid",
        "COCOON_OPERATOR_CERTIFICATES": kit.OPERATOR.certificate.decode(),
        "COCOON_TRITON_GRPC": triton,
        "COCOON_MODELS_DIR": str(folder / "models"),
        "COCOON_SOURCES_DIR": str(folder / "sources"),
        "COCOON_JOURNAL_DIR": str(folder / "journal"),
        "COCOON_TEST_ROOTS": "true",
        "COCOON_ALLOW_PRIVATE_ADDRESSES": "true",
        "COCOON_CA_BUNDLE": https_files.IDENTITY.certificate.decode(),
        "COCOON_API_ADDRESS": "127.0.0.1:0",
        "COCOON_HEALTH_ADDRESS": "127.0.0.1:0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        port = await _port(process.stderr)
        drain = asyncio.create_task(process.stderr.read())
        connector = aiohttp.TCPConnector(ssl=kit.client_context())
        async with aiohttp.ClientSession(f"https://127.0.0.1:{port}", connector=connector) as session:
            yield RunnerProcess(process.pid, session)
        drain.cancel()
    finally:
        process.terminate()
        await process.wait()
