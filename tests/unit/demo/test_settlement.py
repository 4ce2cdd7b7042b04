"""Receipts, ledger, transfers and chain, set against each other."""

from __future__ import annotations

import io

from msgspec import structs

from cocoon.api.money import Usage
from cocoon.api.payout import Transfer, WorkEntry
from demo.chain import Account, Incoming
from demo.checks import Checks
from demo.screen import Screen
from demo.settlement import Books, _check_chain, ton

HOT, OWNER = "0:" + "a" * 64, "0:" + "b" * 64


def entry(jti: str, cost: int, fee: int) -> WorkEntry:
    return WorkEntry(
        jti=jti, state="Accepted", cluster="c", job=jti, attempt=1, outcome="Succeeded", namespace="n", name=jti,
        provider="p", payee=OWNER, model="m", usage=Usage(1, 0, 0, 0), cost=str(cost), fee=str(fee), trust="Test",
        evidence="e", finished=1, received=1.0,
    )  # fmt: skip


def transfer(name: str, amount: int, transaction: str) -> Transfer:
    return Transfer(name, "c", "p", OWNER, str(amount), "payout", "confirmed", 1.0, transaction, 2.0)


BOOKS = Books(
    (entry("one", 100, 5), entry("two", 1000, 50), entry("three", 200, 10)),
    (transfer("first", 1045, "t1"), transfer("second", 190, "t2")),
)
ARRIVED = (Incoming(HOT, 190, "second"), Incoming(HOT, 1045, "first"))
HOT_ACCOUNT = Account(HOT, 10**9, (), frozenset({"t1", "t2", "t0"}))


def failed(books: Books, account: Account, hot: Account = HOT_ACCOUNT) -> list[str]:
    checks = Checks(Screen(io.StringIO()))
    _check_chain(books, account, hot, checks)
    return checks.failed


def test_each_receipt_finds_the_transfer_that_paid_it() -> None:
    found = [BOOKS.transfer_of(jti) for jti in ("one", "two", "three")]
    assert [each and each.id for each in found] == ["first", "first", "second"]
    assert Books(BOOKS.work, BOOKS.transfers[:1]).transfer_of("three") is None


def test_exactly_what_receipts_say_is_fine() -> None:
    assert failed(BOOKS, Account(OWNER, 1235 - 3, ARRIVED, frozenset())) == []


def test_a_transfer_that_came_twice_is_seen() -> None:
    twice = (*ARRIVED, ARRIVED[0])
    assert len(failed(BOOKS, Account(OWNER, 1425, twice, frozenset()))) == 2


def test_what_others_send_to_the_owner_is_no_payout() -> None:
    gift = Incoming("0:" + "c" * 64, 10**9, "a gift")
    assert failed(BOOKS, Account(OWNER, 10**9 + 1235, (gift, *ARRIVED), frozenset())) == []
    forged = Incoming("0:" + "c" * 64, 190, "second")
    assert failed(BOOKS, Account(OWNER, 1235, (forged, ARRIVED[1]), frozenset()))


def test_a_transfer_that_never_came_is_seen() -> None:
    assert failed(BOOKS, Account(OWNER, 1045, ARRIVED[1:], frozenset()))


def test_a_nanoton_too_little_is_seen() -> None:
    short = (structs.replace(BOOKS.transfers[0], amount="1044"), BOOKS.transfers[1])
    arrived = (Incoming(HOT, 1044, "first"), ARRIVED[0])
    assert len(failed(Books(BOOKS.work, short), Account(OWNER, 1234, arrived, frozenset()))) == 1


def test_a_transaction_that_is_not_on_the_chain_is_seen() -> None:
    hot = Account(HOT, 10**9, (), frozenset({"t1"}))
    assert len(failed(BOOKS, Account(OWNER, 1235, ARRIVED, frozenset()), hot)) == 1


def test_a_balance_that_does_not_follow_is_seen() -> None:
    assert failed(BOOKS, Account(OWNER, 1236, ARRIVED, frozenset()))


def test_amounts_are_shown_to_the_nanoton() -> None:
    assert ton(12_000_000_001) == "12.000000001"
    assert ton(1) == "0.000000001"
