"""What the payout service says of a receipt: how it stands in the books, and which payment on the chain followed.

It is the word of whoever runs that service, and the lines say so: it verifies the chain's proofs itself and keeps none,
so a client who wants to know compares the transaction with a view of the chain that it trusts.
"""

from __future__ import annotations

from collections.abc import Sequence

from cocoon.api.payout import Transfer, WorkEntry
from cocoon.api.receipts import Claims
from cocoon.api.times import format_time
from cocoon.api.ton_address import AddressError, parse_address
from cocoon.cli.amounts import in_ton
from cocoon.cli.verifying.lines import Line, no, unknown, yes
from cocoon.cli.verifying.material import Material, Part

_PLACES = 4


def ledger(material: Material, claims: Claims) -> Line:
    """Whether the books hold this receipt, as it is, as the one that is paid."""
    entry = material.entry
    if entry is None:
        return unknown("ledger", f"How it was booked is not known. {material.why('entry')}")
    wrong = _differences(entry, claims, material.receipt)
    if entry.state == "Superseded":
        wrong.append(
            "The books hold it as superseded: another receipt of this job was accepted, and this one not paid."
        )
    if (entry.state == "Interrupted") != (claims.outcome == "Interrupted"):
        wrong.append(f"The books hold it as {entry.state}, and its outcome is {claims.outcome}.")
    cost, fee = int(entry.cost), int(entry.fee)
    if fee > cost:
        wrong.append(f"The fee of {fee} nanoTON is above the cost of {cost}.")
    if wrong:
        return no("ledger", f"{' '.join(wrong)} So says {material.books}.")
    shares = f"{in_ton(cost)} TON, of which {in_ton(cost - fee)} are the owner's and {in_ton(fee)} the fee"
    return yes("ledger", f"{entry.state}: {shares}. So says {material.books}.")


def _differences(entry: WorkEntry, claims: Claims, receipt: str) -> list[str]:
    pairs = {
        "jti": (entry.jti, claims.jti),
        "job": (f"{entry.cluster}/{entry.job}", claims.sub),
        "attempt": (entry.attempt, claims.attempt),
        "outcome": (entry.outcome, claims.outcome),
        "namespace": (entry.namespace, claims.namespace),
        "name": (entry.name, claims.name),
        "provider": (entry.provider, claims.provider),
        "payee": (_account(entry.payee), _account(claims.payee)),
        "model": (entry.model, claims.model.name),
        "usage": (entry.usage, claims.usage),
        "cost": (entry.cost, claims.cost),
        "trust": (entry.trust, claims.trust.value),
        "evidence": (entry.evidence, claims.evidence_sha256),
        "finished": (entry.finished, claims.finished),
    }
    wrong = [f"The books have another {name} than the receipt." for name, (one, other) in pairs.items() if one != other]
    if entry.receipt not in ("", receipt):
        wrong.append("The books hold another receipt under its jti.")
    return wrong


def _account(text: str) -> str:
    """One form for all ways to write a wallet; what is none stays as it is."""
    try:
        return parse_address(text).raw()
    except AddressError:
        return text


def chain(material: Material, claims: Claims) -> Line:
    """Whether the owner was paid since, by a transaction that can be looked up."""
    entry = material.entry
    if entry is None or material.transfers is None:
        part: Part = "entry" if entry is None else "transfers"
        return unknown("chain", f"Whether the owner was paid is not known. {material.why(part)}")
    net = int(entry.cost) - int(entry.fee)
    if entry.state != "Accepted" or net <= 0:
        return yes("chain", "It moves no money, so nothing of it is on the chain.")
    later = [each for each in _payments(material.transfers, entry, claims) if each.reserved >= entry.received]
    confirmed = [each for each in later if each.state == "confirmed" and each.transaction]
    paid = sum(int(each.amount) for each in confirmed)
    if paid >= net:
        return yes("chain", _paid(confirmed, paid, material))
    return unknown("chain", _not_yet(later, net, paid, material))


def _payments(transfers: Sequence[Transfer], entry: WorkEntry, claims: Claims) -> list[Transfer]:
    """Payouts to the receipt's wallet for its provider, the oldest first."""
    wallet = _account(claims.payee)
    own = [
        each
        for each in transfers
        if (each.cluster, each.provider, _account(each.payee)) == (entry.cluster, entry.provider, wallet)
        and each.purpose == "payout"
    ]
    return sorted(own, key=lambda each: (each.reserved, each.id))


def _paid(confirmed: Sequence[Transfer], paid: int, material: Material) -> str:
    first = confirmed[0]
    at = f" at {format_time(first.settled)}" if first.settled is not None and 0 < first.settled < 1 << 37 else ""
    more = f" and {len(confirmed) - 1} more" if len(confirmed) > 1 else ""
    return (
        f"Since it was booked, {in_ton(paid)} TON were paid to its wallet: transfer {first.id} of "
        f"{in_ton(first.amount)} TON, confirmed{at} in transaction {first.transaction[:80]}{more}. So says "
        f"{material.books}, which verified the chain's proofs and keeps none: look the transaction up in an explorer "
        "that you trust."
    )


def _not_yet(later: Sequence[Transfer], net: int, paid: int, material: Material) -> str:
    states = [f"{each.id} {each.state}" for each in later if each.state != "confirmed"][:_PLACES]
    under_way = f" Under way or over: {', '.join(states)}." if states else ""
    return (
        f"Of the owner's {in_ton(net)} TON, payments of {in_ton(paid)} TON are confirmed since it was booked, says "
        f"{material.books}.{under_way} Owners are paid from a minimum amount on: ask again later."
    )
