"""Keyrings in this process, runners that ask them, clients that seal, and a world in which each can lie."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.api.evidence import Bundle, Keys
from cocoon.api.sealing import Challenge, JobPolicy, Release, ReleaseRequest
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest import sealing, tls
from cocoon.attest.age import header as headers
from cocoon.attest.age import keys as age_keys
from cocoon.attest.age import wrapping
from cocoon.attest.channel import Channel, Denied, verifying
from cocoon.attest.collect import Collector, SoftwareCollector
from cocoon.attest.policy import Policy
from cocoon.keyring import settings as keyring_settings
from cocoon.keyring.process import Keyring
from cocoon.runner.keys import KeyRing, make_keys

TEST = {"trust": "Test", "allow_test_roots": True}
TERMS = {"runners": TEST, "keyrings": TEST}
KEYRING = Policy(role="keyring", trust=Trust.TEST, allow_test_roots=True)
_T = TypeVar("_T")
MODEL = "ab" * 32
#: Where nothing listens.
NOWHERE = "https://127.0.0.1:9"


def settings(folder: Path, terms: dict[str, Any] | None = None, **changes: str) -> keyring_settings.Settings:
    """Settings of a keyring with these terms."""
    text = msgspec.json.encode(terms or TERMS)
    path = folder / f"terms-{hash(text)}.json"
    path.write_bytes(text)
    environment = {
        "COCOON_KEYRING_TERMS": str(path),
        "COCOON_KEYRING_FOUNDER": "true",
        "COCOON_KEYRING_PATIENCE": "1s",
        "COCOON_TEST_ROOTS": "true",
        "COCOON_API_ADDRESS": "127.0.0.1:0",
        "COCOON_HEALTH_ADDRESS": "127.0.0.1:0",
    }
    return keyring_settings.read(environment | changes)


def address(keyring: Keyring) -> str:
    """Where it listens."""
    return f"https://127.0.0.1:{keyring.ports['api']}"


@asynccontextmanager
async def keyring(
    chosen: keyring_settings.Settings,
    now: Callable[[], float] = time.time,
    collector: Collector | None = None,
    *,
    begun: bool = True,
) -> AsyncIterator[Keyring]:
    """A keyring that listens, with an identity unless it is not `begun`."""
    async with Keyring(chosen, collector or SoftwareCollector(role="keyring", now=now), now) as found:
        if begun:
            await asyncio.wait_for(found.begin(pause=0.01), 10)
        yield found


class Client:
    """Seals inputs to a keyring, and opens answers."""

    def __init__(self, keyring: Keyring) -> None:
        self.key = X25519PrivateKey.generate()
        self.recipient = age_keys.recipient_text(self.key.public_key().public_bytes_raw())
        self.identity = keyring.replica.identities.current

    def policy(self, **changes: Any) -> JobPolicy:
        """Terms that a runner with test evidence meets."""
        fields: dict[str, Any] = {
            "id": "00" * 16,
            "namespace": "tenant",
            "name": "job-1",
            "epoch": self.identity.epoch,
            "model": MODEL,
            "output": self.recipient,
            "expires": int(time.time()) + 600,
            "trust": Trust.TEST,
            "measurements": (),
            "gpus": 0,
            "releases": 3,
        }
        return JobPolicy(**(fields | changes))

    def seal(self, content: bytes, **changes: Any) -> bytes:
        """A sealed file."""
        head, sealer = sealing.begin(self.policy(**changes), [self.identity.public])
        return head + sealer.push(content) + sealer.finish()

    def header(self, **changes: Any) -> bytes:
        """The header of a sealed file."""
        found = headers.split(self.seal(b"input", **changes))
        assert found is not None
        return found[0]


class Runner:
    """Asks for keys as a runner does; every part of a request can be replaced."""

    def __init__(self, keyring: Keyring, **collector: Any) -> None:
        self.keys: KeyRing = make_keys(datetime.now(UTC))
        self.collector: Collector = SoftwareCollector(**collector)
        self.address = address(keyring)
        self.tls = keyring.replica.tls.spki

    async def evidence(self, nonce: bytes, keys: Keys | None = None) -> Bundle:
        """A bundle."""
        return await self.collector.collect(nonce, keys or self.keys.public, "UQpayee")

    async def challenge(self) -> bytes:
        """A challenge of the keyring."""
        return (await self._ask("/v1/challenge", None, Challenge)).nonce

    async def request(self, header: bytes, nonce: bytes | None = None) -> ReleaseRequest:
        """A request for this header."""
        bundle = await self.evidence(nonce or await self.challenge())
        message = sealing.release_message(bundle.nonce, header, self.tls)
        return ReleaseRequest(bundles.encode(bundle), header, self.keys.receipt.sign(message))

    async def send(self, request: ReleaseRequest) -> bytes:
        """The new header."""
        return (await self._ask("/v1/release", request, Release)).header

    async def ask(self, header: bytes) -> bytes:
        """The new header for this one."""
        return await self.send(await self.request(header))

    async def refused(self, request: ReleaseRequest) -> str:
        """The code with which the keyring refuses."""
        try:
            await self.send(request)
        except Denied as error:
            return error.problem.code
        return ""

    async def _ask(self, path: str, body: object, kind: type[_T]) -> _T:
        async with Channel(self.address, verifying(time.time)) as channel:
            return await channel.ask(path, body, kind)

    def opens(self, header: bytes) -> bytes:
        """The file key in a header that is sealed to this runner."""
        return wrapping.unwrap(headers.parse(header), [self.keys.sealing]).file_key


def certificate(name: str = "keyring.cocoonfleet.io") -> tls.Identity:
    """A TLS key that no evidence names."""
    return tls.make_identity(name, datetime.now(UTC))
