"""The service's share of what a job costs."""

from __future__ import annotations

from typing import Final

from cocoon.api.money import NanoTon

WHOLE: Final = 10_000


def fee(cost: NanoTon, basis_points: int) -> NanoTon:
    """`basis_points` ten-thousandths of the cost, rounded down: what is left over is the owner's."""
    return NanoTon(cost * basis_points // WHOLE)
