"""One attempt of a job, from its model to its receipt.

    Waiting ──model ready──▶ Running ──all answered, input's digest right──▶ Publishing ──receipt durable──▶ Finished
                                └──stopped: see endings.py──────────────────────┘

Nothing leaves the runner before the whole input's digest is known to be right and the runner is in contact.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from cocoon.api.money import Usage
from cocoon.api.receipts import Outcome
from cocoon.api.runner import JobAssignment, JobPhase, JobProgress
from cocoon.runner import inputs
from cocoon.runner.account import Account
from cocoon.runner.endings import (
    DEADLINE_EXCEEDED,
    DIGEST_MISMATCH,
    OUTPUT_UNAVAILABLE,
    RUNNER_ERROR,
    Stopped,
    discreet,
    hands_over,
    interrupted,
)
from cocoon.runner.events import key_of
from cocoon.runner.forms import form_of
from cocoon.runner.items import Parser
from cocoon.runner.lines import Lines
from cocoon.runner.models import Model
from cocoon.runner.pipeline import Pipeline, Work
from cocoon.runner.replies import Replies
from cocoon.runner.settings import MAXIMUM_CONFIGMAP_BYTES
from cocoon.runner.signing import NOTHING, End
from cocoon.runner.spool import Spool
from cocoon.runner.surroundings import Surroundings
from cocoon.runner.unsealing import unsealed
from cocoon.runner.web import WebError

#: Seconds between two reports of progress, at least.
PROGRESS: Final = 1.0
_log = logging.getLogger(__name__)


class Attempt:
    """Runs once."""

    def __init__(self, assignment: JobAssignment, body: str, model: Model, around: Surroundings) -> None:
        self.assignment = assignment
        self.body = body
        self.phase: JobPhase = "Waiting"
        self.stands_at = around.contact.losses
        self.key = key_of(assignment.uid, assignment.attempt)
        self._model = model
        self._around = around
        self._accepted = around.now()
        self._started = 0.0
        self._told = 0.0
        self._stop: Stopped | None = None
        self._working: asyncio.Task[None] | None = None
        self._spool = Spool(self._place(), self._most_bytes())
        self._intake: inputs.Intake | None = None
        self._pipeline: Pipeline | None = None

    def _most_bytes(self) -> int:
        most = self._around.settings.maximum_output_bytes
        return most if self.assignment.output.uri is not None else min(most, MAXIMUM_CONFIGMAP_BYTES)

    def _place(self) -> Path:
        return self._around.settings.journal / "spool" / f"{self.assignment.uid}-{self.assignment.attempt}"

    @property
    def _sealed(self) -> bool:
        return self.assignment.input.sealed or self.assignment.output.seal_to is not None

    @property
    def usage(self) -> Usage:
        """Units so far."""
        return self._pipeline.usage if self._pipeline is not None else Usage()

    @property
    def progress(self) -> JobProgress:
        """How far it is."""
        return JobProgress(self.assignment.uid, self.assignment.attempt, self.phase, self.usage)

    def stop(self, reason: Stopped) -> None:
        """End it early. What is being handed over, or cancelled, is only called back if it must not be paid."""
        calls_back = reason.outcome == "Interrupted" and self._called_back(None) is None
        if calls_back or (self._stop is None and self.phase in ("Waiting", "Running")):
            self._stop = reason
            if self._working is not None:
                self._working.cancel()

    async def run(self) -> None:
        """Do the work, hand it over, sign for it. Always ends with a receipt."""
        try:
            ending = await self._work()
            self.phase = "Publishing"
            await self._conclude_somehow(ending)
        finally:
            self._spool.discard()
        self.phase = "Finished"
        self._around.models.compare_soon(self._model)

    # Work

    async def _work(self) -> Stopped | None:
        """Answer the items; None if all were, and the input's digest is right."""
        deadline = self.assignment.deadline
        left = None if deadline is None else deadline - self._around.now()
        try:
            async with asyncio.timeout(left) as limit:
                await self._cancellable()
        except TimeoutError:
            if not limit.expired():
                raise
            return Stopped(DEADLINE_EXCEEDED, "The job's deadline came before its last item.")
        except Exception as error:  # noqa: BLE001 - every attempt ends with a receipt, whatever happened
            return self._ending(_cause(error))
        return None

    def _ending(self, error: Exception) -> Stopped:
        match error:
            case Stopped():
                return error
            case WebError():
                return inputs.unavailable(error)
        shown = None if self._sealed else error  # its message might hold what was sealed
        _log.error("attempt failed unexpectedly", extra={"attempt": self.key, "type": type(error)}, exc_info=shown)
        return interrupted(RUNNER_ERROR, f"The runner failed: {error!r:.200}.")

    async def _cancellable(self) -> None:
        self._working = asyncio.create_task(self._process())
        try:
            if self._stop is not None:
                self._working.cancel()
            await self._working
        except asyncio.CancelledError:
            if self._stop is None:
                self._working.cancel()
                raise
            raise self._stop from None
        finally:
            self._working = None

    async def _process(self) -> None:
        job = self.assignment
        self._spool = Spool(self._place(), self._most_bytes(), form_of(job.output))
        await self._model.settled()
        self.phase = "Running"
        async with AsyncExitStack() as stack:
            self._intake = inputs.Intake(await self._input(stack))
            lines = Lines(self._content(self._intake), self._around.settings.maximum_item_bytes)
            self._pipeline = Pipeline(self._plan(lines))
            await self._pipeline.run(min(job.parallelism, self._model.assignment.max_concurrency))
            self._check_digest(self._intake)

    def _content(self, intake: inputs.Intake) -> AsyncIterator[bytes]:
        """What the client wrote, in the clear."""
        if not self.assignment.input.sealed:
            return intake
        return unsealed(self.assignment, intake, self._around.keyrings)

    def _plan(self, lines: Lines) -> Work:
        job, around = self.assignment, self._around
        settings = around.settings
        return Work(
            model=self._model,
            models=around.models,
            triton=around.triton,
            lines=lines,
            parser=Parser(job.model, self._model.signature, settings.maximum_item_bytes),
            replies=Replies(job.model, self._model.signature, int(around.now())),
            account=Account(job.price, job.budget),
            spool=self._spool,
            item_errors=job.item_errors,
            maximum_items=settings.maximum_items,
            started=self._note_start,
            progressed=self._note_progress,
        )

    async def _input(self, stack: AsyncExitStack) -> AsyncIterator[bytes]:
        source = self.assignment.input
        if source.uri is None:
            return _once((source.inline or "").encode())
        return await stack.enter_async_context(self._around.web.get(source.uri))

    def _check_digest(self, intake: inputs.Intake) -> None:
        declared = self.assignment.input.sha256
        if declared is not None and intake.digest != declared:
            detail = f"The input has the digest {intake.digest}, not {declared[:80]}; nothing of it counts."
            raise Stopped(DIGEST_MISMATCH, detail)

    def _note_start(self) -> None:
        if not self._started:
            self._started = self._around.now()
            self._around.events.started(self.assignment.uid, self.assignment.attempt, self._started)

    def _note_progress(self) -> None:
        now = self._around.now()
        if now - self._told >= PROGRESS:
            self._told = now
            self._around.events.progressed(self.assignment.uid, self.assignment.attempt, self.usage)

    # Handing over

    async def _conclude_somehow(self, ending: Stopped | None) -> None:
        """Without a receipt the operator would start the attempt again and again."""
        try:
            await self._conclude(ending)
        except Exception as error:
            if self._around.events.ending_of(self.key) is not None:
                raise
            await self._sign(self._ending(error), handed=False)

    async def _conclude(self, ending: Stopped | None) -> None:
        handed = ending is None or await self._may_hand_over(ending)
        await self._in_contact()
        ending = self._called_back(ending)
        if handed and hands_over(ending):
            self._spool.finish()
            try:
                await self._publish()
            except WebError as error:
                reason = f"The answers can't be put to the output's address: {error}."
                ending, handed = Stopped(OUTPUT_UNAVAILABLE, reason, inputs.outcome_of(error)), False
        else:
            handed = False
        await self._sign(self._called_back(ending), handed=handed)

    async def _may_hand_over(self, ending: Stopped) -> bool:
        """Whether a stopped attempt's answers may go out: only if the input is all known to be what was declared."""
        if not hands_over(ending) or not self._spool.taken:
            return False
        return await inputs.is_declared(self.assignment.input, self._intake, self._around.web)

    async def _in_contact(self) -> None:
        contact = self._around.contact
        while contact.lost or self.stands_at < contact.losses:
            if self._called_back(None) is not None:
                return
            await contact.changed()

    def _called_back(self, ending: Stopped | None) -> Stopped | None:
        if self._stop is not None and self._stop.outcome == "Interrupted":
            return self._stop
        return ending

    async def _publish(self) -> None:
        uri = self.assignment.output.uri
        if uri is not None:
            await self._around.web.put(uri, self._spool.size, self._spool.chunks)

    async def _sign(self, ending: Stopped | None, *, handed: bool) -> None:
        outcome: Outcome = "Succeeded" if ending is None else ending.outcome
        ending = discreet(ending) if ending and self._sealed else ending
        job = self.assignment
        kept = handed or outcome == "Interrupted"
        end = End(
            assignment=job,
            body=self.body,
            outcome=outcome,
            usage=self.usage if kept else Usage(),
            input_sha256=job.input.sha256 or (self._intake.digest if self._intake else NOTHING),
            output_sha256=self._spool.digest if handed else NOTHING,
            output_bytes=self._spool.size if handed else 0,
            started=int(self._started or self._accepted),
            finished=int(self._around.now()),
            output=self._spool.text() if handed and job.output.uri is None else None,
            code=ending.code if ending else "",
            detail=ending.detail if ending else "",
        )
        await self._around.signer.end(end, self._around.events)
        self._count(end)

    def _count(self, end: End) -> None:
        metrics, model = self._around.metrics, self.assignment.model
        metrics.attempts.labels(end.outcome, end.code).inc()
        metrics.items.labels(model, "answered").inc(end.usage.items)
        metrics.items.labels(model, "failed").inc(end.usage.failed_items)
        metrics.tokens.labels(model, "prompt").inc(end.usage.prompt_tokens)
        metrics.tokens.labels(model, "completion").inc(end.usage.completion_tokens)
        _log.info(
            "attempt finished",
            extra={"attempt": self.key, "outcome": end.outcome, "code": end.code, "items": end.usage.items},
        )


def _cause(error: Exception) -> Exception:
    """The error itself, or the first one of a group of them, which may be nested."""
    return _cause(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
