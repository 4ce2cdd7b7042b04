"""Money as people write and read it: TON with an exact decimal fraction. Never a float."""

from __future__ import annotations

import re
from typing import Final

from cocoon.api.money import MAXIMUM, NanoTon, parse_nanoton

NANO: Final = 10**9
_TON: Final = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))? ?(?:TON|ton)")


def in_ton(amount: int | str) -> str:
    """nanoTON in TON, exactly: 1500000000 is `1.5`, 1 is `0.000000001`."""
    number = int(amount)
    whole, fraction = divmod(abs(number), NANO)
    digits = f"{fraction:09d}".rstrip("0")
    return ("-" if number < 0 else "") + (f"{whole}.{digits}" if digits else str(whole))


def nanoton(text: str) -> NanoTon:
    """`10000000000` (nanoTON) or `10TON` or `0.5TON`. Raises ValueError."""
    found = _TON.fullmatch(text.strip())
    if found is None:
        return parse_nanoton(text.strip())
    amount = int(found[1]) * NANO + int((found[2] or "").ljust(9, "0"))
    if amount >= MAXIMUM:
        raise ValueError(f"{text[:40]!r} is more TON than there is")
    return NanoTon(amount)
