"""Numbers of things in sentences: `1 job`, `2 jobs`."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """The number with its noun, or with a noun and its verb: `one` as in `job waits`, `many` as in `jobs wait`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
