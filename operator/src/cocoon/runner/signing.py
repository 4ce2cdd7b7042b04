"""Receipts: one chain per start of the runner, each link durable before anybody sees it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from typing import Final

from msgspec import Struct, structs

from cocoon.api.evidence import Tee
from cocoon.api.money import Usage
from cocoon.api.receipts import Claims, Outcome, ReceiptModel
from cocoon.api.runner import Finished, JobAssignment
from cocoon.api.trust import Trust
from cocoon.attest import bundle, receipts
from cocoon.runner.events import Events
from cocoon.runner.journal import JournalFull
from cocoon.runner.keys import KeyRing

#: SHA-256 of no output.
NOTHING: Final = hashlib.sha256(b"").hexdigest()
#: Seconds until a journal that could not be written is tried again.
RETRY: Final = 1.0
_log = logging.getLogger(__name__)


class End(Struct, frozen=True, kw_only=True):
    """How an attempt ended, as its receipt will say. Times in whole seconds since 1970; `output` for a ConfigMap."""

    assignment: JobAssignment
    body: str
    outcome: Outcome
    usage: Usage
    input_sha256: str
    output_sha256: str
    output_bytes: int
    started: int
    finished: int
    output: str | None = None
    code: str = ""
    detail: str = ""


class Signer:
    """Signs the ends of attempts and hands them to the events. `now` gives seconds since 1970."""

    def __init__(self, keys: KeyRing, tee: Tee, trust: Trust, payee: str, now: Callable[[], float]) -> None:
        public = keys.public
        self._key = keys.receipt
        self._issuer = receipts.thumbprint(public.receipt)
        self._evidence = bundle.name("runner", tee, public, payee)
        self._trust = trust
        self._payee = payee
        self._now = now
        self._sequence = 0
        self._previous = self._evidence
        self._issued = 0
        self._lock = asyncio.Lock()
        self.stuck = ""

    async def end(self, end: End, events: Events) -> None:
        """Sign, make durable and show. Waits, and says so in `stuck`, while the journal can't be written."""
        async with self._lock:
            self._issued = max(self._issued, int(self._now()), end.finished)
            receipt = receipts.sign(self._claims(end), self._key)
            while not await self._try(end, receipt, events):  # noqa: ASYNC110 - a disk has no event to wait for
                await asyncio.sleep(RETRY)
            self._sequence += 1
            self._previous = receipts.link(receipt)

    async def _try(self, end: End, receipt: str, events: Events) -> bool:
        def make(number: int) -> Finished:
            return Finished(
                number=number,
                uid=end.assignment.uid,
                attempt=end.assignment.attempt,
                receipt=receipt,
                output_sha256=end.output_sha256,
                output_bytes=end.output_bytes,
                output=end.output,
                code=end.code,
                detail=end.detail,
            )

        try:
            await events.finish(make, end.body)
        except JournalFull as error:
            if not self.stuck:
                _log.error("journal full", extra={"reason": str(error)})
            self.stuck = str(error)
            return False
        self.stuck = ""
        return True

    def _claims(self, end: End) -> Claims:
        job = end.assignment
        claims = Claims(
            iss=self._issuer,
            sub=f"{job.cluster}/{job.uid}",
            jti=f"{self._issuer}.{self._sequence}",
            iat=self._issued,
            attempt=job.attempt,
            outcome=end.outcome,
            namespace=job.namespace,
            name=job.name,
            provider=job.provider_uid,
            payee=self._payee,
            model=ReceiptModel(job.model, job.model_sha256),
            input_sha256=end.input_sha256,
            output_sha256=end.output_sha256,
            usage=end.usage,
            price=job.price,
            budget=job.budget,
            minimum_trust=job.minimum_trust,
            spec_sha256=job.spec_sha256,
            cost="0",
            started=end.started,
            finished=end.finished,
            evidence_sha256=self._evidence,
            trust=self._trust,
            seq=self._sequence,
            prev=self._previous,
        )
        return structs.replace(claims, cost=str(receipts.owed(claims)))
