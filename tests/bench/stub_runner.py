"""One process that answers for the runners of all simulated servers, over the runner's real HTTPS API.

kwok gives every simulated Pod an address of its own in 127/8, which is all this machine: the process watches the server
Pods and opens a listener for each at the Pod's address, with keys of its own and the terms that the Pod's environment
fixes for its runner. What it timed is at http://127.0.0.1:CONTROL/timings (`Observed`, in MessagePack).

    python -m tests.bench.stub_runner URL CA PORT CONTROL
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import uvloop
from aiohttp import web
from msgspec import Struct

from cocoon.api.evidence import EvidenceRequest
from cocoon.api.groups import PROVIDER_LABEL
from cocoon.api.runner import Acknowledgement, Cancellation, JobAssignment, ModelAssignment, ModelList
from cocoon.attest import bundle as bundles
from cocoon.attest import tls
from tests.bench.access import Access
from tests.bench.stub_server import StubServer, Terms, Timing

#: A long poll ends after this long, in seconds.
LONG_POLL = 30.0


class Progress(Struct):
    """Attempts over all servers."""

    servers: int
    started: int
    finished: int
    acknowledged: int


class Observed(Struct):
    """All attempts, the most slots that any server had taken at once, and the keys that receipts were signed with."""

    timings: list[Timing]
    most_slots: int = 0
    receipt_keys: list[bytes] = []


class Fleet:
    """The servers by their Pods' addresses, and the HTTP handlers that they share."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._servers: dict[str, StubServer] = {}
        self._sites: dict[str, web.TCPSite] = {}
        self._runner = web.AppRunner(self._application(), access_log=None)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=1 << 20)
        application.add_routes(
            [
                web.post("/v1/evidence", self._evidence),
                web.get("/v1/models", self._models),
                web.put("/v1/models/{name}", self._load),
                web.put("/v1/jobs/{uid}/{attempt}", self._start),
                web.get("/v1/jobs/{uid}/{attempt}", self._progress),
                web.delete("/v1/jobs/{uid}/{attempt}", self._cancel),
                web.get("/v1/events", self._events),
                web.post("/v1/events/ack", self._acknowledge),
                web.post("/v1/standing", self._stand),
            ]
        )
        return application

    # ---- servers come and go with their Pods

    async def open(self) -> None:
        """Get ready to listen."""
        await self._runner.setup()

    async def add(self, pod: Any) -> None:
        """Listen at a Pod's address, if it has one and nobody listens there yet."""
        address = pod.get("status", {}).get("podIP")
        if not address or address in self._servers:
            return
        environment = _environment(pod)
        terms = Terms(environment["COCOON_PAYEE"], environment["COCOON_PROVIDER_UID"])
        server = self._servers[address] = StubServer(terms)
        context = _context(server.keys.tls, environment["COCOON_OPERATOR_CERTIFICATES"])
        site = self._sites[address] = web.TCPSite(self._runner, address, self._port, ssl_context=context)
        await site.start()

    async def remove(self, pod: Any) -> None:
        """Stop listening there."""
        site = self._sites.pop(pod.get("status", {}).get("podIP", ""), None)
        if site is not None:
            await site.stop()

    # ---- what the benchmark asks

    def observed(self) -> Observed:
        servers = self._servers.values()
        timings = [timing for server in servers for timing in server.timings.values()]
        most = max((server.most_slots for server in servers), default=0)
        return Observed(timings, most, [server.keys.public.receipt for server in servers])

    def counts(self) -> Progress:
        timings = self.observed().timings
        return Progress(
            servers=len(self._sites),
            started=len(timings),
            finished=sum(timing.finished > 0 for timing in timings),
            acknowledged=sum(timing.acknowledged > 0 for timing in timings),
        )

    # ---- the runner's API

    def _server(self, request: web.Request) -> StubServer:
        transport = request.transport
        if transport is None:
            raise web.HTTPServiceUnavailable
        return self._servers[transport.get_extra_info("sockname")[0]]

    async def _evidence(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=EvidenceRequest)
        bundle = await self._server(request).evidence(asked.nonce)
        return web.Response(body=bundles.encode(bundle), content_type="application/json")

    async def _models(self, request: web.Request) -> web.Response:
        return _json(ModelList(tuple(self._server(request).models.values())))

    async def _load(self, request: web.Request) -> web.Response:
        model = msgspec.json.decode(await request.read(), type=ModelAssignment)
        return _json(self._server(request).load(model))

    async def _start(self, request: web.Request) -> web.Response:
        job = msgspec.json.decode(await request.read(), type=JobAssignment)
        progress, status = self._server(request).start(job)
        return _json(progress, status)

    async def _progress(self, request: web.Request) -> web.Response:
        try:
            return _json(self._server(request).progress(_attempt(request)))
        except KeyError:
            raise web.HTTPNotFound from None

    async def _cancel(self, request: web.Request) -> web.Response:
        why = msgspec.json.decode(await request.read(), type=Cancellation)
        try:
            return _json(self._server(request).cancel(_attempt(request), final=why.final))
        except KeyError:
            raise web.HTTPNotFound from None

    async def _events(self, request: web.Request) -> web.Response:
        seconds = 0.0 if request.query.get("wait") == "0" else LONG_POLL
        return _json(await self._server(request).events(int(request.query["after"]), seconds))

    async def _acknowledge(self, request: web.Request) -> web.Response:
        self._server(request).acknowledge(msgspec.json.decode(await request.read(), type=Acknowledgement).up_to)
        return web.Response(status=204)

    async def _stand(self, _request: web.Request) -> web.Response:
        return web.Response(status=204)


