"""The operator and a runner, over TLS for real: what the operator believes is the key that the evidence names."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from aiohttp import web

from cocoon.api.evidence import EvidenceRequest, Verdict
from cocoon.api.runner import ModelList
from cocoon.api.trust import Trust
from cocoon.attest import tls
from cocoon.attest.policy import Policy
from cocoon.fleet.act.attest import judge
from cocoon.fleet.ports.failures import Busy, Gone
from cocoon.fleet.ports.runner_servers import RunnerServers
from cocoon.fleet.ports.servers import Place
from tests.runner import kit

POLICY = Policy(trust=Trust.TEST, allow_test_roots=True)
NONCE = b"n" * 32
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def servers() -> AsyncIterator[RunnerServers]:
    async with RunnerServers(kit.OPERATOR) as found:
        yield found


def place(port: int) -> Place:
    return Place("pod-uid", "127.0.0.1", port)


async def verdict(servers: RunnerServers, port: int, nonce: bytes = NONCE, later: float = 0.0) -> Verdict:
    shown = await servers.evidence(place(port), nonce)
    return judge(shown, nonce, POLICY, time.time() + later)


def codes(found: Verdict) -> set[str]:
    assert found.trusted == (not found.reasons)
    return {reason.code for reason in found.reasons}


@asynccontextmanager
async def impostor(identity: tls.Identity, answering: Answering) -> AsyncIterator[int]:
    """A server with this key that answers everything so; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load(context, identity)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answering)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def another_key() -> tls.Identity:
    return tls.make_identity("runner.cocoonfleet.io", datetime.now(UTC))


async def test_a_runner_is_believed_and_spoken_to(quick: kit.Operator, servers: RunnerServers) -> None:
    at = place(quick.runner.ports["api"])
    with pytest.raises(Busy, match="not attested"):
        await servers.models(at)
    shown = await servers.evidence(at, NONCE)
    assert codes(judge(shown, NONCE, POLICY, time.time())) == set()
    await servers.pin(at, shown.certificate)
    assert isinstance(await servers.models(at), ModelList)


async def test_evidence_of_another_server_passed_on(quick: kit.Operator, servers: RunnerServers) -> None:
    """Somebody between the two asks the true runner with the operator's own nonce, and ends TLS himself."""

    async def pass_on(request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=EvidenceRequest)
        _, raw = await quick.call("POST", "/v1/evidence", asked)
        return web.Response(body=raw)

    async with impostor(another_key(), pass_on) as port:
        assert codes(await verdict(servers, port)) == {"KeyMismatch"}


async def test_replayed_evidence_even_with_the_stolen_key(quick: kit.Operator, servers: RunnerServers) -> None:
    _, old = await quick.call("POST", "/v1/evidence", EvidenceRequest(b"o" * 32))

    async def replay(_request: web.Request) -> web.Response:
        return web.Response(body=old)

    async with impostor(quick.runner.keys.tls, replay) as port:
        assert "NonceMismatch" in codes(await verdict(servers, port))
        assert codes(await verdict(servers, port, b"o" * 32)) == set(), "it is the nonce alone that tells them apart"


async def test_evidence_that_has_expired(quick: kit.Operator, servers: RunnerServers) -> None:
    port = quick.runner.ports["api"]
    assert codes(await verdict(servers, port)) == set()
    assert codes(await verdict(servers, port, later=86_400 * 30)) == {"Expired"}
    assert codes(await verdict(servers, port, later=-86_400 * 30)) == {"NotYetValid"}


async def test_another_key_at_the_address_of_an_attested_server(quick: kit.Operator, servers: RunnerServers) -> None:
    """Nothing is said to him: the connection ends before the first byte of a request."""
    shown = await servers.evidence(place(quick.runner.ports["api"]), NONCE)
    await servers.pin(place(0), shown.certificate)
    heard: list[str] = []

    async def listen(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    async with impostor(another_key(), listen) as port:
        with pytest.raises(Gone, match="another certificate"):
            await servers.models(place(port))
    assert heard == []


def test_a_stolen_certificate_is_of_no_use_without_its_key(quick_identity: tls.Identity) -> None:
    stolen = tls.Identity(another_key().key, quick_identity.certificate)
    with pytest.raises(ssl.SSLError):
        tls.load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), stolen)


@pytest.fixture
def quick_identity(quick: kit.Operator) -> tls.Identity:
    return quick.runner.keys.tls
