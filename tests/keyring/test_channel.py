"""Whom a channel believes: the TEE at the other end of this very connection, now, and nobody else."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from msgspec import structs

from cocoon.api.evidence import EvidenceRequest
from cocoon.attest import tls
from cocoon.attest.channel import Channel, Distrusted, Unreachable, verifying
from cocoon.attest.collect import SoftwareCollector
from cocoon.keyring.process import Keyring
from tests.keyring import kit

JUDGE = verifying(time.time)


class Impostor:
    """Listens with a certificate of its own and answers with evidence that it was given, or has just fetched."""

    def __init__(self) -> None:
        self.evidence = b""
        self.behind: Keyring | None = None
        self.address = ""

    async def answer(self, request: web.Request) -> web.Response:
        if self.behind is None:
            return web.Response(body=self.evidence)
        asked = msgspec.json.decode(await request.read(), type=EvidenceRequest)
        replica = self.behind.replica
        return web.Response(body=await replica.evidence(asked.nonce, replica.identities.current.public))


@asynccontextmanager
async def impostor(identity: tls.Identity) -> AsyncIterator[Impostor]:
    found = Impostor()
    application = web.Application()
    application.router.add_post("/v1/evidence", found.answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load(context, identity)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    found.address = f"https://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


async def test_a_keyring_is_believed(keyring: Keyring) -> None:
    async with Channel(kit.address(keyring), JUDGE) as channel:
        bundle = await channel.attest(kit.KEYRING)
        assert bundle.keys.sealing == keyring.replica.identities.current.public
        assert bundle.payee == keyring.replica.name


async def test_fresh_evidence_of_another_tee(keyring: Keyring) -> None:
    """It passes our nonce on to a real keyring, whose evidence names that keyring's TLS key."""
    async with impostor(kit.certificate()) as someone, Channel(someone.address, JUDGE) as channel:
        someone.behind = keyring
        with pytest.raises(Distrusted, match="belongs to another TEE"):
            await channel.attest(kit.KEYRING)


async def test_replayed_evidence_even_with_the_stolen_key(keyring: Keyring) -> None:
    """It has the TLS key and evidence from before, and no TEE to answer a new nonce."""
    replica = keyring.replica
    async with impostor(replica.tls) as someone, Channel(someone.address, JUDGE) as channel:
        someone.evidence = await replica.evidence(bytes(32), replica.identities.current.public)
        with pytest.raises(Distrusted, match="replay"):
            await channel.attest(kit.KEYRING)


async def test_expired_evidence(tmp_path: Path) -> None:
    collector = SoftwareCollector(role="keyring", lifetime=-1.0)
    async with (
        kit.keyring(kit.settings(tmp_path), collector=collector) as keyring,
        Channel(kit.address(keyring), JUDGE) as channel,
    ):
        with pytest.raises(Distrusted, match="expired"):
            await channel.attest(kit.KEYRING)


async def test_a_runners_evidence_is_no_keyrings(tmp_path: Path) -> None:
    async with (
        kit.keyring(kit.settings(tmp_path), collector=SoftwareCollector()) as keyring,
        Channel(kit.address(keyring), JUDGE) as channel,
    ):
        with pytest.raises(Distrusted, match="not of a keyring"):
            await channel.attest(kit.KEYRING)


async def test_test_roots_where_hardware_is_asked_for(keyring: Keyring) -> None:
    async with Channel(kit.address(keyring), JUDGE) as channel:
        with pytest.raises(Distrusted, match="development root"):
            await channel.attest(structs.replace(kit.KEYRING, allow_test_roots=False))


async def test_another_key_after_the_evidence(keyring: Keyring) -> None:
    """The connection is cut, and somebody else answers the next one with a stolen certificate or its own."""
    async with impostor(kit.certificate()) as someone, Channel(kit.address(keyring), JUDGE) as channel:
        await channel.attest(kit.KEYRING)
        channel._address = someone.address
        with pytest.raises(Distrusted, match="another TLS key"):
            await channel.ask("/v1/evidence", EvidenceRequest(bytes(32)), dict)


async def test_a_stolen_certificate_without_its_key() -> None:
    """The certificate is public; without the key there is no handshake."""
    mine, theirs = kit.certificate(), kit.certificate()
    with pytest.raises(ssl.SSLError):
        tls.load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tls.Identity(mine.key, theirs.certificate))


@pytest.mark.parametrize("evidence", [b"", b"{}", b"[" * 100_000, b"x" * 3_000_000])
async def test_answers_that_are_no_evidence(evidence: bytes) -> None:
    async with impostor(kit.certificate()) as someone, Channel(someone.address, JUDGE) as channel:
        someone.evidence = evidence
        with pytest.raises((Distrusted, Unreachable)):
            await channel.attest(kit.KEYRING)


@pytest.mark.parametrize(
    "address", [kit.NOWHERE, "http://127.0.0.1:80", "https://", "https://no-such-host.invalid", ""]
)
async def test_nobody_there(address: str) -> None:
    with pytest.raises(Unreachable):
        async with Channel(address, JUDGE) as channel:
            await channel.attest(kit.KEYRING)
