"""One simulated server: the real runner's promises with a timer in place of Triton.

Keys, evidence, receipts and their chain are real; of the items only the number and the parameter `work_ms` of the first
are looked at. Everything an attempt went through is timed, for the benchmark to read.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from cocoon.api.evidence import Bundle
from cocoon.api.money import Usage, cost
from cocoon.api.receipts import Claims, Outcome, ReceiptModel
from cocoon.api.runner import (
    Event,
    EventPage,
    Finished,
    JobAssignment,
    JobPhase,
    JobProgress,
    ModelAssignment,
    ModelState,
    Started,
)
from cocoon.attest import bundle as bundles
from cocoon.attest import receipts
from cocoon.attest.collect import SoftwareCollector
from cocoon.runner.keys import make_keys

#: How long a runner stands without another call, in seconds.
STANDING = 60.0


class Parameters(Struct):
    """What the stub reads of an item."""

    work_ms: int = 0


class Item(Struct):
    """One line of input."""

    parameters: Parameters


_ITEM = msgspec.json.Decoder(Item)


class Timing(Struct):
    """When (seconds since 1970) an attempt came, was done and was acknowledged, and the slots it took."""

    name: str
    attempt: int
    slots: int
    started: float
    finished: float = 0.0
    acknowledged: float = 0.0


class Terms(Struct, frozen=True):
    """What the Pod's environment fixes for its runner."""

    payee: str
    provider_uid: str


class StubServer:
    """The state of one server from its start on; times are the machine's clock."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.keys = make_keys(datetime.now(UTC))
        self._collector = SoftwareCollector()
        self._evidence = ""
        self.models: dict[str, ModelState] = {}
        self._slots: dict[str, int] = {}
        self._assigned: dict[str, JobAssignment] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.timings: dict[str, Timing] = {}
        self._events: list[Event] = []
        self._number = 0
        self._changed = asyncio.Event()
        self._sequence = 0
        self._previous = ""
        self.most_slots = 0

    # ---- trust

    async def evidence(self, nonce: bytes) -> Bundle:
        """A fresh bundle; receipts refer to what all of this start's bundles have in common."""
        bundle = await self._collector.collect(nonce, self.keys.public, self._terms.payee)
        if not self._evidence:
            self._evidence = self._previous = bundles.digest(bundle)
        return bundle

    # ---- models

    def load(self, model: ModelAssignment) -> ModelState:
        """Loads at once."""
        state = ModelState(name=model.name, sha256=model.sha256, state="Ready")
        self.models[model.name] = state
        self._slots[model.name] = model.max_concurrency
        return state

    # ---- jobs

    def start(self, job: JobAssignment) -> tuple[JobProgress, int]:
        """Begin an attempt; answers its progress and the HTTP status: 201 new, 200 the same, 409 other terms."""
        attempt = f"{job.uid}/{job.attempt}"
        known = self._assigned.get(attempt)
        if known is not None:
            return self.progress(attempt), 200 if known == job else 409
        lines = (job.input.inline or "").splitlines()
        self._assigned[attempt] = job
        self.timings[attempt] = Timing(job.name, job.attempt, job.parallelism, time.time())
        self._emit(Started(self._next(), job.uid, job.attempt, time.time()))
        seconds = _ITEM.decode(lines[0]).parameters.work_ms / 1000
        self._timers[attempt] = asyncio.get_running_loop().call_later(seconds, self._finish, attempt, len(lines))
        self.most_slots = max(self.most_slots, sum(self._assigned[each].parallelism for each in self._timers))
        return self.progress(attempt), 201

    def cancel(self, attempt: str, *, final: bool) -> JobProgress:
        """Stop an attempt; nothing of it is done, for all items end together."""
        if attempt in self._timers:
            self._timers[attempt].cancel()
            self._finish(attempt, 0, "Cancelled" if final else "Interrupted")
        return self.progress(attempt)

    def progress(self, attempt: str) -> JobProgress:
        """How far it is. Raises KeyError for an attempt that never came."""
        job = self._assigned[attempt]
        phase: JobPhase = "Running" if attempt in self._timers else "Finished"
        return JobProgress(uid=job.uid, attempt=job.attempt, phase=phase, usage=Usage())

    def _finish(self, attempt: str, items: int, outcome: Outcome = "Succeeded") -> None:
        self._timers.pop(attempt)
        job, timing = self._assigned[attempt], self.timings[attempt]
        timing.finished = time.time()
        answers = "".join(f'{{"id":"{number}"}}\n' for number in range(items)).encode()
        receipt = self._receipt(job, timing, Usage(items=items), hashlib.sha256(answers).hexdigest(), outcome)
        finished = Finished(
            number=self._next(),
            uid=job.uid,
            attempt=job.attempt,
            receipt=receipt,
            output_sha256=hashlib.sha256(answers).hexdigest(),
            output_bytes=len(answers),
            output=None if job.output.uri else answers.decode(),
            code="" if outcome == "Succeeded" else outcome,
        )
        self._emit(finished)

    def _receipt(self, job: JobAssignment, timing: Timing, usage: Usage, output: str, outcome: Outcome) -> str:
        public = self.keys.public.receipt
        claims = Claims(
            iss=receipts.thumbprint(public),
            sub=f"{job.cluster}/{job.uid}",
            jti=f"{public.hex()[:16]}-{self._sequence}",
            iat=int(timing.finished),
            attempt=job.attempt,
            outcome=outcome,
            namespace=job.namespace,
            name=job.name,
            provider=self._terms.provider_uid,
            payee=self._terms.payee,
            model=ReceiptModel(job.model, job.model_sha256),
            input_sha256=hashlib.sha256((job.input.inline or "").encode()).hexdigest(),
            output_sha256=output,
            usage=usage,
            price=job.price,
            budget=job.budget,
            minimum_trust=job.minimum_trust,
            spec_sha256=job.spec_sha256,
            cost=str(cost(job.price, usage)),
            started=int(timing.started),
            finished=int(timing.finished),
            evidence_sha256=self._evidence,
            trust=self._collector.trust,
            seq=self._sequence,
            prev=self._previous,
        )
        receipt = receipts.sign(claims, self.keys.receipt)
        self._sequence, self._previous = self._sequence + 1, receipts.link(receipt)
        return receipt

    # ---- events

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _emit(self, event: Event) -> None:
        self._events.append(event)
        self._changed.set()

    async def events(self, after: int, seconds: float) -> EventPage:
        """The events after a number, as soon as there are any; an empty page after `seconds`."""
        if not self._events or self._events[-1].number <= after:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)
        events = tuple(event for event in self._events if event.number > after)
        return EventPage(self.keys.boot, events, tuple(self._timers), time.time() + STANDING)

    def acknowledge(self, up_to: int) -> None:
        """Forget events, and note that what they say is durable elsewhere."""
        for event in self._events:
            if event.number <= up_to and isinstance(event, Finished):
                self.timings[f"{event.uid}/{event.attempt}"].acknowledged = time.time()
        self._events = [event for event in self._events if event.number > up_to]
