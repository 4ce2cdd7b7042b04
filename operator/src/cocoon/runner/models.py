"""The models of this server: fetched, checked, loaded, and loaded again when Triton or a model's process was lost.

assigned ──▶ Loading ──▶ Ready ──lost──▶ Loading (again, from the checked files)
                └──▶ Failed (until it is assigned again)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, Final

from cocoon.api.runner import ModelAssignment, ModelState
from cocoon.runner.endings import MODEL_UNAVAILABLE, RUNNER_ERROR, TRITON_LOST, Stopped, interrupted
from cocoon.runner.meter import Meter, MeterError, open_meter
from cocoon.runner.metrics import Metrics
from cocoon.runner.settings import Settings
from cocoon.runner.sources import SourceError, Sources
from cocoon.runner.triton import LoadFailed, Lost, Signature, Triton, TritonError

#: Seconds that a lost Triton may take to come back before its attempts end.
PATIENCE: Final = 60.0
#: Seconds that Triton may take to start before a first load fails.
START: Final = 300.0
#: Seconds between questions to a Triton that is awaited, and between looks at models that should be there.
POLL: Final = 0.1
WATCH: Final = 2.0
#: Seconds until Triton has counted what it answered.
SETTLE: Final = 1.0
_log = logging.getLogger(__name__)


class Model:
    """One model of this server. `generation` grows with every load."""

    def __init__(self, assignment: ModelAssignment) -> None:
        self.assignment = assignment
        self.state = ModelState(assignment.name, assignment.sha256, "Loading")
        self.signature = Signature((), ())
        self.meter = Meter()
        self.limiter = asyncio.Semaphore(assignment.max_concurrency)
        self.generation = 0
        self.calls = 0
        self.in_flight = 0
        self.uncertain = False
        self.task: asyncio.Task[None] | None = None
        self.comparing: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.assignment.name

    def loading(self) -> None:
        """A load begins."""
        self._settled.clear()
        self.state = ModelState(self.name, self.assignment.sha256, "Loading")

    def settle(self, state: ModelState) -> None:
        """The load is over."""
        self.state = state
        self._settled.set()

    async def settled(self) -> None:
        """Wait until the model is Ready. Raises Stopped if it is Failed."""
        await self._settled.wait()
        if self.state.state == "Failed":
            raise interrupted(MODEL_UNAVAILABLE, f"The model is not available: {self.state.detail}")


class Models:
    """All models of this server."""

    def __init__(self, settings: Settings, triton: Triton, sources: Sources, metrics: Metrics) -> None:
        self._settings = settings
        self._triton = triton
        self._sources = sources
        self._metrics = metrics
        self._models: dict[str, Model] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Model]:
        return iter(list(self._models.values()))

    @property
    def by_name(self) -> Mapping[str, Model]:
        """The models."""
        return self._models

    def assign(self, assignment: ModelAssignment) -> Model:
        """Begin to load a model, unless it is there already and not Failed."""
        held = self._models.get(assignment.name)
        if held is not None and held.assignment == assignment and held.state.state != "Failed":
            return held
        model = Model(assignment)
        if held is not None and held.task is not None:
            held.task.cancel()
        self._models[assignment.name] = model
        self._metrics.in_flight.labels(model.name).set_function(lambda: model.in_flight)
        self._metrics.know(model.name)
        self._spawn(model, self._load(model))
        return model

    def _spawn(self, model: Model, work: Coroutine[Any, Any, None]) -> None:
        model.loading()
        self._metrics.ready.labels(model.name).set(0)
        model.task = asyncio.create_task(self._settle(model, work))
        self._tasks.add(model.task)
        model.task.add_done_callback(self._tasks.discard)

    async def remove(self, name: str) -> None:
        """Unload a model and forget it. Raises TritonError."""
        model = self._models.pop(name, None)
        if model is None:
            return
        if model.task is not None:
            model.task.cancel()
        self._metrics.ready.remove(name)
        self._metrics.in_flight.remove(name)
        await self._triton.unload(name)

    async def _load(self, model: Model) -> None:
        await self._sources.bring(model.assignment)
        await self._until_live(START)
        await self._into_triton(model)

    async def _reload(self, model: Model) -> None:
        await self._until_live(PATIENCE)
        await self._triton.unload(model.name)
        await self._into_triton(model)
        self._metrics.recoveries.labels(model.name).inc()

    async def _settle(self, model: Model, work: Coroutine[Any, Any, None]) -> None:
        began = time.monotonic()
        try:
            await work
        except (SourceError, MeterError, TritonError) as error:
            self._fail(model, error)
        except Exception as error:  # noqa: BLE001 - whoever waits for the model must be told, whatever happened
            self._fail(model, SourceError(RUNNER_ERROR, f"The runner failed: {error!r:.200}."))
        else:
            self._ready(model, time.monotonic() - began)

    async def _into_triton(self, model: Model) -> None:
        await self._triton.load(model.name)
        model.signature = await self._triton.describe(model.name)
        meter = model.assignment.meter
        if meter.unit == "Tokens":
            folder = self._settings.models / model.name
            model.meter = await asyncio.to_thread(open_meter, folder, meter.tokenizer)

    def _ready(self, model: Model, seconds: float) -> None:
        model.generation += 1
        model.calls, model.uncertain = 0, False
        sha256 = model.assignment.sha256
        model.settle(ModelState(model.name, sha256, "Ready", load_seconds=round(seconds, 3)))
        self._metrics.ready.labels(model.name).set(1)
        self._metrics.load.labels(model.name).observe(seconds)
        _log.info("model ready", extra={"model": model.name, "seconds": round(seconds, 3)})

    def _fail(self, model: Model, error: Exception) -> None:
        code, detail = _reason(error)
        model.settle(ModelState(model.name, model.assignment.sha256, "Failed", code=code, detail=detail))
        _log.warning("model failed", extra={"model": model.name, "code": code, "detail": detail})

    async def recover(self, model: Model, generation: int) -> None:
        """Load a model again that was lost at this generation; returns when it is Ready. Raises Stopped."""
        if model.generation == generation and model.state.state == "Ready":
            _log.warning("model lost", extra={"model": model.name})
            self._spawn(model, self._reload(model))
        try:
            await model.settled()
        except Stopped:
            raise interrupted(TRITON_LOST, f"Triton was lost and did not come back: {model.state.detail}") from None

    async def _until_live(self, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                while not await self._triton.live():  # noqa: ASYNC110 - another process has no event to wait for
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise Lost(f"Triton was not there for {patience:.0f} s") from None

    async def watch(self) -> None:
        """Notice lost models also while no job uses them. Runs until it is cancelled."""
        while True:
            await asyncio.sleep(WATCH)
            for model in self:
                if await self._needs_load(model):
                    self._spawn(model, self._reload(model))

    async def _needs_load(self, model: Model) -> bool:
        """Whether a Ready model is gone, or Triton is back after it was away for too long."""
        generation, state = model.generation, model.state
        if state.state == "Failed":
            return state.code == TRITON_LOST and await self._triton.live() and model.state is state
        if state.state != "Ready":
            return False
        try:
            there = await self._triton.ready(model.name)
        except Lost:
            there = False
        return not there and model.generation == generation and model.state is state

    def compare_soon(self, model: Model) -> None:
        """Compare Triton's count of requests with ours a little later, for it counts after it has answered."""
        if model.comparing is None or model.comparing.done():
            model.comparing = asyncio.create_task(self._compare(model))
            self._tasks.add(model.comparing)
            model.comparing.add_done_callback(self._tasks.discard)

    async def _compare(self, model: Model) -> None:
        """A difference is an alert, never a bill. Only what is idle can be compared."""
        await asyncio.sleep(SETTLE)
        if model.in_flight or model.state.state != "Ready":
            return
        try:
            executed = await self._triton.executed(model.name)
        except TritonError:
            return
        if model.in_flight:
            return
        if executed != model.calls and not model.uncertain:
            self._metrics.mismatch.labels(model.name).inc(abs(executed - model.calls))
            _log.warning("unit mismatch", extra={"model": model.name, "triton": executed, "runner": model.calls})
        model.calls, model.uncertain = executed, False

    async def close(self) -> None:
        """Stop loading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _reason(error: Exception) -> tuple[str, str]:
    match error:
        case SourceError():
            return error.code, error.detail
        case LoadFailed():
            return "LoadFailed", f"Triton can't load the model: {error}"
        case MeterError():
            return "TokenizerInvalid", str(error)
        case _:
            return TRITON_LOST, f"Triton can't be reached: {error}"
