"""A runner that is cut off hands nothing over until it is in contact again and was told that the attempt stands.

Random histories of calls, silence, new attempts, work that ends, cancellations, and words about what stands, on the
runner's own parts; a clock that the history puts forward; work that ends when the history says so.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocoon.api.job import JobOutput
from cocoon.api.provider import Meter, ModelSource
from cocoon.api.runner import Cancellation, ModelAssignment
from cocoon.api.trust import Trust
from cocoon.runner import jobs
from cocoon.runner.attempt import Attempt
from cocoon.runner.contact import PATIENCE, Contact
from cocoon.runner.metrics import Metrics
from cocoon.runner.signing import End
from cocoon.runner.surroundings import Surroundings
from tests.runner import kit

MODEL = ModelAssignment("m", "ab" * 32, ModelSource(image="models"), Meter(), 8)
#: Rounds of the event loop after which nothing moves any more.
ROUNDS = 30


class Worked(Attempt):
    """An attempt whose work ends when the history opens its gate."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.gate = asyncio.Event()

    async def _process(self) -> None:
        self.phase = "Running"
        await self.gate.wait()

    async def _publish(self) -> None:
        cast("History", self._around.web).handed_over(self.key)


class _Model:
    """A model that is ready."""

    assignment = MODEL


class History:
    """The runner's parts, and beside them what the runner must know: which attempts stand.

    It stands for whatever an attempt calls: events, models, signer and web.
    """

    def __init__(self, random: Random, folder: Path) -> None:
        self.random = random
        self.time = 1000.0
        self.by_name = {"m": _Model()}
        self.ends: dict[str, End] = {}
        self.standing: set[str] = set()
        self.doubted: set[str] = set()
        """Attempts that were cancelled, or that somebody has said not to stand."""
        self._count = 0
        self._last_call = self.time
        self.contact = Contact(lambda: self.time)
        parts: dict[str, Any] = dict.fromkeys(Surroundings.__struct_fields__, self)
        around = Surroundings(
            **parts
            | {
                "settings": kit.settings(folder),
                "contact": self.contact,
                "metrics": Metrics(),
                "now": lambda: self.time,
            }
        )
        self.jobs = jobs.Jobs(around, Trust.TEST)

    # What an attempt calls

    def ending_of(self, key: str) -> str | None:
        return self.ends[key].body if key in self.ends else None

    def compare_soon(self, _model: object) -> None:
        """Nothing is counted here."""

    async def end(self, end: End, _events: object) -> None:
        key = f"{end.assignment.uid}/{end.assignment.attempt}"
        assert key not in self.ends
        if end.outcome != "Interrupted":
            self.handed_over(key)
        self.ends[key] = end

    def handed_over(self, key: str) -> None:
        """Answers, or a receipt that claims payment, leave the runner."""
        assert self.time - self._last_call <= PATIENCE, "it was out of contact"
        assert key in self.standing, "nobody had said that it stands"

    # What happens

    def call(self) -> None:
        """The operator calls, as it does with everything that it says."""
        if self.time - self._last_call > PATIENCE:
            self.standing.clear()
        self._last_call = self.time
        self.contact.call()

    def passes(self) -> None:
        self.time += self.random.choice([1, 5, 29, 40, 61, 200])

    def start(self) -> None:
        self.call()
        self._count += 1
        output = JobOutput(uri="https://answers.example/1") if self.random.random() < 0.5 else None
        changes = {"output": output} if output else {}
        job = kit.job(MODEL, kit.text_line(1, "a"), uid=f"job-{self._count}", **changes)
        found = self.jobs.start(job)
        assert isinstance(found, tuple), found
        self.standing.add(f"job-{self._count}/1")

    def work_ends(self) -> None:
        for attempt in self.some_held():
            attempt.gate.set()

    def stand(self) -> None:
        self.call()
        named = {attempt.key for attempt in self.some_held()}
        if self.contact.awaits_standing:
            self.doubted |= self.jobs._held.keys() - self.standing - named
            self.standing |= named
        self.jobs.stand(tuple(named))

    def cancel(self) -> None:
        self.call()
        for attempt in self.some_held()[:1]:
            self.doubted.add(attempt.key)
            self.jobs.cancel(attempt.assignment.uid, 1, Cancellation(self.random.random() < 0.5, "why"))

    def some_held(self) -> list[Worked]:
        held = [attempt for attempt in self.jobs._held.values() if self.random.random() < 0.7]
        return cast("list[Worked]", held)

    async def lives(self, steps: int) -> None:
        happenings = (self.passes, self.passes, self.call, self.start, self.work_ends, self.stand, self.cancel)
        for _ in range(steps):
            self.random.choice(happenings)()
            await self.settles()

    async def comes_to_rest(self) -> None:
        """Told that all it has stands, the runner ends everything, and hands over what was never in doubt."""
        self.call()
        self.standing |= self.jobs._held.keys()
        self.jobs.stand(tuple(self.jobs._held))
        for attempt in self.jobs._held.values():
            cast("Worked", attempt).gate.set()
        await self.settles()
        assert not self.jobs._held
        for key, end in self.ends.items():
            assert end.outcome == "Succeeded" or key in self.doubted

    async def settles(self) -> None:
        for _ in range(ROUNDS):
            await asyncio.sleep(0)


def live_through(seed: int, steps: int = 60) -> History:
    """A history, then rest."""

    async def whole() -> History:
        with tempfile.TemporaryDirectory() as folder:
            history = History(Random(seed), Path(folder))
            await history.lives(steps)
            await history.comes_to_rest()
            return history

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "Attempt", Worked)
        return asyncio.run(whole())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_leaves_a_runner_that_does_not_know_what_stands(seed: int) -> None:
    live_through(seed)


def test_histories_are_eventful() -> None:
    """The other test means nothing unless attempts end in all of these ways."""
    ends = [end for seed in range(10) for end in live_through(seed).ends.values()]
    found = {(end.outcome, end.code) for end in ends}
    assert found >= {
        ("Succeeded", ""),
        ("Interrupted", "ContactLost"),
        ("Interrupted", "Cancelled"),
        ("Cancelled", "Cancelled"),
    }
