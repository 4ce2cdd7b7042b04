"""The attempts of this runner, by `uid/attempt`: none is done twice, and none is forgotten before it is receipted."""

from __future__ import annotations

import asyncio
import hashlib
import logging

import msgspec

from cocoon.api.money import Usage, parse_nanoton
from cocoon.api.receipts import Outcome
from cocoon.api.runner import Cancellation, JobAssignment, JobProgress, Problem
from cocoon.api.trust import Trust
from cocoon.runner.attempt import Attempt
from cocoon.runner.endings import CANCELLED, CONTACT_LOST, DRAINING, Stopped, interrupted
from cocoon.runner.events import key_of
from cocoon.runner.surroundings import Surroundings

_log = logging.getLogger(__name__)


class Jobs:
    """Holds attempts until they are finished; afterwards the events remember them."""

    def __init__(self, around: Surroundings, trust: Trust) -> None:
        self._around = around
        self._trust = trust
        self._held: dict[str, Attempt] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.draining = False

    @property
    def running(self) -> tuple[str, ...]:
        """`uid/attempt` of everything whose end is not among the events."""
        return tuple(key for key in self._held if self._around.events.ending_of(key) is None)

    def progress(self, uid: str, attempt: int) -> JobProgress | None:
        """How far an attempt is; None if it was never known here."""
        key = key_of(uid, attempt)
        if key in self._held:
            return self._held[key].progress
        return None if self._around.events.ending_of(key) is None else _finished(uid, attempt)

    def start(self, job: JobAssignment) -> tuple[int, JobProgress] | Problem:
        """Begin an attempt: 201, or 200 if it is known with the same assignment."""
        key, body = key_of(job.uid, job.attempt), digest(job)
        known = self._held[key].body if key in self._held else self._around.events.ending_of(key)
        if known is not None:
            if known != body:
                return Problem("AttemptDiffers", "This attempt is known with another assignment.", 409)
            return 200, self.progress(job.uid, job.attempt) or _finished(job.uid, job.attempt)
        if (problem := self._problem(job)) is not None:
            return problem
        attempt = Attempt(job, body, self._around.models.by_name[job.model], self._around)
        self._begin(key, attempt)
        return 201, attempt.progress

    def _problem(self, job: JobAssignment) -> Problem | None:
        settings = self._around.settings
        if (problem := _form_problem(job)) is not None:
            return problem
        if self.draining:
            return Problem("Draining", "The server is shutting down; bind the job elsewhere.", 503)
        if settings.namespace and job.namespace != settings.namespace:
            return Problem("NamespaceRefused", f"This server is for the namespace {settings.namespace} alone.", 403)
        if job.provider_uid != settings.provider_uid:
            return Problem("ProviderMismatch", "This server belongs to another provider.", 403)
        if not self._trust.satisfies(job.minimum_trust):
            return Problem("TrustTooLow", f"The job asks for {job.minimum_trust} trust; this is {self._trust}.", 403)
        return self._model_problem(job)

    def _model_problem(self, job: JobAssignment) -> Problem | None:
        model = self._around.models.by_name.get(job.model)
        if model is None:
            return Problem("ModelUnknown", f"The model {job.model!r} is not assigned to this server.", 404)
        if model.assignment.sha256 != job.model_sha256:
            return Problem("ModelMismatch", f"This server holds {job.model!r} with another digest.", 409)
        if not job.price.by_items and model.assignment.meter.unit != "Tokens" and _has_price(job):
            return Problem("PriceUnitMismatch", "The price counts tokens and the model is metered in items.", 422)
        return None

    def _begin(self, key: str, attempt: Attempt) -> None:
        self._held[key] = attempt
        self._quiet.clear()
        self._around.metrics.running.set(len(self._held))
        task = asyncio.create_task(attempt.run())
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._end(key, done))

    def _end(self, key: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("attempt ended without a receipt", extra={"attempt": key}, exc_info=error)
        del self._held[key], self._tasks[key]
        self._around.metrics.running.set(len(self._held))
        if not self._held:
            self._quiet.set()

    def cancel(self, uid: str, attempt: int, cancellation: Cancellation) -> JobProgress | None:
        """End an attempt early; None if it was never known here."""
        held = self._held.get(key_of(uid, attempt))
        if held is not None:
            outcome: Outcome = "Cancelled" if cancellation.final else "Interrupted"
            held.stop(Stopped(CANCELLED, cancellation.reason[:500], outcome))
        return self.progress(uid, attempt)

    def stand(self, attempts: tuple[str, ...]) -> None:
        """These attempts still stand; others that were there when contact was lost do not."""
        contact = self._around.contact
        if not contact.awaits_standing:
            return
        for key, attempt in self._held.items():
            if key in attempts:
                attempt.stands_at = contact.losses
            elif attempt.stands_at < contact.losses:
                attempt.stop(
                    interrupted(CONTACT_LOST, "The server was out of contact, and the attempt was given up meanwhile.")
                )
        contact.stood()

    def uses(self, model: str) -> bool:
        """Whether an unfinished attempt is for this model."""
        return any(attempt.assignment.model == model for attempt in self._held.values())

    async def quiet(self) -> None:
        """Wait until nothing runs."""
        await self._quiet.wait()

    async def drain(self) -> None:
        """Interrupt everything that still runs, and wait for its receipts."""
        for attempt in list(self._held.values()):
            attempt.stop(interrupted(DRAINING, "The server was shut down before the job was done."))
        await self._quiet.wait()

    async def close(self) -> None:
        """Drop everything that runs, as a crash would."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def digest(job: JobAssignment) -> str:
    """What makes two assignments the same."""
    return hashlib.sha256(msgspec.json.encode(job, order="deterministic")).hexdigest()


def _finished(uid: str, attempt: int) -> JobProgress:
    return JobProgress(uid, attempt, "Finished", Usage())


def _has_price(job: JobAssignment) -> bool:
    return any(rate > 0 for rate in job.price.rates())


def _form_problem(job: JobAssignment) -> Problem | None:
    if (job.input.inline is None) == (job.input.uri is None) or (job.input.uri and not job.input.sha256):
        return Problem("InvalidAssignment", "The input is exactly one of `inline`, or `uri` with `sha256`.", 422)
    if (job.output.config_map is None) == (job.output.uri is None):
        return Problem("InvalidAssignment", "The output is exactly one of `configMap` or `uri`.", 422)
    if job.parallelism < 1 or job.attempt < 1:
        return Problem("InvalidAssignment", "`parallelism` and `attempt` begin at 1.", 422)
    return _money_problem(job)


def _money_problem(job: JobAssignment) -> Problem | None:
    try:
        job.price.rates()
        parse_nanoton(job.budget or "0")
    except ValueError as error:
        return Problem("InvalidAssignment", f"The price or the budget is wrong: {error}.", 422)
    return None
