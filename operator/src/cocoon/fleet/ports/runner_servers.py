"""Runners over HTTPS. The first connection trusts nobody; all later ones are pinned to the attested certificate."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import Final, Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Struct

from cocoon.api.evidence import MAXIMUM_BYTES, EvidenceRequest
from cocoon.api.resources import Json
from cocoon.api.runner import (
    Acknowledgement,
    Cancellation,
    EventPage,
    JobAssignment,
    JobProgress,
    ModelAssignment,
    ModelList,
    ModelState,
    Problem,
    Standing,
)
from cocoon.attest.tls import Identity, load
from cocoon.fleet.ports.failures import Busy, Failure, Gone, Refused, failure_of
from cocoon.fleet.ports.servers import Place, Shown

DEADLINE: Final = aiohttp.ClientTimeout(total=10, connect=4)
EVENTS_DEADLINE: Final = aiohttp.ClientTimeout(total=45, connect=4)
#: To one runner: the long poll, and some calls beside it. A burst of jobs shares them rather than shake hands for each.
CONNECTIONS: Final = 8
#: A page of events can carry several outputs of 512 KiB each.
MAXIMUM_ANSWER: Final = 64 << 20
Answer = TypeVar("Answer")
_JSON: Final = {"Content-Type": "application/json"}


class _Pinned(Struct, frozen=True):
    """A pool whose every connection must show one certificate; the connector checks it before a byte is sent."""

    digest: bytes
    session: aiohttp.ClientSession


class _Witness(aiohttp.Fingerprint):
    """Lets the connection's certificate pass and keeps it: a short answer can end its connection before one looks."""

    def __init__(self) -> None:
        super().__init__(bytes(32))
        self.certificate = b""

    def check(self, transport: asyncio.Transport) -> None:
        """Called by the connector with each new connection, of which there is one."""
        self.certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""


class RunnerServers:
    """An adapter of `Servers`; use it as an async context manager."""

    def __init__(self, identity: Identity) -> None:
        self._tls = _context(identity)
        self._pinned: dict[str, _Pinned] = {}

    async def __aenter__(self) -> Self:
        """Nothing is open before a server is attested."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        for uid in list(self._pinned):
            await self.forget(uid)

    async def evidence(self, place: Place, nonce: bytes) -> Shown:
        """Evidence, and the certificate of the connection it came over: a fresh one, used for nothing else."""
        body = msgspec.json.encode(EvidenceRequest(nonce))
        witness = _Witness()
        connector = aiohttp.TCPConnector(force_close=True, ssl=witness)
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=DEADLINE) as session:
                request = session.post(_url(place, "/v1/evidence"), data=body, headers=_JSON, ssl=self._tls)
                async with request as answer:
                    return Shown(await _read(answer, MAXIMUM_BYTES), witness.certificate)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _no_contact(error) from error

    async def pin(self, place: Place, certificate: bytes) -> None:
        """Speak to this server over this certificate only."""
        digest = hashlib.sha256(certificate).digest()
        known = self._pinned.get(place.uid)
        if known and known.digest == digest:
            return
        await self.forget(place.uid)
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=aiohttp.Fingerprint(digest))
        self._pinned[place.uid] = _Pinned(digest, aiohttp.ClientSession(connector=connector, timeout=DEADLINE))

    def pinned(self, uid: str) -> bool:
        """Whether a certificate is known."""
        return uid in self._pinned

    async def forget(self, uid: str) -> None:
        """Close what is open to it."""
        known = self._pinned.pop(uid, None)
        if known:
            await known.session.close()

    async def models(self, place: Place) -> ModelList:
        """The models that the server holds."""
        return await self._call(place, "GET", "/v1/models", ModelList)

    async def load(self, place: Place, model: ModelAssignment) -> ModelState:
        """Have a model fetched, checked and loaded."""
        return await self._call(place, "PUT", f"/v1/models/{quote(model.name, safe='')}", ModelState, model)

    async def push(self, place: Place, job: JobAssignment) -> JobProgress:
        """Start an attempt; one that the runner knows with other terms is as good as one with these."""
        path = f"/v1/jobs/{job.uid}/{job.attempt}"
        try:
            return await self._call(place, "PUT", path, JobProgress, job)
        except Gone as gone:
            if "409" not in str(gone):
                raise
            return await self._call(place, "GET", path, JobProgress)

    async def cancel(self, place: Place, attempt: str, why: Cancellation) -> None:
        """Stop an attempt; one that is not there needs no stopping."""
        try:
            await self._call(place, "DELETE", f"/v1/jobs/{attempt}", None, why)
        except Gone:
            return

    async def events(self, place: Place, after: int, *, wait: bool = True) -> EventPage:
        """The events after this number; a runner that does not know `wait` waits all the same."""
        path = f"/v1/events?after={after}" if wait else f"/v1/events?after={after}&wait=0"
        return await self._call(place, "GET", path, EventPage, timeout=EVENTS_DEADLINE)

    async def acknowledge(self, place: Place, up_to: int) -> None:
        """Let the runner forget."""
        await self._call(place, "POST", "/v1/events/ack", None, Acknowledgement(up_to))

    async def confirm(self, place: Place, attempts: tuple[str, ...]) -> None:
        """Say which attempts still stand."""
        await self._call(place, "POST", "/v1/standing", None, Standing(attempts))

    async def _call(  # noqa: PLR0913, PLR0917 - place, method, path, answer, body and deadline are what an HTTP call is
        self,
        place: Place,
        method: str,
        path: str,
        kind: type[Answer] | None,
        body: Json = None,
        timeout: aiohttp.ClientTimeout = DEADLINE,  # noqa: ASYNC109 - aiohttp's own deadline, not a cancel scope
    ) -> Answer:
        known = self._pinned.get(place.uid)
        if known is None:
            raise Busy("This server was not attested yet.")
        sent = None if body is None else msgspec.json.encode(body)
        try:
            url = _url(place, path)
            request = known.session.request(method, url, data=sent, headers=_JSON, timeout=timeout, ssl=self._tls)
            async with request as answer:
                found: Answer = _parsed(await _read(answer, MAXIMUM_ANSWER), kind)
                return found
        except aiohttp.ServerFingerprintMismatch as error:
            raise Gone("The runner shows another certificate than the one that was attested.") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _no_contact(error) from error


def _context(identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # evidence binds the key; nobody else could vouch for it
    load(context, identity)
    return context


def _url(place: Place, path: str) -> str:
    host = f"[{place.address}]" if ":" in place.address else place.address
    return f"https://{host}:{place.port}{path}"


async def _read(answer: aiohttp.ClientResponse, maximum: int) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_any():
        raw += chunk
        if len(raw) > maximum:
            raise Refused(f"The runner's answer has more than {maximum} bytes.")
    if answer.status >= 300:
        raise _failure(answer.status, bytes(raw))
    return bytes(raw)


def _failure(status: int, raw: bytes) -> Failure:
    try:
        problem = msgspec.json.decode(raw, type=Problem)
    except (msgspec.MsgspecError, UnicodeError):
        return failure_of(status, f"{status}: the runner gave no reason")
    return failure_of(status, f"{status}: {problem.code}: {problem.detail[:500]}")


def _parsed(raw: bytes, kind: type[Answer] | None) -> Json:
    if kind is None:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Refused(f"The runner's answer can't be read: {str(error)[:200]}") from error


def _no_contact(error: Exception) -> Busy:
    return Busy(f"The runner does not answer: {type(error).__name__}: {str(error)[:200]}")
