"""The runner's HTTPS API: what the operator calls (docs/reference/runner-api.md)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from cocoon.api.evidence import NONCE_BYTES, EvidenceRequest
from cocoon.api.runner import (
    Acknowledgement,
    Cancellation,
    EventPage,
    JobAssignment,
    ModelAssignment,
    ModelList,
    Problem,
    Standing,
)
from cocoon.attest import bundle
from cocoon.attest.collect import Collector
from cocoon.attest.tsm import TeeFailure
from cocoon.attest.turns import Crowded, Turns
from cocoon.runner.events import Events
from cocoon.runner.jobs import Jobs
from cocoon.runner.journal import JournalFull
from cocoon.runner.keys import KeyRing
from cocoon.runner.surroundings import Surroundings
from cocoon.runner.triton import TritonError

POLL: Final = 30.0
MAXIMUM_BODY: Final = 1 << 20
_NAME: Final = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9_.]{0,251}[a-zA-Z0-9])?")
_UID: Final = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,62}")
_T = TypeVar("_T")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refusal(Exception):
    """A call that is answered with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Api:
    """The handlers; `pins` are the DER certificates that may call."""

    def __init__(
        self, around: Surroundings, jobs: Jobs, keys: KeyRing, collector: Collector, pins: frozenset[bytes]
    ) -> None:
        self._around = around
        self._jobs = jobs
        self._keys = keys
        self._collector = collector
        self._pins = pins
        self._turns = Turns(time.monotonic)

    def application(self) -> web.Application:
        """The application with its routes."""
        app = web.Application(client_max_size=MAXIMUM_BODY, middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/v1/evidence", self._evidence),
                web.get("/v1/models", self._models),
                web.put("/v1/models/{name}", self._assign),
                web.delete("/v1/models/{name}", self._remove),
                web.put("/v1/jobs/{uid}/{attempt}", self._start),
                web.get("/v1/jobs/{uid}/{attempt}", self._progress),
                web.delete("/v1/jobs/{uid}/{attempt}", self._cancel),
                web.get("/v1/events", self._events),
                web.post("/v1/events/ack", self._acknowledge),
                web.post("/v1/standing", self._stand),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            _pinned(request, self._pins)
            self._around.contact.call()
            return await handler(request)
        except Refusal as refusal:
            return _problem(refusal.problem)
        except web.HTTPException as error:
            return _problem(Problem(error.reason.title().replace(" ", ""), error.text or error.reason, error.status))
        except JournalFull as error:
            return _problem(Problem("JournalFull", str(error), 507))
        except TeeFailure as error:
            return _problem(Problem("EvidenceUnavailable", str(error), 503))
        except Crowded as error:
            return _problem(Problem("TooManyRequests", str(error), 429))

    async def _evidence(self, request: web.Request) -> web.Response:
        asked = await _read(request, EvidenceRequest)
        if len(asked.nonce) != NONCE_BYTES:
            raise Refusal(Problem("InvalidNonce", f"A nonce has {NONCE_BYTES} bytes.", 422))
        async with self._turns.turn(_pinned(request, self._pins)):
            found = await self._collector.collect(asked.nonce, self._keys.public, self._around.settings.payee)
        encoded = bundle.encode(found)
        self._around.events.attested(bundle.digest(found), encoded)
        return web.Response(body=encoded, content_type="application/json")

    async def _models(self, _request: web.Request) -> web.Response:
        return _answer(ModelList(tuple(model.state for model in self._around.models)))

    async def _assign(self, request: web.Request) -> web.Response:
        asked = await _read(request, ModelAssignment)
        if asked.name != request.match_info["name"] or not _NAME.fullmatch(asked.name) or asked.max_concurrency < 1:
            raise Refusal(Problem("InvalidAssignment", "The name or maxConcurrency is not valid.", 422))
        if self._jobs.draining:
            raise Refusal(Problem("Draining", "The server is shutting down.", 503))
        held = self._around.models.by_name.get(asked.name)
        if held is not None and held.assignment != asked and self._jobs.uses(asked.name):
            raise Refusal(Problem("ModelBusy", "Jobs use this model as it is; wait for them or cancel them.", 409))
        state = self._around.models.assign(asked).state
        return _answer(state, 202 if state.state == "Loading" else 200)

    async def _remove(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if self._jobs.uses(name):
            raise Refusal(Problem("ModelBusy", "Jobs use this model; wait for them or cancel them.", 409))
        try:
            await self._around.models.remove(name)
        except TritonError as error:
            raise Refusal(Problem("TritonLost", f"Triton can't unload the model: {error}", 503)) from None
        return web.Response(status=204)

    async def _start(self, request: web.Request) -> web.Response:
        job = await _read(request, JobAssignment)
        if (job.uid, job.attempt) != _attempt(request) or not _UID.fullmatch(job.uid):
            raise Refusal(Problem("InvalidAssignment", "The path and the body name different attempts.", 422))
        found = self._jobs.start(job)
        if isinstance(found, Problem):
            raise Refusal(found)
        return _answer(found[1], found[0])

    async def _progress(self, request: web.Request) -> web.Response:
        return _found(self._jobs.progress(*_attempt(request)))

    async def _cancel(self, request: web.Request) -> web.Response:
        return _found(self._jobs.cancel(*_attempt(request), await _read(request, Cancellation)))

    async def _events(self, request: web.Request) -> web.Response:
        after = _number(request.query.get("after", "0"))
        if _number(request.query.get("wait", "1")):
            await _news(self._around.events, after)
        now, contact = self._around.now(), self._around.contact
        events = self._around.events.after(after)
        page = EventPage(
            boot=self._keys.boot,
            events=events,
            running=self._jobs.running,
            standing_until=now + contact.remaining,
            evidence=self._around.events.evidence(events),
        )
        return _answer(page)

    async def _acknowledge(self, request: web.Request) -> web.Response:
        await self._around.events.acknowledge((await _read(request, Acknowledgement)).up_to)
        return web.Response(status=204)

    async def _stand(self, request: web.Request) -> web.Response:
        self._jobs.stand((await _read(request, Standing)).attempts)
        return web.Response(status=204)


def _pinned(request: web.Request, pins: frozenset[bytes]) -> str:
    """Who calls, by the digest of a certificate that may. Raises Refusal."""
    ssl_object = request.transport and request.transport.get_extra_info("ssl_object")
    certificate = ssl_object and ssl_object.getpeercert(binary_form=True)
    if certificate not in pins:
        raise Refusal(Problem("Unauthorized", "This certificate may not call this runner.", 403))
    return hashlib.sha256(certificate).hexdigest()


async def _news(events: Events, after: int) -> None:
    """Return at once if there are events after this number, otherwise at the next one or after the poll's time."""
    try:
        async with asyncio.timeout(POLL):
            while not events.after(after):
                await events.news()
    except TimeoutError:
        return


async def _read(request: web.Request, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Refusal(Problem("InvalidBody", f"The body is no {kind.__name__}: {str(error)[:300]}.", 422)) from None


def _attempt(request: web.Request) -> tuple[str, int]:
    return request.match_info["uid"], _number(request.match_info["attempt"])


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise Refusal(Problem("InvalidNumber", f"{text[:20]!r} is not a whole number.", 422))
    return int(text)


def _answer(value: Struct, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def _found(value: Any) -> web.Response:  # noqa: ANN401 - a JobProgress or None
    if value is None:
        raise Refusal(Problem("AttemptUnknown", "This attempt was never assigned to this runner.", 404))
    return _answer(value)


def _problem(problem: Problem) -> web.Response:
    body = msgspec.json.encode(problem)
    return web.Response(body=body, status=problem.status, content_type="application/problem+json")
