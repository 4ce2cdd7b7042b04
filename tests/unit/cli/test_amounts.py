"""Money is exact, whatever is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocoon.cli.amounts import in_ton, nanoton


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (10**9, "1"),
        ("1500000000", "1.5"),
        (-1, "-0.000000001"),
        (10**18 + 1, "1000000000.000000001"),
    ],
)
def test_ton_with_exact_decimals(amount: int | str, shown: str) -> None:
    assert in_ton(amount) == shown


@given(st.integers(min_value=0, max_value=10**19 - 1))
def test_what_is_shown_can_be_typed(amount: int) -> None:
    assert nanoton(f"{in_ton(amount)}TON") == amount


@pytest.mark.parametrize(
    ("text", "amount"), [("12", 12), ("0.5TON", 5 * 10**8), ("1 ton", 10**9), ("0.000000001TON", 1), (" 7 ", 7)]
)
def test_both_units_are_read(text: str, amount: int) -> None:
    assert nanoton(text) == amount


@pytest.mark.parametrize(
    "text", ["", "1.5", "-1", "1,5TON", "0.0000000001TON", "1e9", "TON", "99999999999TON", "01", "٣TON"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"nanoTON|more TON"):
        nanoton(text)
