"""A connection to a TEE that is believed for its evidence alone: certificates here are self-signed, and nobody's word.

The first connection asks for evidence with a nonce of ours. It is believed if the evidence fits the policy, answers the
nonce, and names the very TLS key that the connection was made with. Every later connection must show the same key. So
a stolen certificate, another TEE's evidence, and evidence from before are all refused.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, Self, TypeVar

import aiohttp
import msgspec

from cocoon.api.evidence import MAXIMUM_BYTES, NONCE_BYTES, Bundle, EvidenceRequest, Verdict
from cocoon.api.runner import Problem
from cocoon.attest import bundle as bundles
from cocoon.attest import tls
from cocoon.attest.collateral import NONE
from cocoon.attest.library import Library
from cocoon.attest.policy import Policy
from cocoon.attest.verify import verify

DEADLINE: Final = aiohttp.ClientTimeout(total=30, connect=5)
#: Seconds for collateral.
PATIENCE: Final = 20.0
#: What says of evidence (raw bytes, the nonce asked with, a policy) whether it is trusted.
Judge = Callable[[bytes, bytes, Policy], Awaitable[Verdict]]
Answer = TypeVar("Answer")


def verifying(now: Callable[[], float], library: Library | None = None) -> Judge:
    """Verdicts made off the event loop; `now` gives seconds since 1970. Without a library, by the evidence alone."""

    async def judge(raw: bytes, nonce: bytes, policy: Policy) -> Verdict:
        collateral = await library.collect_within(PATIENCE, raw) if library is not None else NONE
        return await asyncio.to_thread(verify, raw, nonce, policy, now(), collateral)

    return judge


class Distrusted(Exception):
    """The peer does not prove what it must; the message names every reason."""


class Unreachable(Exception):
    """The peer does not answer, or not in its protocol: nothing is known of it."""


class Denied(Exception):
    """The peer refused a call."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem


class _Pin(aiohttp.Fingerprint):
    """Checks the key of each new connection, before a byte is sent; the first one sets it."""

    def __init__(self) -> None:
        super().__init__(bytes(32))
        self.spki = b""

    def check(self, transport: asyncio.Transport) -> None:
        """Called by the connector with each new connection."""
        shown = tls.spki_digest(transport.get_extra_info("ssl_object").getpeercert(binary_form=True))
        if self.spki and shown != self.spki:
            raise aiohttp.ServerFingerprintMismatch(self.spki, shown, "", 0)
        self.spki = shown


class Channel:
    """One peer, at an https address. Nothing may be asked of it before `attest`; use as an async context manager."""

    def __init__(self, address: str, judge: Judge) -> None:
        if not address.startswith("https://"):
            raise Unreachable(f"{address} is no https address.")
        self._address = address.rstrip("/")
        self._judge = judge
        self._tls = _context()
        self._pin = _Pin()
        self.peer: Bundle | None = None
        self.verdict: Verdict | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._pin)
        self._session = aiohttp.ClientSession(connector=connector, timeout=DEADLINE)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @property
    def spki(self) -> bytes:
        """SHA-256 of the public key that the peer's certificate holds, once there was a connection."""
        return self._pin.spki

    async def attest(self, policy: Policy) -> Bundle:
        """The peer's evidence, believed. Raises Distrusted, Denied or Unreachable."""
        nonce = os.urandom(NONCE_BYTES)
        raw = await self._send("POST", "/v1/evidence", EvidenceRequest(nonce))
        verdict = await self._judge(raw, nonce, policy)
        if not verdict.trusted:
            raise Distrusted(" ".join(reason.message for reason in verdict.reasons))
        self.accept(bundles.decode(raw))
        self.verdict = verdict
        assert self.peer is not None  # noqa: S101 - accept has set it
        return self.peer

    def accept(self, bundle: Bundle) -> None:
        """Take this bundle, whose verdict the caller has, as the peer's. Raises Distrusted if it is another TEE's."""
        if bundle.keys.tls != self._pin.spki:
            raise Distrusted(
                "The evidence names another TLS key than the connection was made with: it belongs to another TEE."
            )
        self.peer = bundle

    async def ask(self, path: str, body: object, kind: type[Answer]) -> Answer:
        """POST to the peer. Raises Denied, Distrusted or Unreachable."""
        return self._read(await self._send("POST", path, body), kind)

    async def get(self, path: str, kind: type[Answer]) -> Answer:
        """GET from the peer. Raises Denied, Distrusted or Unreachable."""
        return self._read(await self._send("GET", path, None), kind)

    def _read(self, raw: bytes, kind: type[Answer]) -> Answer:
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise Unreachable(f"{self._address} answers with what can't be read: {str(error)[:200]}.") from None

    async def _send(self, method: str, path: str, body: object) -> bytes:
        try:
            request = self._session.request(
                method,
                self._address + path,
                data=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"},
                allow_redirects=False,
                ssl=self._tls,
            )
            async with request as answer:
                return await _body(answer)
        except aiohttp.ServerFingerprintMismatch:
            raise Distrusted("The peer shows another TLS key than the one its evidence named.") from None
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"{self._address} does not answer: {type(error).__name__}.") from None


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_any():
        raw += chunk
        if len(raw) > 2 * MAXIMUM_BYTES:
            raise Unreachable("The peer's answer is too large.")
    if answer.status >= 300:
        raise Denied(_problem(answer.status, bytes(raw)))
    return bytes(raw)


def _problem(status: int, raw: bytes) -> Problem:
    try:
        return msgspec.json.decode(raw, type=Problem)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Problem("NoReason", f"The peer answers HTTP {status} without a reason.", status)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # evidence binds the key; nobody else could vouch for it
    return context
