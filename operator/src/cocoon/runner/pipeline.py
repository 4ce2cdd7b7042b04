"""The items of one attempt: taken in order, several at a time with Triton, answered in order.

    Lines ──take, parse, admit (one at a time)──▶ worker ──Triton──▶ worker ──▶ in order ──▶ Spool
                                                      (parallelism of them)

A worker holds one item. Answers that are early wait for the ones before them; how many may wait is bounded, so memory
stays flat however large the input is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from cocoon.api.job import ItemErrors
from cocoon.api.money import Usage
from cocoon.runner import replies as rendering
from cocoon.runner.account import Account
from cocoon.runner.endings import (
    BUDGET_EXCEEDED,
    INVALID_INPUT,
    ITEM_FAILED,
    TRITON_LOST,
    Stopped,
    interrupted,
)
from cocoon.runner.items import Item, Parser, Refused
from cocoon.runner.lines import Line, Lines
from cocoon.runner.models import Model, Models
from cocoon.runner.replies import Replies
from cocoon.runner.spool import Spool
from cocoon.runner.tensors import TensorError
from cocoon.runner.triton import Call, Lost, ModelDown, Tensor, Triton, TritonError

#: How often one item is given to a Triton that is lost meanwhile.
TRIES: Final = 3
#: How many answers may wait for earlier ones, per item in flight.
AHEAD: Final = 8
MODEL_ERROR: Final = "ModelError"


class Done(Struct, frozen=True):
    """One line's answer. `code` is empty if it was answered."""

    line: bytes
    prompt_tokens: int = 0
    completion_tokens: int = 0
    code: str = ""
    detail: str = ""


class Work(Struct, frozen=True, kw_only=True):
    """What a pipeline works on."""

    model: Model
    models: Models
    triton: Triton
    lines: Lines
    parser: Parser
    replies: Replies
    account: Account
    spool: Spool
    item_errors: ItemErrors
    maximum_items: int
    started: Callable[[], None]
    progressed: Callable[[], None]


class Pipeline:
    """Runs once. `usage` counts what is in the spool."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._turn = asyncio.Lock()
        self._early: dict[int, Done] = {}
        self._next = 1
        self._moved = asyncio.Event()
        self._window = 0
        self._stop: Stopped | None = None
        self._counts = [0, 0, 0, 0]

    @property
    def usage(self) -> Usage:
        """Units in the spool."""
        items, failed, prompt, completion = self._counts
        return Usage(items, failed, prompt, completion)

    async def run(self, parallelism: int) -> None:
        """Answer every line. Raises Stopped, alone or in a group, if it ends before the last one."""
        self._window = parallelism * AHEAD
        async with asyncio.TaskGroup() as group:
            for _ in range(parallelism):
                group.create_task(self._worker())
        if self._stop is not None:
            raise self._stop
        if self._next == 1:
            raise Stopped(INVALID_INPUT, "The input has no items.")
        if self._work.spool.full:
            await self._work.spool.flush()

    async def _worker(self) -> None:
        while (admitted := await self._admit()) is not None:
            number, item, prompt_tokens = admitted
            done = item if isinstance(item, Done) else await self._answer(item, prompt_tokens)
            await self._deliver(number, done)

    async def _admit(self) -> tuple[int, Item | Done, int] | None:
        async with self._turn:
            if self._stop is not None:
                return None
            line = await self._work.lines.take()
            if line is None:
                return None
            if line.number > self._work.maximum_items:
                most = self._work.maximum_items
                self._stop = Stopped(INVALID_INPUT, f"The input has more than the {most} items that a job may have.")
                return None
            while line.number - self._next > self._window:
                self._moved.clear()
                await self._moved.wait()
            return await self._afford(line)

    async def _afford(self, line: Line) -> tuple[int, Item | Done, int] | None:
        work = self._work
        try:
            item = work.parser.parse(line)
        except Refused as error:
            return line.number, self._refused(line, error), 0
        prompt_tokens = await work.model.meter.tokens(item.texts)
        if not await work.account.admit(prompt_tokens):
            self._stop = Stopped(BUDGET_EXCEEDED, f"The budget does not cover line {line.number}.")
            return None
        work.started()
        return line.number, item, prompt_tokens

    def _refused(self, line: Line, error: Refused) -> Done:
        detail = f"line {line.number}: {error.detail}"
        answer = self._work.replies.error(line.number, self._work.parser.identify(line), INVALID_INPUT, detail)
        return Done(answer, code=INVALID_INPUT, detail=detail)

    async def _answer(self, item: Item, prompt_tokens: int) -> Done:
        work = self._work
        try:
            async with work.model.limiter:
                answer = rendering.merge(await self._infer(item))
            texts = rendering.texts_of(answer, work.model.signature) if work.model.meter.counts_tokens else []
            completion_tokens = await work.model.meter.tokens(texts)
            line = work.replies.answer(item, answer, prompt_tokens, completion_tokens)
        except (TritonError, TensorError) as error:
            work.account.failed(prompt_tokens)
            return self._failed(item, str(error))
        work.account.answered(completion_tokens)
        return Done(line, prompt_tokens, completion_tokens)

    def _failed(self, item: Item, reason: str) -> Done:
        answer = self._work.replies.error(item.number, item.identity, MODEL_ERROR, reason)
        return Done(answer, code=ITEM_FAILED, detail=f"line {item.number}: {reason[:500]}")

    async def _infer(self, item: Item) -> list[tuple[Tensor, ...]]:
        model = self._work.model
        call = Call(model.name, item.tensors, item.outputs, item.parameters, model.signature.streamed)
        for _ in range(TRIES):
            generation = model.generation
            try:
                return await self._call(call)
            except (Lost, ModelDown) as error:
                reason = str(error)
                await self._work.models.recover(model, generation)
        raise interrupted(TRITON_LOST, f"Triton was lost {TRIES} times over line {item.number}: {reason}")

    async def _call(self, call: Call) -> list[tuple[Tensor, ...]]:
        model = self._work.model
        model.in_flight += 1
        try:
            responses = await self._work.triton.infer(call)
        except BaseException:
            model.uncertain = True
            raise
        finally:
            model.in_flight -= 1
        model.calls += 1
        if not responses:
            raise TritonError("the model answered with nothing")
        return responses

    async def _deliver(self, number: int, done: Done) -> None:
        self._early[number] = done
        while (ready := self._early.pop(self._next, None)) is not None:
            self._write(ready)
            self._next += 1
        self._moved.set()
        self._work.progressed()
        if self._work.spool.full:
            await self._work.spool.flush()

    def _write(self, done: Done) -> None:
        if done.code and self._work.item_errors == "Fail":
            raise Stopped(done.code, f"{done.detail}; the job asks to fail at the first item that does.")
        self._work.spool.append(done.line)
        if done.code:
            self._counts[1] += 1
        else:
            self._counts[0] += 1
            self._counts[2] += done.prompt_tokens
            self._counts[3] += done.completion_tokens
