"""Comparing prices: unit by unit, and only of the same kind."""

from __future__ import annotations

from cocoon.api.money import Price


def within(price: Price, cap: Price) -> bool:
    """Whether no unit costs more than in `cap`. Items are not compared with tokens; a price of nothing is within."""
    rates = price.rates()
    if any(rates) and price.by_items != cap.by_items:
        return False
    return all(rate <= most for rate, most in zip(rates, cap.rates(), strict=True))
