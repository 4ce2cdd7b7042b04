"""Who is paid now, and how much."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cocoon.api.money import NanoTon
from cocoon.payout.ledger.accounts import payee
from cocoon.payout.sending.due import Owed, Payment, Spent, due, fitting, scope, unpayable
from cocoon.payout.sending.rules import SendingRules, cost, needed

TON = 10**9
NOW = 1_800_000_000
RULES = SendingRules(minimum_payout=NanoTon(TON), maximum_delay=3600.0, reserve=NanoTon(TON))
NOTHING = Spent()


def owed(number: int, balance: int, age: float = 0.0, provider: str = "") -> Owed:
    account = payee("cluster", provider or f"provider-{number:03}", f"0:{number:064x}")
    return Owed(account, NanoTon(balance), NOW - age)


def paid(*found: Owed, spent: Spent = NOTHING, rules: SendingRules = RULES) -> list[int]:
    return [payment.amount for payment in due(found, spent, rules, NOW)]


def test_an_account_is_due_from_the_minimum_on() -> None:
    assert paid(owed(1, TON - 1)) == []
    assert paid(owed(1, TON)) == [TON]


def test_a_small_account_is_due_when_it_waited_long_enough() -> None:
    assert paid(owed(1, TON - 1, age=3599)) == []
    assert paid(owed(1, TON - 1, age=3600)) == [TON - 1]


def asking(balance: int, minimum: int, delay: float, age: float = 0.0) -> Owed:
    return structs.replace(owed(1, balance, age), minimum=NanoTon(minimum), delay=delay)


def test_an_owner_can_ask_to_be_paid_later_and_more_at_once() -> None:
    assert paid(asking(4 * TON, minimum=5 * TON, delay=7200, age=7199)) == []
    assert paid(asking(5 * TON, minimum=5 * TON, delay=7200)) == [5 * TON]
    assert paid(asking(4 * TON, minimum=5 * TON, delay=7200, age=7200)) == [4 * TON]


def test_no_owner_is_paid_less_or_sooner_than_the_payer_says() -> None:
    assert paid(asking(TON - 1, minimum=1, delay=0, age=3599)) == []


def test_whoever_speaks_for_an_owner_can_keep_money_back_for_so_long_only() -> None:
    rules = structs.replace(RULES, highest_minimum=NanoTon(10 * TON), longest_delay=9000.0)
    assert paid(asking(10 * TON, minimum=10**19, delay=1e9), rules=rules) == [10 * TON]
    assert paid(asking(9 * TON, minimum=10**19, delay=1e9, age=8999), rules=rules) == []
    assert paid(asking(9 * TON, minimum=10**19, delay=1e9, age=9000), rules=rules) == [9 * TON]


def test_a_test_payment_is_made_however_little_it_is() -> None:
    test = structs.replace(owed(1, TON // 100), test=True)
    assert [(each.amount, each.test) for each in due([test], NOTHING, RULES, NOW)] == [(TON // 100, True)]
    assert paid(test, rules=structs.replace(RULES, daily_cap=NanoTon(TON // 200))) == []


def test_what_the_network_would_take_a_hundredth_of_waits_on() -> None:
    least = cost(1) * 100
    assert paid(owed(1, least, age=9999)) == []
    assert paid(owed(1, least + 1, age=9999)) == [least + 1]


def test_small_accounts_share_the_cost_of_a_batch() -> None:
    small = cost(10) * 10 + 1
    assert paid(owed(1, small, age=9999)) == []
    assert paid(*(owed(number, small, age=9999) for number in range(10))) == [small] * 10


def test_who_waited_longest_comes_first() -> None:
    assert paid(owed(1, 2 * TON, age=1), owed(2, 3 * TON, age=3), owed(3, 4 * TON, age=2)) == [
        3 * TON,
        4 * TON,
        2 * TON,
    ]


def test_a_daily_cap_cuts_what_is_paid() -> None:
    rules = structs.replace(RULES, daily_cap=NanoTon(5 * TON))
    assert paid(owed(1, 4 * TON, age=2), owed(2, 4 * TON, age=1), rules=rules) == [4 * TON, TON]
    assert paid(owed(1, 4 * TON), spent=Spent(5 * TON), rules=rules) == []


def test_a_part_below_the_minimum_is_not_paid() -> None:
    rules = structs.replace(RULES, daily_cap=NanoTon(5 * TON))
    assert paid(owed(1, 4 * TON), spent=Spent(4 * TON + 1), rules=rules) == []


def test_a_provider_has_a_cap_of_its_own() -> None:
    rules = structs.replace(RULES, daily_cap_per_provider=NanoTon(5 * TON))
    found = (owed(1, 4 * TON, age=3, provider="p"), owed(2, 4 * TON, age=2, provider="p"), owed(3, 4 * TON, age=1))
    assert paid(*found, rules=rules) == [4 * TON, TON, 4 * TON]
    spent = Spent(2 * TON, {scope(found[0].account): 2 * TON})
    assert paid(found[0], spent=spent, rules=rules) == [3 * TON]


def test_a_payment_that_the_wallet_can_not_cover_waits_and_others_go() -> None:
    big, small = Payment(owed(1, 1).account, NanoTon(50 * TON)), Payment(owed(2, 1).account, NanoTon(TON))
    assert fitting([big, small], NanoTon(10 * TON), RULES) == [small]


def test_the_reserve_stays_in_the_wallet() -> None:
    one = Payment(owed(1, 1).account, NanoTon(TON))
    enough = NanoTon(needed(NanoTon(TON), 1) + RULES.reserve)
    assert fitting([one], enough, RULES) == [one]
    assert fitting([one], NanoTon(enough - 1), RULES) == []


def test_a_batch_has_254_transfers_at_most() -> None:
    many = [Payment(owed(number, 1).account, NanoTon(1)) for number in range(300)]
    assert len(fitting(many, NanoTon(10**15), RULES)) == 254


def test_addresses_that_are_never_paid() -> None:
    account = owed(1, 1).account
    assert unpayable(account, frozenset(), RULES) == ""
    assert "hot wallet" in unpayable(account, frozenset([account.payee]), RULES)
    assert "not paid on" in unpayable(payee("c", "p", "-1:" + "0" * 64), frozenset(), RULES)
    assert unpayable(payee("c", "p", "0:12"), frozenset(), RULES) != ""


amounts = st.integers(min_value=0, max_value=20 * TON)
accounts = st.lists(
    st.tuples(amounts, st.integers(min_value=0, max_value=9999), st.sampled_from(["p", "q", "r"])), max_size=40
)


@given(accounts, st.integers(0, 40 * TON), st.integers(0, 40 * TON), st.integers(0, 60 * TON))
def test_no_cap_and_no_wallet_is_ever_overdrawn(
    found: list[tuple[int, int, str]], cap: int, cap_each: int, funds: int
) -> None:
    rules = structs.replace(RULES, daily_cap=NanoTon(cap), daily_cap_per_provider=NanoTon(cap_each))
    books = [owed(number, balance, age, provider) for number, (balance, age, provider) in enumerate(found)]
    balances = {each.account.name: each.balance for each in books}

    payments = due(books, Spent(), rules, NOW)
    batch = fitting(payments, NanoTon(funds), rules)

    by_provider = Counter[str]()
    for payment in payments:
        by_provider[payment.account.provider] += payment.amount
        assert 0 < payment.amount <= balances[payment.account.name]
    assert sum(by_provider.values()) <= cap
    assert all(total <= cap_each for total in by_provider.values())
    assert len({payment.account.name for payment in payments}) == len(payments)
    total = NanoTon(sum(payment.amount for payment in batch))
    assert not batch or needed(total, len(batch)) + rules.reserve <= funds
