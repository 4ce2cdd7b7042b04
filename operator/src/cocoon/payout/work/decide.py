"""What becomes of sound receipts, one after the other, given the books. Pure: the books' excerpt changes, nothing else.

The first receipt that ends a job claims its payment; later ones are kept as superseded. The receipt of an interrupted
attempt is kept and claims nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from msgspec import Struct, field

from cocoon.api.money import NanoTon
from cocoon.api.payout import WorkAnswer, WorkState
from cocoon.api.ton_address import parse_address
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, Reason
from cocoon.payout.ledger.fees import fee
from cocoon.payout.refusal import Refusal
from cocoon.payout.terms import Terms
from cocoon.payout.work.case import Case

DAY: Final = 86_400


class Known(Struct, frozen=True):
    """A receipt that is in the books."""

    receipt: str
    answer: WorkAnswer


class Excerpt(Struct):
    """Of the books, what these cases may touch. `paid` by (cluster, job); `daily` by scope, "" for all providers."""

    receipts: dict[str, Known] = field(default_factory=dict)
    paid: dict[tuple[str, str], str] = field(default_factory=dict)
    available: dict[str, int] = field(default_factory=dict)
    daily: dict[str, int] = field(default_factory=dict)
    accepted_today: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Taken(Struct, frozen=True):
    """A receipt that goes into the books, with the entries that it makes."""

    case: Case
    answer: WorkAnswer
    entries: tuple[Entry, ...] = ()


class Again(Struct, frozen=True):
    """A receipt that was taken before."""

    answer: WorkAnswer


Decision = Taken | Again | Refusal


def day_of(instant: float) -> int:
    """Days since 1970, in UTC."""
    return int(instant // DAY)


def scope_of(case: Case) -> str:
    """Whose daily cap it counts against: a provider's uid is its own cluster's word only."""
    return f"{case.submission.cluster}/{case.claims.provider}"


def decide(case: Case, books: Excerpt, terms: Terms) -> Decision:
    """What becomes of a case that no rule objects to; the excerpt then holds it."""
    known = books.receipts.get(case.claims.jti)
    if known is not None:
        return _again(case, known)
    job = (case.submission.cluster, case.job)
    if case.claims.outcome == "Interrupted":
        return _keep(case, "Interrupted", books, books.paid.get(job, ""))
    if job in books.paid:
        return _keep(case, "Superseded", books, books.paid[job])
    return _capped(case, books, terms) or _uncovered(case, books) or _accept(case, books, terms)


def _again(case: Case, known: Known) -> Decision:
    if known.receipt == case.submission.receipt:
        return Again(known.answer)
    return Refusal("IdReused", "receipt.jti", "Another receipt of this jti is in the books: the key signed two.", 409)


def _keep(case: Case, state: WorkState, books: Excerpt, accepted: str) -> Taken:
    answer = WorkAnswer(case.claims.jti, state, case.claims.cost, "0", accepted)
    books.receipts[case.claims.jti] = Known(case.submission.receipt, answer)
    return Taken(case, answer)


def _capped(case: Case, books: Excerpt, terms: Terms) -> Refusal | None:
    limits = (("", terms.daily_cap, "all providers"), (scope_of(case), terms.daily_cap_per_provider, "this provider"))
    for scope, cap, whose in limits:
        if books.daily.get(scope, 0) + case.cost > cap:
            detail = f"The daily cap of {whose} is reached: {cap} nanoTON. Hand it in again after midnight UTC."
            return Refusal("DailyCapReached", "receipt.cost", detail, 429)
    return None


def _uncovered(case: Case, books: Excerpt) -> Refusal | None:
    account = accounts.client(case.submission.cluster, case.claims.namespace)
    available = books.available.get(account.name, 0)
    if case.cost > available:
        detail = f"The namespace's account holds {available} nanoTON and the job cost {case.cost}: credit it first."
        return Refusal("NotCovered", "receipt.namespace", detail, 402)
    return None


def _accept(case: Case, books: Excerpt, terms: Terms) -> Taken:
    cluster, claims = case.submission.cluster, case.claims
    share = fee(case.cost, terms.fee_basis_points)
    client = accounts.client(cluster, claims.namespace)
    answer = WorkAnswer(claims.jti, "Accepted", claims.cost, str(share), claims.jti)
    books.available[client.name] = books.available.get(client.name, 0) - case.cost
    books.paid[cluster, case.job] = claims.jti
    books.receipts[claims.jti] = Known(case.submission.receipt, answer)
    for scope in ("", scope_of(case)):
        books.daily[scope] = books.daily.get(scope, 0) + case.cost
        books.accepted_today[scope] += case.cost
    return Taken(case, answer, entries_of(case, share))


def entries_of(case: Case, share: NanoTon) -> tuple[Entry, ...]:
    """What an accepted receipt moves, `share` of it to the service."""
    claims = case.claims
    client = accounts.client(case.submission.cluster, claims.namespace)
    payee = accounts.payee(case.submission.cluster, claims.provider, parse_address(claims.payee).raw())
    moves: tuple[tuple[Reason, accounts.Account, NanoTon], ...] = (
        ("work", payee, NanoTon(case.cost - share)),
        ("fee", accounts.FEES, share),
    )
    return tuple(
        Entry(f"{reason}:{claims.jti}", case.now, client, target, amount, reason, claims.jti)
        for reason, target, amount in moves
        if amount > 0
    )
