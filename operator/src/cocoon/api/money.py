"""Money is whole nanoTON: a Python int in code, a decimal string on every wire.

One TON is 10**9 nanoTON. A price is per million units, so that cheap units still have whole prices; the cost of a
job is rounded down once, over all of its units (docs/concepts/prices.md).
"""

from __future__ import annotations

import re
from typing import Final, NewType

from msgspec import Struct

NanoTon = NewType("NanoTon", int)

MILLION: Final = 1_000_000
#: Above every amount that can exist: the supply of TON is about 5 * 10**18 nanoTON.
MAXIMUM: Final = 10**19
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


def parse_nanoton(text: str) -> NanoTon:
    """Read a decimal string of nanoTON. Raises ValueError for signs, leading zeros, points and exponents."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a whole number of nanoTON, such as 10000000000 for 10 TON")
    return NanoTon(int(text))


class Usage(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Units that the runner counted itself. Failed items are in no billed unit."""

    items: int = 0
    failed_items: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Price(Struct, frozen=True, rename="camel", omit_defaults=True):
    """nanoTON per million units, as decimal strings: either of items, or of prompt and completion tokens."""

    per_million_items: str | None = None
    per_million_prompt_tokens: str | None = None
    per_million_completion_tokens: str | None = None

    @property
    def by_items(self) -> bool:
        """Whether this price counts items rather than tokens."""
        return self.per_million_items is not None

    def rates(self) -> tuple[int, int, int]:
        """nanoTON per million items, prompt tokens and completion tokens; absent ones are 0. Raises ValueError."""
        return (
            parse_nanoton(self.per_million_items or "0"),
            parse_nanoton(self.per_million_prompt_tokens or "0"),
            parse_nanoton(self.per_million_completion_tokens or "0"),
        )


def cost(price: Price, usage: Usage) -> NanoTon:
    """What this usage costs at this price: sum(units * price) // 1,000,000, in nanoTON."""
    item, prompt, completion = price.rates()
    total = usage.items * item + usage.prompt_tokens * prompt + usage.completion_tokens * completion
    return NanoTon(total // MILLION)
