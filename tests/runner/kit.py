"""A runner in this process, and the operator's side of its API."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
import msgspec

from cocoon.api.job import ConfigMapOutput, JobInput, JobOutput
from cocoon.api.model_archive import digest_model_directory
from cocoon.api.money import Price
from cocoon.api.provider import Meter, ModelSource
from cocoon.api.receipts import Claims
from cocoon.api.runner import (
    Acknowledgement,
    Event,
    EventPage,
    Finished,
    JobAssignment,
    ModelAssignment,
    ModelState,
)
from cocoon.api.trust import Trust
from cocoon.attest import receipts, tls
from cocoon.attest.collect import Collector, SoftwareCollector
from cocoon.runner import settings as runner_settings
from cocoon.runner.process import Runner
from cocoon.runner.triton import Triton

OPERATOR = tls.make_identity("operator", datetime.now(UTC))
MODELS = Path(__file__).parents[1] / "triton_models"
_T = TypeVar("_T")


def settings(folder: Path, **changes: str) -> runner_settings.Settings:
    """Settings with everything below `folder`."""
    environment = {
        "COCOON_PAYEE": "UQpayee",
        "COCOON_PROVIDER_UID": "provider-uid",
        "COCOON_OPERATOR_CERTIFICATES": OPERATOR.certificate.decode(),
        "COCOON_MODELS_DIR": str(folder / "models"),
        "COCOON_SOURCES_DIR": str(folder / "sources"),
        "COCOON_JOURNAL_DIR": str(folder / "journal"),
        "COCOON_CREDENTIALS_DIR": str(folder / "credentials"),
        "COCOON_TEST_ROOTS": "true",
        "COCOON_API_ADDRESS": "127.0.0.1:0",
        "COCOON_HEALTH_ADDRESS": "127.0.0.1:0",
        "COCOON_GRACE": "5s",
    }
    return runner_settings.read(environment | changes)


def client_context(identity: tls.Identity = OPERATOR) -> ssl.SSLContext:
    """TLS as the operator does it: the server's key is checked by its evidence, not by a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    tls.load(context, identity)
    return context


class Operator:
    """Calls a runner as the operator does."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.seen = 0
        self.running: tuple[str, ...] = ()

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=client_context())
        self._session = aiohttp.ClientSession(f"https://127.0.0.1:{self.runner.ports['api']}", connector=connector)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Status and body."""
        data = None if body is None else msgspec.json.encode(body)
        async with self._session.request(method, path, data=data) as response:
            return response.status, await response.read()

    async def get(self, path: str, kind: type[_T], method: str = "GET", body: object = None) -> _T:
        """A body of that kind; anything but 2xx fails the test."""
        status, raw = await self.call(method, path, body)
        assert status < 300, raw
        return msgspec.json.decode(raw, type=kind)

    async def load(self, assignment: ModelAssignment) -> ModelState:
        """Assign a model and wait until it is settled."""
        await self.get(f"/v1/models/{assignment.name}", ModelState, "PUT", assignment)
        model = self.runner.models.by_name[assignment.name]
        await model._settled.wait()
        return model.state

    async def start(self, job: JobAssignment) -> int:
        """Push an attempt; the status."""
        return (await self.call("PUT", f"/v1/jobs/{job.uid}/{job.attempt}", job))[0]

    async def events(self) -> tuple[Event, ...]:
        """The next page of events, waiting for at least one."""
        page = await self.get(f"/v1/events?after={self.seen}", EventPage)
        self.running = page.running
        self.seen = max([self.seen, *(event.number for event in page.events)])
        return page.events

    async def finished(self, uid: str, attempt: int = 1) -> Finished:
        """Wait for the end of an attempt."""
        while True:
            for event in await self.events():
                if isinstance(event, Finished) and (event.uid, event.attempt) == (uid, attempt):
                    assert f"{uid}/{attempt}" not in self.running
                    return event

    async def do(self, job: JobAssignment) -> tuple[Finished, Claims]:
        """Push an attempt and wait for its end; the receipt is checked."""
        assert await self.start(job) == 201
        event = await self.finished(job.uid, job.attempt)
        return event, self.open(event)

    def open(self, event: Finished) -> Claims:
        """The claims of an end's receipt, checked."""
        claims = receipts.open_receipt(event.receipt, self.runner.keys.public.receipt)
        assert receipts.check_arithmetic(claims) == []
        return claims

    async def acknowledge(self) -> None:
        """Everything seen so far is durable."""
        assert (await self.call("POST", "/v1/events/ack", Acknowledgement(self.seen)))[0] == 204


@asynccontextmanager
async def running(
    chosen: runner_settings.Settings, triton: Triton, collector: Collector | None = None
) -> AsyncIterator[Operator]:
    """A runner and its operator."""
    async with AsyncExitStack() as stack:
        runner = await stack.enter_async_context(Runner(chosen, triton, collector or SoftwareCollector()))
        yield await stack.enter_async_context(Operator(runner))


def offer(folder: Path, entry: Path, **changes: Any) -> ModelAssignment:
    """Lay a model into the runner's sources as an image does; its assignment."""
    place = folder / "sources" / "images"
    place.mkdir(parents=True, exist_ok=True)
    if not (place / entry.name).exists():
        (place / entry.name).symlink_to(entry)
    fields: dict[str, Any] = {
        "name": entry.name,
        "sha256": digest_model_directory(entry),
        "source": ModelSource(image="models"),
        "meter": Meter(),
        "max_concurrency": 8,
    }
    return ModelAssignment(**(fields | changes))


def job(of: ModelAssignment, lines: str, uid: str = "job-1", **changes: Any) -> JobAssignment:
    """An attempt over these lines."""
    fields: dict[str, Any] = {
        "cluster": "cluster-uid",
        "uid": uid,
        "attempt": 1,
        "namespace": "tenant",
        "name": uid,
        "provider_uid": "provider-uid",
        "model": of.name,
        "model_sha256": of.sha256,
        "input": JobInput(inline=lines),
        "output": JobOutput(config_map=ConfigMapOutput()),
        "price": Price(per_million_items="1000000"),
        "minimum_trust": Trust.TEST,
        "spec_sha256": "ab" * 32,
        "parallelism": 4,
    }
    return JobAssignment(**(fields | changes))


def text_line(number: int, text: str, name: str = "text") -> str:
    """A KServe line for a model that takes one list of strings."""
    tensor = {"name": name, "datatype": "BYTES", "shape": [1], "data": [text]}
    return msgspec.json.encode({"id": f"i{number}", "inputs": [tensor]}).decode() + "\n"


def answers(event: Finished) -> Iterator[dict[str, Any]]:
    """The lines of a ConfigMap output."""
    for line in (event.output or "").splitlines():
        yield msgspec.json.decode(line)
