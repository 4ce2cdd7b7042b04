"""Runners in memory: real keys, evidence and receipts; a timer in place of Triton. And the port to reach them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from cocoon.api.money import Usage, cost
from cocoon.api.receipts import Claims, Outcome, ReceiptModel
from cocoon.api.runner import (
    Cancellation,
    Event,
    EventPage,
    Finished,
    JobAssignment,
    JobPhase,
    JobProgress,
    ModelAssignment,
    ModelList,
    ModelState,
    Started,
)
from cocoon.attest import bundle as bundles
from cocoon.attest import receipts
from cocoon.attest.collect import Collector, SoftwareCollector
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.ports.failures import Busy, Gone
from cocoon.fleet.ports.servers import Place, Shown
from cocoon.runner.keys import make_keys

if TYPE_CHECKING:
    from tests.scenario.world import World

PATIENCE = 60.0
POLL = 30.0
LATENCY = 0.002


class FakeRunner:
    """One runner. `work` is how long (seconds) an attempt takes; `reachable` whether the operator gets through."""

    def __init__(self, now: Callable[[], float], payee: str, provider_uid: str, node: str) -> None:
        self._now = now
        self._payee = payee
        self._provider = provider_uid
        self.node = node
        self.work = 5.0
        self.items = 3
        self.done = 0
        """How many items an attempt has answered that is cancelled."""
        self.reachable = True
        self.alive = True
        self._tee: Collector | None = None
        self.fails: tuple[str, str] | None = None
        """What attempts end with instead of answers: a code and a sentence."""
        self.load_fails = False
        self.keeps_evidence = True
        self._bundles: dict[str, bytes] = {}
        self.receipts_name = ""
        """The uid of the job that its receipts are of, if it is not the one that it worked for."""
        self.loses_receipts = False
        """Whether what attempts come to is lost, but not that they ended."""
        self.models: dict[str, ModelState] = {}
        self.assigned: dict[str, JobAssignment] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._withheld: set[str] = set()
        self._events: list[Event] = []
        self._number = 0
        self._sequence = 0
        self._acknowledged = 0
        self._contact = now()
        self._stood = True
        self.acknowledged_attempts: set[str] = set()
        self._news = asyncio.Event()
        self._collector: Collector
        self.restart()

    def restart(self) -> None:
        """New keys and a new boot; what ran was never here, what was not acknowledged is kept."""
        self.keys = make_keys(datetime.fromtimestamp(self._now(), UTC))
        self._evidence = ""
        self._collector = self._tee or SoftwareCollector(now=self._now, lifetime=7200.0)
        self.boot = os.urandom(4).hex()
        self._previous = ""
        self._sequence = 0
        self.models = {}
        for attempt in list(self._timers):
            self._timers.pop(attempt).cancel()
            del self.assigned[attempt]
        self._news.set()
        self._news = asyncio.Event()

    def runs_in(self, tee: Collector) -> None:
        """It shows this TEE's evidence from now on."""
        self._tee = self._collector = tee

    @property
    def certificate(self) -> bytes:
        return x509.load_pem_x509_certificate(self.keys.tls.certificate).public_bytes(Encoding.DER)

    @property
    def drained(self) -> bool:
        """Whether nothing runs and nothing waits to be acknowledged; a dead one has nothing to say."""
        return not self.alive or (not self._timers and not any(isinstance(each, Finished) for each in self._events))

    # --- its API ---

    def call(self) -> None:
        """The operator calls. Raises Busy if it does not get through."""
        if not (self.alive and self.reachable):
            raise Busy("The runner does not answer.")
        if self._now() - self._contact > PATIENCE:
            self._stood = False
        self._contact = self._now()

    async def evidence(self, nonce: bytes) -> bytes:
        bundle = await self._collector.collect(nonce, self.keys.public, self._payee)
        self._previous = self._previous or bundles.digest(bundle)
        self._evidence = bundles.digest(bundle)
        self._bundles[self._evidence] = bundles.encode(bundle)
        return self._bundles[self._evidence]

    def load(self, model: ModelAssignment) -> ModelState:
        if self.load_fails:
            state = ModelState(model.name, model.sha256, "Failed", "DigestMismatch", "It is another model.")
        else:
            state = ModelState(model.name, model.sha256, "Ready", load_seconds=1.0)
        self.models[model.name] = state
        return state

    def push(self, job: JobAssignment) -> JobProgress:
        attempt = f"{job.uid}/{job.attempt}"
        phase: JobPhase = "Finished" if attempt in self.assigned and attempt not in self._timers else "Running"
        if attempt not in self.assigned:
            self._start(attempt, job)
        return JobProgress(job.uid, job.attempt, phase, Usage())

    def _start(self, attempt: str, job: JobAssignment) -> None:
        self.assigned[attempt] = job
        self._emit(Started(self._next(), job.uid, job.attempt, self._now()))
        self._timers[attempt] = asyncio.get_running_loop().call_later(self.work, self._done, attempt)

    def cancel(self, attempt: str, why: Cancellation) -> None:
        if attempt not in self.assigned:
            raise Gone("404: never assigned")
        if attempt in self._timers:
            self._timers[attempt].cancel()
            outcome: Outcome = "Cancelled" if why.final else "Interrupted"
            self._finish(attempt, outcome, self.done, (why.reason, "It was cancelled."))

    async def events(self, after: int, *, wait: bool) -> EventPage:
        boot = self.boot
        if wait and not any(event.number > after for event in self._events):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):  # wait_for can lose a cancellation (Python 3.11)
                    await self._news.wait()
        self.call()
        if boot != self.boot:
            raise Busy("The connection broke.")
        remaining = PATIENCE if self._stood else -1.0
        newer = tuple(event for event in self._events if event.number > after)
        earlier = self._evidence_of(newer) if self.keeps_evidence else ()
        return EventPage(self.boot, newer, tuple(self._timers), self._now() + remaining, earlier)

    def _evidence_of(self, events: tuple[Event, ...]) -> tuple[bytes, ...]:
        """What speaks for the keys of earlier starts."""
        claims = [claims_of(event.receipt) for event in events if isinstance(event, Finished)]
        names = {each.evidence_sha256 for each in claims if each is not None} - {self._evidence}
        return tuple(self._bundles[name] for name in sorted(names))

    def acknowledge(self, up_to: int) -> None:
        for event in self._events:
            if isinstance(event, Finished) and event.number <= up_to:
                self.acknowledged_attempts.add(f"{event.uid}/{event.attempt}")
        self._events = [event for event in self._events if event.number > up_to]

    def stand(self, attempts: tuple[str, ...]) -> None:
        self._stood = True
        for attempt in sorted(self._withheld):
            outcome: Outcome = "Succeeded" if attempt in attempts else "Interrupted"
            self._finish(attempt, outcome, self.items if attempt in attempts else 0, None)
        self._withheld.clear()

    # --- its work ---

    def _done(self, attempt: str) -> None:
        if not self.alive:
            return
        if self._now() - self._contact > PATIENCE or not self._stood:
            self._withheld.add(attempt)
            return
        if self.fails:
            self._finish(attempt, "Failed", 0, self.fails)
        else:
            self._finish(attempt, "Succeeded", self.items, None)

    def _finish(self, attempt: str, outcome: Outcome, items: int, why: tuple[str, str] | None) -> None:
        self._timers.pop(attempt, None)
        job = self.assigned[attempt]
        answers = "".join(f'{{"id":"{number}"}}\n' for number in range(items))
        digest = hashlib.sha256(answers.encode()).hexdigest()
        claims = self._claims(job, outcome, Usage(items=items), digest)
        receipt = receipts.sign(claims, self.keys.receipt)
        self._previous = receipts.link(receipt)
        code, detail = why or ("", "")
        finished = Finished(self._next(), job.uid, job.attempt, receipt, digest, len(answers), code=code, detail=detail)
        inline = outcome == "Succeeded" and job.output.uri is None
        self._emit(replace(finished, output=answers) if inline else finished)

    def _claims(self, job: JobAssignment, outcome: Outcome, usage: Usage, digest: str) -> Claims:
        now = int(self._now())
        self._sequence += 1
        public = self.keys.public.receipt
        return Claims(
            iss=receipts.thumbprint(public),
            sub=f"{job.cluster}/{self.receipts_name or job.uid}",
            jti=f"{public.hex()[:12]}-{self._sequence}",
            iat=now,
            attempt=job.attempt,
            outcome=outcome,
            namespace=job.namespace,
            name=job.name,
            provider=self._provider,
            payee=self._payee,
            model=ReceiptModel(job.model, job.model_sha256),
            input_sha256=hashlib.sha256((job.input.inline or "").encode()).hexdigest(),
            output_sha256=digest,
            usage=usage,
            price=job.price,
            budget=job.budget,
            minimum_trust=job.minimum_trust,
            spec_sha256=job.spec_sha256,
            cost=str(cost(job.price, usage)),
            started=now,
            finished=now,
            evidence_sha256=self._evidence,
            trust=self._collector.trust,
            seq=self._sequence - 1,
            prev=self._previous,
        )

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _emit(self, event: Event) -> None:
        if self.loses_receipts and isinstance(event, Finished):
            return
        self._events.append(event)
        self._news.set()
        self._news = asyncio.Event()


