"""The payout service over HTTP.

Receipts that are handed in while others are on their way wait and go together in the next call. A receipt whose key the
service does not know, or not at that time, is handed in again together with its evidence.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Struct

from cocoon.api.money import NanoTon, Price, parse_nanoton
from cocoon.api.payout import (
    MOST_RECEIPTS,
    BulkAnswer,
    BulkItem,
    BulkReport,
    ClientAccounts,
    EarningsPage,
    OwnerTerms,
    OwnerTermsList,
    PayoutProblem,
    WorkReport,
)
from cocoon.attest import bundle as bundles
from cocoon.attest.receipts import thumbprint
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.ports.failures import Busy, Failure, Refused, failure_of
from cocoon.fleet.ports.payout import Failing, Postponed, Report

DEADLINE: Final = aiohttp.ClientTimeout(total=10, connect=4)
#: How long a receipt that was postponed is left alone, in seconds.
POSTPONED: Final = 60.0
#: Refusals that evidence can cure.
_CURABLE: Final = frozenset(("UnknownKey", "EvidenceExpired"))
_MOST_ANSWER: Final = 16 << 20
Answer = TypeVar("Answer")


class Address(Struct, frozen=True):
    """Where the service is and as whom to call: `cluster` as receipts name it; the token file is read for each call."""

    url: str
    cluster: str
    token_file: str = ""
    ca_file: str = ""


class _Waiting(Struct):
    report: WorkReport
    answer: asyncio.Future[BulkItem]


class PayoutService:
    """An adapter of `Payout`; an async context manager. `evidence` finds the bundle of a digest, if it is known."""

    configured = True

    def __init__(self, address: Address, evidence: Callable[[str], bytes | None]) -> None:
        self._address = address
        self._evidence = evidence
        self._waiting: list[_Waiting] = []
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open a pool of connections; nothing is called yet."""
        address = self._address
        tls = await asyncio.to_thread(ssl.create_default_context, cafile=address.ca_file or None)
        connector = aiohttp.TCPConnector(ssl=tls, limit=8)
        self._session = aiohttp.ClientSession(address.url, connector=connector, timeout=DEADLINE)
        self._sender = asyncio.create_task(self._send_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections; who still waits is told that the service is busy."""
        self._sender.cancel()
        with suppress(asyncio.CancelledError):
            await self._sender
        _fail(self._waiting, Busy("The operator stops."))
        await self._session.close()

    async def report(self, receipt: str, price: Price | None = None) -> Report:
        """Hand in one receipt, and its evidence if that is what is missing."""
        item = await self._hand_in(WorkReport(receipt, price))
        problem = item.problem
        if problem is not None and problem.code in _CURABLE:
            refusal = await self._cure(receipt)
            item = BulkItem(422, problem=refusal) if refusal else await self._hand_in(WorkReport(receipt, price))
        return _report(item)

    async def _cure(self, receipt: str) -> PayoutProblem | None:
        """Register the evidence that a receipt names; why it is not trusted, if that is so."""
        claims = claims_of(receipt)
        bundle = self._evidence(claims.evidence_sha256) if claims else None
        if bundle is None:
            return None
        try:
            await self.register(bundle)
        except Refused as refused:
            return PayoutProblem("EvidenceRefused", str(refused), 422)
        return None

    async def register(self, bundle: bytes) -> None:
        """Hand in a bundle under the key that it is of."""
        key = thumbprint(bundles.decode(bundle).keys.receipt)
        await self._call("PUT", f"/v1/servers/{key}/evidence", bundle)

    async def credit(self) -> Mapping[str, NanoTon]:
        """What each of this cluster's namespaces may still spend."""
        raw = await self._call("GET", f"/v1/clients/{self._cluster}")
        return {each.namespace: parse_nanoton(each.available) for each in _decode(raw, ClientAccounts).clients}

    async def terms(self, terms: Sequence[OwnerTerms]) -> None:
        """Tell how providers want to be paid."""
        body = msgspec.json.encode(OwnerTermsList(tuple(terms)))
        await self._call("PUT", f"/v1/owners/{self._cluster}/terms", body)

    async def earnings(self, cursor: str = "") -> EarningsPage:
        """What changed since the cursor was given out."""
        path = f"/v1/owners/{self._cluster}/earnings?cursor={quote(cursor, safe='')}"
        return _decode(await self._call("GET", path), EarningsPage)

    @property
    def _cluster(self) -> str:
        return quote(self._address.cluster, safe="")

    async def _hand_in(self, report: WorkReport) -> BulkItem:
        waiting = _Waiting(report, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._more.set()
        return await waiting.answer

    async def _send_for_ever(self) -> None:
        while True:
            await self._more.wait()
            batch, self._waiting = self._waiting[:MOST_RECEIPTS], self._waiting[MOST_RECEIPTS:]
            if not self._waiting:
                self._more.clear()
            try:
                await self._send(batch)
            except asyncio.CancelledError:
                _fail(batch, Busy("The operator stops."))
                raise
            except Failure as failure:
                _fail(batch, failure if isinstance(failure, Busy) else Failing(str(failure)))

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        """One call. A refusal of the call is none of its receipts: it means that the service is not to be had."""
        body = msgspec.json.encode(BulkReport(tuple(each.report for each in batch)))
        raw = await self._call("POST", f"/v1/work/{self._cluster}", body)
        answers = _decode(raw, BulkAnswer).answers
        if len(answers) != len(batch):
            raise Busy("The payout service answered about other receipts than it was handed.")
        for each, item in zip(batch, answers, strict=True):
            if not each.answer.done():
                each.answer.set_result(item)

    async def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        try:
            headers = {"Content-Type": "application/json", **await self._token()}
            async with self._session.request(method, path, data=body, headers=headers) as answer:
                raw = await answer.content.read(_MOST_ANSWER)
                while not answer.content.at_eof() and len(raw) < _MOST_ANSWER:
                    raw += await answer.content.read(_MOST_ANSWER)
                status = answer.status
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Busy(f"The payout service does not answer: {type(error).__name__}.") from error
        if status >= 300:
            failure = failure_of(status, _why(status, raw))
            raise Failing(str(failure)) if isinstance(failure, Busy) else Refused(str(failure))
        return raw

    async def _token(self) -> dict[str, str]:
        """Kubernetes renews the file's content."""
        if not self._address.token_file:
            return {}
        token = await asyncio.to_thread(Path(self._address.token_file).read_text)
        return {"Authorization": f"Bearer {token.strip()}"}


def _report(item: BulkItem) -> Report:
    """The last word on a receipt. Raises Postponed if it has not been said."""
    if item.answer is not None:
        if item.answer.state == "Superseded":
            return Report("Superseded", f"Another receipt of this job is paid: {item.answer.accepted}.")
        return Report("Accepted", f"The payout service took it: {item.answer.cost} nanoTON.")
    problem = item.problem or PayoutProblem("NoAnswer", "The payout service gave no reason.", item.status, retry=True)
    if problem.retry or problem.code in _CURABLE:
        raise Postponed(f"{problem.code}: {problem.detail}", POSTPONED)
    return Report("Refused", f"{problem.code}: {problem.detail}")


def _decode(raw: bytes, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError:
        raise Busy("The payout service's answer can't be read.") from None


def _why(status: int, raw: bytes) -> str:
    try:
        problem = msgspec.json.decode(raw, type=PayoutProblem)
    except msgspec.MsgspecError:
        return f"The payout service answers {status}."
    return f"The payout service answers {status} {problem.code}: {problem.detail}"


def _fail(batch: Sequence[_Waiting], failure: Failure) -> None:
    for each in batch:
        if not each.answer.done():
            each.answer.set_exception(failure)
