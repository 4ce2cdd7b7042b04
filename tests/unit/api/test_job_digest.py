"""Anybody can compute `spec_sha256`, with any JSON library."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocoon.api.job_digest import MUTABLE, canonical, spec_digest

SPEC: dict[str, Any] = {
    "model": "minilm",
    "input": {"inline": '{"id":"1","inputs":[]}\n'},
    "output": {"configMap": {}},
    "minimumTrust": "Hardware",
    "parallelism": 1,
    "priority": 0,
    "attempts": 3,
    "suspend": False,
}
#: The example of docs/reference/job-digest.md.
DIGEST = "dfd1bd00649a9bff4cdf16305ce8e4d53aeaee848e56a71f1ae9574061925fd7"


def test_the_documented_example() -> None:
    assert spec_digest(SPEC) == DIGEST


@pytest.mark.parametrize("name", sorted(MUTABLE))
def test_what_may_change_while_the_job_runs_changes_nothing(name: str) -> None:
    assert spec_digest(SPEC | {name: "other"}) == DIGEST


@pytest.mark.parametrize("name", sorted(SPEC.keys() - MUTABLE))
def test_everything_else_changes_it(name: str) -> None:
    assert spec_digest(SPEC | {name: "other"}) != DIGEST
    assert spec_digest({key: value for key, value in SPEC.items() if key != name}) != DIGEST


def test_what_may_change_counts_deeper_down() -> None:
    assert spec_digest({"input": {"priority": 1}}) != spec_digest({"input": {"priority": 2}})


def test_the_order_of_keys_does_not_matter() -> None:
    assert spec_digest(dict(reversed(SPEC.items()))) == DIGEST


texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(texts | st.integers(-(2**53), 2**53) | st.booleans() | st.none(), st.lists, max_leaves=8)


@given(st.dictionaries(st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True), values))
def test_it_is_what_another_library_makes_of_it(spec: dict[str, Any]) -> None:
    fixed = {name: value for name, value in spec.items() if name not in MUTABLE}
    other = json.dumps(fixed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical(spec) == other
    assert spec_digest(spec) == hashlib.sha256(other).hexdigest()
