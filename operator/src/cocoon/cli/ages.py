"""How long ago something was, in few characters, as kubectl says it."""

from __future__ import annotations

from typing import Final

from cocoon.api.times import Instant, parse_time

_STEPS: Final = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s"))


def span(seconds: float) -> str:
    """`42s`, `5m`, `3h20m`, `12d`."""
    left = max(0, int(seconds))
    for size, unit, smaller, small_unit in _STEPS:
        if left >= 2 * size:
            rest = left % size // smaller
            detailed = left < 10 * size and rest
            return f"{left // size}{unit}" + (f"{rest}{small_unit}" if detailed else "")
    return f"{left}s"


def age(text: str | None, now: Instant) -> str:
    """How long ago an RFC 3339 time was; `-` if there is none."""
    try:
        return span(now - parse_time(text)) if text else "-"
    except ValueError:
        return "-"
