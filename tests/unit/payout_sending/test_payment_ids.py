"""Ids of transfers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cocoon.payout.sending.payment_ids import mark, mark_of, payment_id
from cocoon.ton.payment_comment import MAXIMUM_PAYMENT_ID, comment_body, read_comment


@given(st.text(max_size=200), st.integers(0, 2**32), st.integers(0, 2**23), st.integers(0, 2**32))
def test_an_id_fits_a_comment_and_leads_to_its_account(account: str, lane: int, query: int, created_at: int) -> None:
    found = payment_id(account, lane, query, created_at)
    body = comment_body(found)

    assert len(found) <= MAXIMUM_PAYMENT_ID
    assert body is not None
    assert mark_of(read_comment(body)) == mark(account)


def test_every_batch_has_ids_of_its_own() -> None:
    ids = {payment_id("a", lane, query, at) for lane in range(5) for query in range(5) for at in range(5)}
    assert len(ids) == 125


def test_other_comments_lead_nowhere() -> None:
    assert {mark_of(text) for text in ("", "hello", "-", "a-b", mark("a"), payment_id("a", 1, 1, 1) + "x")} == {""}
