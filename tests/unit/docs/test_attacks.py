"""Each attack that docs/reference/attacks.md says is tried is tried: its test is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "attacks.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| attack ")]
NAMED = re.compile(r"\| `(tests/[\w/]+\.py)`: `(test_\w+)` \|$")


@cache
def _tests_of(path: str) -> frozenset[str]:
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip() for row in ROWS])
def test_each_attack_has_a_test(row: str) -> None:
    found = NAMED.search(row)
    assert found, "the last column names one test as `tests/FILE.py`: `test_name`"
    assert found[2] in _tests_of(found[1]), f"there is no {found[2]} in {found[1]}"


def test_each_code_is_one_that_the_programs_say() -> None:
    said = "".join(path.read_text() for path in (ROOT / "operator" / "src").rglob("*.py"))
    codes = {code for row in ROWS for code in re.findall(r"`([A-Z]\w+)`", row.split("|")[2])}
    assert {code for code in codes if f'"{code}"' not in said} == set()


def test_the_page_is_read() -> None:
    assert len(ROWS) > 60