class FakeServers:
    """The port, by addresses of the world's runners."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pins: dict[str, bytes] = {}

    async def evidence(self, place: Place, nonce: bytes) -> Shown:
        runner = await self._reach(place)
        return Shown(await runner.evidence(nonce), runner.certificate)

    async def pin(self, place: Place, certificate: bytes) -> None:
        self._pins[place.uid] = certificate

    def pinned(self, uid: str) -> bool:
        return uid in self._pins

    async def forget(self, uid: str) -> None:
        self._pins.pop(uid, None)

    async def models(self, place: Place) -> ModelList:
        return ModelList(tuple((await self._known(place)).models.values()))

    async def load(self, place: Place, model: ModelAssignment) -> ModelState:
        return (await self._known(place)).load(model)

    async def push(self, place: Place, job: JobAssignment) -> JobProgress:
        progress = (await self._known(place)).push(job)
        await self._world.after_call("push", f"{job.uid}/{job.attempt}")
        return progress

    async def cancel(self, place: Place, attempt: str, why: Cancellation) -> None:
        try:
            (await self._known(place)).cancel(attempt, why)
        except Gone:
            return

    async def events(self, place: Place, after: int, *, wait: bool = True) -> EventPage:
        return await (await self._known(place)).events(after, wait=wait)

    async def acknowledge(self, place: Place, up_to: int) -> None:
        (await self._known(place)).acknowledge(up_to)

    async def confirm(self, place: Place, attempts: tuple[str, ...]) -> None:
        (await self._known(place)).stand(attempts)

    async def _reach(self, place: Place) -> FakeRunner:
        await asyncio.sleep(LATENCY)
        runner = self._world.runners.get(place.uid)
        if runner is None:
            raise Busy("Nobody listens there.")
        runner.call()
        return runner

    async def _known(self, place: Place) -> FakeRunner:
        runner = await self._reach(place)
        if self._pins.get(place.uid) != runner.certificate:
            raise Gone("another certificate")
        return runner
