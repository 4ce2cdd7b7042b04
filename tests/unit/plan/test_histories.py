"""Random histories of a world in which everything goes wrong: losses, restarts, conflicts, cuts, duplicates.

After every step the invariants hold; every round decides what a pass over everything would decide; and once the world
is left alone, the fleet comes to rest.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.unit.plan.history import History
from tests.unit.plan.states import STATES

STEPS = 120
#: Steps of 32 histories in which the world is in each of the states that matter.
LEAST = 3


def live_through(seed: int) -> History:
    """A history of many steps, then peace."""
    history = History(Random(seed))
    for _ in range(STEPS):
        history.step()
    history.come_to_rest()
    return history


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_invariants_hold_in_random_histories(seed: int) -> None:
    for state in live_through(seed).seen:
        event(state)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_job_takes_two_writes_when_nothing_goes_wrong(seed: int) -> None:
    history = History(Random(seed))
    for _ in range(60):
        history.random.choice((history.submit, history.work, history.accounts_are_read))()
        history.world.finish_all()
    history.come_to_rest()
    written = ["".join(history.world.writes[job.uid]) for job in history.world.ever.values() if job.finished]
    assert {letters.lstrip("E") for letters in written} <= {"BS", "F"}  # F: a job that can never run, or comes too late


def test_histories_are_eventful() -> None:
    """The other test means nothing unless all of these happen."""
    kinds: set[str] = set()
    seen: Counter[str] = Counter()
    for seed in range(32):
        history = live_through(seed)
        seen += history.seen
        for action in history.world.log:
            kinds.add(f"{type(action).__name__} {getattr(action, 'purpose', getattr(action, 'reason', ''))}".strip())
    assert kinds >= {
        "WriteJobStatus Bind",
        "WriteJobStatus Unbind",
        "WriteJobStatus Explain",
        "WriteJobStatus Fail",
        "FinishJob",
        "PushJob",
        "CreateServer",
        "LoadModel",
        "AttestServer",
        "ConfirmStanding",
        "AcknowledgeEvents",
        "ReportReceipt",
        "ReportSettled",
        "DeleteServer Outdated",
        "DeleteServer Idle",
        "CancelAttempt JobDeleted",
        "DeleteJob",
    }
    assert not [state for state in STATES if seen[state] < LEAST], seen
