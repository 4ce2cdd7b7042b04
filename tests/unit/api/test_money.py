from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocoon.api.money import MAXIMUM, MILLION, Price, Usage, cost, parse_nanoton

AMOUNTS = st.integers(0, MAXIMUM - 1)
UNITS = st.integers(0, 10**12)


@given(AMOUNTS)
def test_every_amount_there_and_back(amount: int) -> None:
    assert parse_nanoton(str(amount)) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-1",
        "+1",
        "01",
        "00",
        "1.0",
        "1e9",
        "1_000",
        "1,000",
        " 1",
        "1 ",
        "1\n",
        "0x1",
        "nan",
        "٣",
        "1" * 20,
        str(MAXIMUM),
    ],
)
def test_what_is_not_an_amount(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number of nanoTON"):
        parse_nanoton(text)


@given(st.text(max_size=30))
def test_any_other_text_is_refused(text: str) -> None:
    if re.fullmatch("0|[1-9][0-9]{0,18}", text):
        return
    with pytest.raises(ValueError, match="nanoTON"):
        parse_nanoton(text)


def test_a_long_text_is_not_repeated_in_full() -> None:
    with pytest.raises(ValueError, match="nanoTON") as caught:
        parse_nanoton("9" * 1_000_000)
    assert len(str(caught.value)) < 200


@given(items=UNITS, rate=AMOUNTS)
def test_the_cost_of_items_is_rounded_down_once(items: int, rate: int) -> None:
    exact = Fraction(items * rate, MILLION)
    assert 0 <= exact - cost(Price(per_million_items=str(rate)), Usage(items=items)) < 1


@given(prompt=UNITS, completion=UNITS, rates=st.tuples(AMOUNTS, AMOUNTS))
def test_the_cost_of_tokens_is_rounded_down_once(prompt: int, completion: int, rates: tuple[int, int]) -> None:
    price = Price(per_million_prompt_tokens=str(rates[0]), per_million_completion_tokens=str(rates[1]))
    exact = Fraction(prompt * rates[0] + completion * rates[1], MILLION)
    assert 0 <= exact - cost(price, Usage(prompt_tokens=prompt, completion_tokens=completion)) < 1


def test_both_kinds_of_tokens_are_added_before_rounding() -> None:
    price = Price(per_million_prompt_tokens="1", per_million_completion_tokens="1")
    assert cost(price, Usage(prompt_tokens=500_000, completion_tokens=500_000)) == 1


@given(items=UNITS, failed=UNITS, rate=AMOUNTS)
def test_failed_items_cost_nothing(items: int, failed: int, rate: int) -> None:
    price = Price(per_million_items=str(rate))
    assert cost(price, Usage(items=items, failed_items=failed)) == cost(price, Usage(items=items))


@given(items=UNITS, tokens=UNITS, rate=AMOUNTS)
def test_units_without_a_rate_cost_nothing(items: int, tokens: int, rate: int) -> None:
    usage = Usage(items=items, prompt_tokens=tokens, completion_tokens=tokens)
    assert cost(Price(per_million_items=str(rate)), usage) == items * rate // MILLION
    assert cost(Price(), usage) == 0


@given(first=UNITS, second=UNITS, rate=AMOUNTS)
def test_more_units_never_cost_less(first: int, second: int, rate: int) -> None:
    price = Price(per_million_items=str(rate))
    parts = cost(price, Usage(items=first)) + cost(price, Usage(items=second))
    assert parts <= cost(price, Usage(items=first + second)) <= parts + 1


def test_the_largest_numbers_stay_exact() -> None:
    price = Price(per_million_items=str(MAXIMUM - 1))
    assert cost(price, Usage(items=2**63 - 1)) == (2**63 - 1) * (MAXIMUM - 1) // MILLION


def test_a_bad_price_is_not_taken_for_nothing() -> None:
    with pytest.raises(ValueError, match="nanoTON"):
        cost(Price(per_million_items="1.5"), Usage(items=1))


def test_which_units_a_price_counts() -> None:
    assert Price(per_million_items="0").by_items
    assert not Price(per_million_prompt_tokens="0", per_million_completion_tokens="0").by_items
