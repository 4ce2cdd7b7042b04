from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cocoon.api.conditions import Condition, Truth, find, replace

TRUTHS: list[Truth] = ["True", "False", "Unknown"]
MADE = st.builds(
    Condition,
    type=st.sampled_from(["Ready", "Bound", "Succeeded"]),
    status=st.sampled_from(TRUTHS),
    reason=st.sampled_from(["Because", "Since"]),
    message=st.text(max_size=5),
    last_transition_time=st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    observed_generation=st.none() | st.integers(0, 3),
)
LISTS = st.lists(MADE, max_size=3, unique_by=lambda each: each.type).map(tuple)


def ready(status: Truth, since: str, reason: str = "Because", generation: int | None = None) -> Condition:
    return Condition("Ready", status, reason, "A sentence.", since, generation)


def test_a_new_type_goes_to_the_end() -> None:
    other = Condition("Bound", "True", "Bound", "", "t0")
    assert replace((other,), ready("True", "t1")) == (other, ready("True", "t1"))


def test_a_changed_status_changes_the_time() -> None:
    assert replace((ready("True", "t0"),), ready("False", "t1")) == (ready("False", "t1"),)
    assert replace((ready("False", "t0"),), ready("Unknown", "t1")) == (ready("Unknown", "t1"),)


def test_an_unchanged_status_keeps_the_time_and_takes_the_rest() -> None:
    replaced = replace((ready("True", "t0"),), ready("True", "t1", "Since", generation=2))
    assert replaced == (ready("True", "t0", "Since", generation=2),)


def test_find() -> None:
    assert find((), "Ready") is None
    assert find((ready("True", "t0"),), "Bound") is None
    assert find((ready("True", "t0"),), "Ready") == ready("True", "t0")


@given(LISTS, MADE)
def test_others_stay_as_they_are_and_in_order(conditions: tuple[Condition, ...], new: Condition) -> None:
    replaced = replace(conditions, new)
    assert [each for each in replaced if each.type != new.type] == [
        each for each in conditions if each.type != new.type
    ]
    assert [each.type for each in replaced[: len(conditions)]] == [each.type for each in conditions]
    assert [each.type for each in replaced].count(new.type) == 1


@given(LISTS, MADE)
def test_twice_is_once(conditions: tuple[Condition, ...], new: Condition) -> None:
    once = replace(conditions, new)
    assert replace(once, new) == once
