"""The keyring's HTTPS API (cocoon.api.sealing has the messages). Anybody may call: evidence decides."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from cocoon.api.evidence import MAXIMUM_BYTES, NONCE_BYTES, EvidenceRequest
from cocoon.api.sealing import Challenge, CountRequest, HandoverRequest, KeyringState, ReleaseRequest
from cocoon.attest.turns import Crowded, Turns
from cocoon.keyring import handover
from cocoon.keyring.counting import Counting
from cocoon.keyring.metrics import Metrics
from cocoon.keyring.refusals import Refusal
from cocoon.keyring.release import Releasing
from cocoon.keyring.replica import Replica

#: Evidence in base64, with a header beside it.
MAXIMUM_BODY: Final = MAXIMUM_BYTES // 3 * 4 + (64 << 10)
_T = TypeVar("_T")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """The handlers."""

    def __init__(self, replica: Replica, releasing: Releasing, counting: Counting, metrics: Metrics) -> None:
        self._replica = replica
        self._releasing = releasing
        self._counting = counting
        self._metrics = metrics
        self._turns = Turns(time.monotonic)

    def application(self) -> web.Application:
        """The application with its routes."""
        app = web.Application(client_max_size=MAXIMUM_BODY, middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/v1/keyring", self._state),
                web.post("/v1/evidence", self._evidence),
                web.post("/v1/challenge", self._challenge),
                web.post("/v1/release", self._release),
                web.post("/v1/handover", self._handover),
                web.post("/v1/count", self._count),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        route = request.match_info.route.resource
        call = route.canonical.rpartition("/")[2] if route else "unknown"
        try:
            answer = await handler(request)
        except Refusal as refusal:
            answer = _problem(refusal)
            self._metrics.calls.labels(call, refusal.code).inc()
        except web.HTTPException as error:
            answer = _problem(Refusal(error.reason.title().replace(" ", ""), error.text or error.reason, error.status))
            self._metrics.calls.labels(call, "Invalid").inc()
        else:
            self._metrics.calls.labels(call, "OK").inc()
        return answer

    async def _state(self, _request: web.Request) -> web.Response:
        identity = self._replica.identities.current
        return _answer(KeyringState(identity.recipient, identity.epoch, self._replica.text))

    async def _evidence(self, request: web.Request) -> web.Response:
        asked = await _read(request, EvidenceRequest)
        if len(asked.nonce) != NONCE_BYTES:
            raise Refusal("InvalidNonce", f"A nonce has {NONCE_BYTES} bytes.", 422)
        public = self._replica.identities.current.public
        try:
            async with self._turns.turn(request.remote or ""):
                found = await self._replica.evidence(asked.nonce, public)
        except Crowded as error:
            raise Refusal("TooManyRequests", str(error), 429) from None
        return web.Response(body=found, content_type="application/json")

    async def _challenge(self, _request: web.Request) -> web.Response:
        self._replica.identities.current  # noqa: B018 - whoever has no identity asks for no evidence
        return _answer(Challenge(self._replica.challenges.make()))

    async def _release(self, request: web.Request) -> web.Response:
        return _answer(await self._releasing.release(await _read(request, ReleaseRequest)))

    async def _handover(self, request: web.Request) -> web.Response:
        return _answer(await handover.admit(self._replica, await _read(request, HandoverRequest)))

    async def _count(self, request: web.Request) -> web.Response:
        return _answer(self._counting.answer(await _read(request, CountRequest)))


async def _read(request: web.Request, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Refusal("InvalidBody", f"The body is no {kind.__name__}: {str(error)[:300]}.", 422) from None


def _answer(value: Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _problem(refusal: Refusal) -> web.Response:
    body = msgspec.json.encode(refusal.problem)
    return web.Response(body=body, status=refusal.problem.status, content_type="application/problem+json")
