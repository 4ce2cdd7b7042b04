"""A runner that is cut off computes on, hands nothing over, and asks what still stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cocoon.api.job import JobOutput
from cocoon.api.runner import Cancellation, ModelAssignment, Standing
from cocoon.runner import contact, process
from tests.runner import conftest, kit
from tests.runner.fake_triton import FakeTriton
from tests.runner.https_files import Files


class Clock:
    """A monotonic clock that the test can put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Watched(contact.Contact):
    """Says when both attempts wait for contact."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.waiters = 0
        self.both_wait = asyncio.Event()

    async def changed(self) -> None:
        self.waiters += 1
        if self.waiters == 2:
            self.both_wait.set()
        await super().changed()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(process, "Contact", lambda _now: Watched(clock))
    return clock


@pytest.fixture
async def cut_off(
    clock: Clock, fake: FakeTriton, tmp_path: Path, files: Files
) -> AsyncIterator[tuple[kit.Operator, ModelAssignment]]:
    """A runner that lost contact while two attempts wait for Triton, which then answers."""
    async with kit.running(kit.settings(tmp_path, **conftest.OPEN), fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        await operator.load(model)
        for uid in ("kept", "given-up"):
            job = kit.job(model, kit.text_line(1, "#wait"), uid=uid, output=JobOutput(uri=files.uri(uid)))
            await operator.start(job)
        await fake.waiting.wait()
        clock.ahead += contact.PATIENCE + 1
        assert operator.runner.contact.lost
        fake.release()
        assert isinstance(operator.runner.contact, Watched)
        await operator.runner.contact.both_wait.wait()
        yield operator, model


async def test_nothing_is_handed_over_until_contact_and_standing(
    cut_off: tuple[kit.Operator, ModelAssignment], files: Files
) -> None:
    operator, _ = cut_off
    assert (files.put, operator.runner.events.unacknowledged) == ({}, 0)
    assert (await operator.call("GET", "/v1/models"))[0] == 200
    assert (files.put, operator.runner.events.unacknowledged) == ({}, 0)
    assert operator.runner.contact.remaining < 0
    assert (await operator.call("POST", "/v1/standing", Standing(("kept/1",))))[0] == 204
    given_up = operator.open(await operator.finished("given-up"))
    operator.seen = 0
    kept = operator.open(await operator.finished("kept"))
    assert (kept.outcome, kept.cost, list(files.put)) == ("Succeeded", "1", ["kept"])
    assert (given_up.outcome, given_up.cost) == ("Interrupted", "0")
    assert operator.runner.contact.remaining > 0


async def test_new_attempts_stand_by_themselves(cut_off: tuple[kit.Operator, ModelAssignment]) -> None:
    operator, model = cut_off
    _, claims = await operator.do(kit.job(model, kit.text_line(1, "new"), uid="new"))
    assert claims.outcome == "Succeeded"
    assert set(operator.runner.jobs.running) == {"kept/1", "given-up/1"}


async def test_standing_means_nothing_in_contact(quick: kit.Operator, echo: ModelAssignment, fake: FakeTriton) -> None:
    await quick.start(kit.job(echo, kit.text_line(1, "#wait")))
    await fake.waiting.wait()
    await quick.call("POST", "/v1/standing", Standing(()))
    fake.release()
    assert quick.open(await quick.finished("job-1")).outcome == "Succeeded"


async def test_a_waiting_result_can_be_called_back(cut_off: tuple[kit.Operator, ModelAssignment], files: Files) -> None:
    operator, _ = cut_off
    await operator.call("DELETE", "/v1/jobs/kept/1", Cancellation(final=False, reason="bound elsewhere"))
    await operator.call("POST", "/v1/standing", Standing(("kept/1",)))
    event = await operator.finished("kept")
    assert (event.code, operator.open(event).outcome, files.put) == ("Cancelled", "Interrupted", {})
