"""Who is paid now, and how much.

What has waited longest comes first, so that a cap or an empty wallet delays nobody for ever. Small amounts wait until
they are worth the network's cost; the more payees share a batch, the smaller is what is worth it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from cocoon.api.money import NanoTon
from cocoon.api.times import Instant
from cocoon.api.ton_address import AddressError, parse_address
from cocoon.payout.ledger.accounts import Account
from cocoon.payout.sending.rules import SendingRules, cost, needed


class Owed(Struct, frozen=True):
    """An owner's account; its oldest unpaid part came in at `since`, 0 if it was sent before and never arrived.

    `minimum` and `delay`: what its owner asks for. `test`: a test payment, which is made however little it is.
    """

    account: Account
    balance: NanoTon
    since: Instant
    minimum: NanoTon = NanoTon(0)
    delay: float = 0.0
    test: bool = False


class Payment(Struct, frozen=True):
    """`amount` nanoTON for the owner of an account."""

    account: Account
    amount: NanoTon
    test: bool = False


class Spent(Struct, frozen=True):
    """What was reserved on this day and not given up: by provider (see `scope`), and in all."""

    total: int = 0
    by_provider: Mapping[str, int] = field(default_factory=dict)


def scope(account: Account) -> str:
    """Whose daily cap counts: a provider's uid is its own cluster's word only."""
    return f"{account.cluster}/{account.provider}"


def unpayable(account: Account, own: frozenset[str], rules: SendingRules) -> str:
    """Why nothing is ever sent to this account's address; empty if it can be paid. `own`: our wallets, raw."""
    try:
        address = parse_address(account.payee)
    except AddressError as error:
        return str(error)
    if address.workchain not in rules.workchains:
        return f"{account.payee} is on workchain {address.workchain}, which is not paid on."
    return f"{account.payee} is a hot wallet of this service." if address.raw() in own else ""


def due(owed: Sequence[Owed], spent: Spent, rules: SendingRules, now: Instant) -> list[Payment]:
    """Payments that may be sent now, those that waited longest first. `now` in chain time."""
    waiting = sorted(
        (each for each in owed if each.balance > 0 and _is_time(each, rules, now)),
        key=lambda each: (each.since, each.account.name),
    )
    capped = _capped(waiting, spent, rules)
    return _worth_it(capped, rules)


def fitting(payments: Sequence[Payment], funds: NanoTon, rules: SendingRules) -> list[Payment]:
    """Those that make up one batch of a wallet with these free funds, in their order; too big ones wait."""
    chosen: list[Payment] = []
    total = 0
    for payment in payments:
        if len(chosen) == rules.batch_size:
            break
        if needed(NanoTon(total + payment.amount), len(chosen) + 1) + rules.reserve <= funds:
            chosen.append(payment)
            total += payment.amount
    return chosen


def _is_time(each: Owed, rules: SendingRules, now: Instant) -> bool:
    minimum, delay = rules.bounded(each.minimum, each.delay)
    return each.test or each.balance >= minimum or now - each.since >= delay


def _capped(waiting: Sequence[Owed], spent: Spent, rules: SendingRules) -> list[Payment]:
    """Cut to what the day's caps leave; a part is paid only if it is a payout by itself."""
    payments: list[Payment] = []
    left = rules.daily_cap - spent.total
    taken: dict[str, int] = defaultdict(int, spent.by_provider)
    for each in waiting:
        whose = scope(each.account)
        amount = min(each.balance, left, rules.daily_cap_per_provider - taken[whose])
        least, _ = rules.bounded(each.minimum, each.delay)
        if amount == each.balance or amount >= max(1, least):
            payments.append(Payment(each.account, NanoTon(amount), each.test))
            left -= amount
            taken[whose] += amount
    return payments


def _worth_it(payments: list[Payment], rules: SendingRules) -> list[Payment]:
    """Without those that the network would take too much of, given how many share the cost."""
    while payments:
        together = min(len(payments), rules.batch_size)
        whole = cost(together) * rules.cost_share
        enough = rules.minimum_payout
        kept = [each for each in payments if each.test or each.amount >= enough or whole < each.amount * together]
        if len(kept) == len(payments):
            break
        payments = kept
    return payments
