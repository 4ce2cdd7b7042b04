"""Durations as administrators write them: `90s`, `10m`, `1h30m`, `2d`."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"(?:([0-9]{1,5})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,8})s)?")


def parse_duration(text: str) -> int:
    """Seconds of a duration. Raises ValueError if it is empty or not in falling units of d, h, m and s."""
    found = _DURATION.fullmatch(text)
    if not text or not found:
        raise ValueError(f"{text[:40]!r} is not a duration such as 90s, 10m or 1h30m")
    return sum(int(count or 0) * unit for count, unit in zip(found.groups(), _UNITS.values(), strict=True))