def _attempt(request: web.Request) -> str:
    return f"{request.match_info['uid']}/{request.match_info['attempt']}"


def _json(answer: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")


def _environment(pod: Any) -> dict[str, str]:
    runner = next(each for each in pod["spec"]["containers"] if each["name"] == "runner")
    return {each["name"]: each.get("value", "") for each in runner["env"]}


def _context(identity: tls.Identity, operators: str) -> ssl.SSLContext:
    """A server's TLS that only the operators' own certificates get through."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.load(context, identity)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=operators)
    return context


# ---- the process


async def pods(session: aiohttp.ClientSession) -> AsyncIterator[tuple[str, Any]]:
    """Every change of a server Pod, for ever: ADDED, MODIFIED or DELETED, and the Pod."""
    while True:  # the API server ends the watch of whoever is slow, as one is who makes keys for many servers
        async with session.get("/api/v1/pods", params={"labelSelector": PROVIDER_LABEL}) as answer:
            found = await answer.json()
        for pod in found["items"]:
            yield "ADDED", pod
        async for change in _watch(session, found["metadata"]["resourceVersion"]):
            yield change["type"], change["object"]


async def _watch(session: aiohttp.ClientSession, version: str) -> AsyncIterator[Any]:
    query = {"labelSelector": PROVIDER_LABEL, "watch": "1", "resourceVersion": version}
    async with session.get("/api/v1/pods", params=query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
        async for line in answer.content:
            change = msgspec.json.decode(line)
            if change["type"] == "ERROR":
                return
            yield change


async def _serve_control(fleet: Fleet, port: int) -> None:
    async def progress(_request: web.Request) -> web.Response:
        return _json(fleet.counts())

    async def timings(_request: web.Request) -> web.Response:
        return web.Response(body=msgspec.msgpack.encode(fleet.observed()))

    application = web.Application()
    application.add_routes([web.get("/progress", progress), web.get("/timings", timings)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()


async def run(access: Access, port: int, control: int) -> None:
    """Answer for all servers of a cluster until the process is ended."""
    fleet = Fleet(port)
    await fleet.open()
    await _serve_control(fleet, control)
    async with access.session(connections=2) as session:
        async for kind, pod in pods(session):
            await (fleet.remove(pod) if kind == "DELETED" else fleet.add(pod))


if __name__ == "__main__":
    _url, _ca, _port, _control = sys.argv[1:]
    uvloop.run(run(Access(_url, _ca), int(_port), int(_control)))
