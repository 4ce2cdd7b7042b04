"""A large input in flat memory; `make bench-input` does the same with 10 GiB."""

from __future__ import annotations

from pathlib import Path

from tests.bench.large_input import Input, passage


async def test_memory_stays_flat(tmp_path: Path) -> None:
    given = Input.of(96 << 20, 1 << 18)
    found = await passage(given, tmp_path)
    assert found.answers == given.lines
    assert found.late - found.early < 24, found
    assert found.late < 150, found
