from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocoon.api.selectors import LabelSelector, Requirement
from cocoon.api.trust import Trust

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]
LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"]))
VALUES = st.lists(st.sampled_from(["", "x", "y"]), min_size=1, max_size=2).map(tuple)


@pytest.mark.parametrize(
    ("operator", "values", "labels", "admitted"),
    [
        ("In", ("x", "y"), {"a": "x"}, True),
        ("In", ("x", "y"), {"a": "z"}, False),
        ("In", ("x",), {}, False),
        ("In", ("",), {"a": ""}, True),
        ("In", ("",), {}, False),
        ("NotIn", ("x",), {"a": "y"}, True),
        ("NotIn", ("x", "y"), {"a": "y"}, False),
        ("NotIn", ("x",), {}, True),  # Kubernetes: an object without the key is not in the set
        ("NotIn", ("",), {}, True),
        ("NotIn", ("",), {"a": ""}, False),
        ("Exists", (), {"a": ""}, True),
        ("Exists", (), {"b": "a"}, False),
        ("DoesNotExist", (), {"b": "a"}, True),
        ("DoesNotExist", (), {"a": ""}, False),
    ],
)
def test_one_requirement(operator: Operator, values: tuple[str, ...], labels: dict[str, str], admitted: bool) -> None:
    assert Requirement("a", operator, values).admits(labels) is admitted


@given(LABELS)
def test_an_empty_selector_admits_everything(labels: dict[str, str]) -> None:
    assert LabelSelector().admits(labels)


@given(LABELS, VALUES)
def test_not_in_is_the_opposite_of_in(labels: dict[str, str], values: tuple[str, ...]) -> None:
    assert Requirement("a", "NotIn", values).admits(labels) is not Requirement("a", "In", values).admits(labels)


@given(LABELS, LABELS)
def test_match_labels_are_in_with_one_value(labels: dict[str, str], wanted: dict[str, str]) -> None:
    each = tuple(Requirement(key, "In", (value,)) for key, value in wanted.items())
    assert LabelSelector(wanted).admits(labels) is LabelSelector(match_expressions=each).admits(labels)
    assert LabelSelector(wanted).admits(labels) is (wanted.items() <= labels.items())


def test_all_parts_must_hold() -> None:
    selector = LabelSelector({"a": "x"}, (Requirement("b", "Exists"), Requirement("c", "DoesNotExist")))
    assert selector.admits({"a": "x", "b": ""})
    assert not selector.admits({"a": "y", "b": ""})
    assert not selector.admits({"a": "x"})
    assert not selector.admits({"a": "x", "b": "", "c": ""})


def test_trust_is_never_upgraded() -> None:
    satisfied = {(offered, wanted) for offered in Trust for wanted in Trust if offered.satisfies(wanted)}
    assert satisfied == {
        (Trust.HARDWARE, Trust.HARDWARE),
        (Trust.HARDWARE, Trust.TEST),
        (Trust.TEST, Trust.TEST),
    }
