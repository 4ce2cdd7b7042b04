"""Deciding receipts: whatever comes in whatever order, each job is paid once and nobody is overdrawn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec import structs

from cocoon.api.money import NanoTon, Price, Usage
from cocoon.api.trust import Trust
from cocoon.attest import receipts
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry
from cocoon.payout.ledger.fees import fee
from cocoon.payout.refusal import Refusal
from cocoon.payout.store.schema import MOST_NANOTON
from cocoon.payout.terms import Terms
from cocoon.payout.work import prices
from cocoon.payout.work.case import Case, Submission, Window
from cocoon.payout.work.case import Server as Known
from cocoon.payout.work.decide import Again, Excerpt, Taken, decide
from tests.payout.kit import CLUSTER, NOW, Clock, Server

TERMS = Terms(trust=Trust.TEST, daily_cap=NanoTon(5_000), daily_cap_per_provider=NanoTon(3_000))
SIGNER = Server(Clock())
SERVER = Known(SIGNER.key, b"", SIGNER.digest, SIGNER.payee, Trust.TEST, (Window(0, 2 * NOW),))
CREDIT = 4_000
CLIENT = accounts.client(CLUSTER, "tenant").name

#: Number of the receipt, job, provider, outcome, items (1 nanoTON each).
HISTORIES = some.lists(
    some.tuples(
        some.integers(0, 30),
        some.integers(0, 6),
        some.sampled_from(["p1", "p2"]),
        some.sampled_from(["Succeeded", "Failed", "Cancelled", "Interrupted"]),
        some.integers(0, 1_500),
    ),
    max_size=40,
)


def case(number: int, job: int, provider: str, outcome: Any, items: int) -> Case:
    claims = structs.replace(
        SIGNER.claims(),
        jti=f"{SIGNER.key}.{number}",
        sub=f"{CLUSTER}/job{job}",
        provider=provider,
        outcome=outcome,
        usage=Usage(items=items),
        price=Price(per_million_items="1000000"),
    )
    claims = structs.replace(claims, cost=str(receipts.owed(claims)))
    return Case(Submission(repr(claims), CLUSTER), claims, SERVER, NOW)


@given(HISTORIES)
def test_every_history_balances(history: list[tuple[int, int, str, str, int]]) -> None:
    books = Excerpt(available={CLIENT: CREDIT})
    paid: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    taken: dict[str, str] = {}
    for each in history:
        found = case(*each)
        decision = decide(found, books, TERMS)
        if isinstance(decision, Again):
            assert taken[found.claims.jti] == found.submission.receipt
        if not isinstance(decision, Taken):
            continue
        assert found.claims.jti not in taken
        taken[found.claims.jti] = found.submission.receipt
        assert (decision.answer.state == "Interrupted") == (found.claims.outcome == "Interrupted")
        assert bool(decision.entries) <= (decision.answer.state == "Accepted")
        paid[found.job] += decision.answer.state == "Accepted"
        for entry in decision.entries:
            moved[entry.source.name] -= entry.amount
            moved[entry.target.name] += entry.amount
    assert all(times <= 1 for times in paid.values())
    assert sum(moved.values()) == 0
    assert -moved[CLIENT] == CREDIT - books.available[CLIENT] == books.daily.get("", 0) <= CREDIT
    assert all(books.daily.get(f"{CLUSTER}/{provider}", 0) <= 3_000 for provider in ("p1", "p2"))


@given(some.lists(HISTORIES, max_size=3))
def test_what_was_taken_is_taken_again_the_same(histories: list[list[Any]]) -> None:
    books = Excerpt(available={CLIENT: CREDIT})
    cases = [case(*each) for history in histories for each in history]
    first = [decide(each, books, TERMS) for each in cases]
    before = dict(books.available)
    for found, decision in zip(cases, first, strict=True):
        if not isinstance(decision, Refusal):
            assert decide(found, books, TERMS) == Again(decision.answer)
    assert books.available == before


@given(some.integers(0, MOST_NANOTON), some.integers(0, 10_000))
def test_a_fee_is_rounded_down_and_never_more_than_the_cost(cost: int, points: int) -> None:
    share = fee(NanoTon(cost), points)
    assert share * 10_000 <= cost * points < (share + 1) * 10_000
    assert 0 <= share <= cost


@pytest.mark.parametrize("amount", [0, -1, MOST_NANOTON + 1])
def test_an_entry_moves_an_amount_above_nothing(amount: int) -> None:
    with pytest.raises(ValueError, match="moves"):
        Entry("x", NOW, accounts.DEPOSITS, accounts.FEES, NanoTon(amount), "credit", "x")


def test_an_entry_is_between_two_accounts() -> None:
    with pytest.raises(ValueError, match="between two accounts"):
        Entry("x", NOW, accounts.FEES, accounts.FEES, NanoTon(1), "credit", "x")


@pytest.mark.parametrize(
    ("price", "cap", "within"),
    [
        (Price(per_million_items="5"), Price(per_million_items="5"), True),
        (Price(per_million_items="6"), Price(per_million_items="5"), False),
        (Price(per_million_prompt_tokens="1"), Price(per_million_items="5"), False),
        (Price(per_million_items="1"), Price(per_million_prompt_tokens="5"), False),
        (Price(), Price(per_million_items="5"), True),
        (
            Price(per_million_prompt_tokens="1", per_million_completion_tokens="6"),
            Price(per_million_prompt_tokens="9", per_million_completion_tokens="5"),
            False,
        ),
        (Price(per_million_completion_tokens="1"), Price(per_million_prompt_tokens="9"), False),
    ],
)
def test_prices_are_compared_unit_by_unit(price: Price, cap: Price, within: bool) -> None:
    assert prices.within(price, cap) is within
