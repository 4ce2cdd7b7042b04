"""What a transaction of a lane's wallet means for the books. Pure: a change to be written, the same one each time.

| event | a batch of ours | otherwise |
|---|---|---|
| Accepted | taken; or expired, if it could not send itself the list | foreign: somebody else has our key |
| Paid | confirmed with exactly its transfers; or expired with none | foreign: adopted where its ids lead |
| Returned | the transfer bounced | as Received |
| Received | | a deposit from a funder, else unattributed |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.payout.ledger.accounts import DEPOSITS, HOT_WALLET, NETWORK_COSTS, RETURNED, UNATTRIBUTED, Account
from cocoon.payout.ledger.entries import Entry, Reason
from cocoon.payout.sending.batches import in_flight_of
from cocoon.ton.chain import WalletTransaction
from cocoon.ton.highload import Transfer
from cocoon.ton.wallet_history import Accepted, ListReturned, Paid, Received, Returned, WalletEvent

Meaning = Literal[
    "accepted", "refused", "paid", "unpaid", "list returned", "bounce", "funding", "stranger", "foreign", "unexplained"
]
Outcome = Literal["taken", "confirmed", "expired"]


class KnownTransfer(Struct, frozen=True):
    """A transfer that is in the books."""

    id: str
    account: Account
    amount: NanoTon
    state: str


class KnownBatch(Struct, frozen=True):
    """A batch that has not come to an end, or none (`number` 0) if the books know of none."""

    number: int
    transfers: tuple[KnownTransfer, ...]


class Finding(Struct, frozen=True):
    """What to write: the batch's outcome, the id of a transfer that bounced, and the entries.

    `foreign` and `query`: the transfers and the query id of a message that the books did not make.
    """

    meaning: Meaning
    entries: tuple[Entry, ...] = ()
    batch: int | None = None
    outcome: Outcome | None = None
    bounced: str = ""
    foreign: tuple[Transfer, ...] = ()
    query: int | None = None


class Place(Struct, frozen=True):
    """Whose history it is, and who funds it."""

    lane: int
    address: Address
    funders: tuple[Address, ...] = ()


def find(
    place: Place, transaction: WalletTransaction, event: WalletEvent, known: KnownBatch | KnownTransfer | None
) -> Finding:
    """The meaning of an event, given the batch or the transfer that it speaks of, if the books know it."""
    fees = tuple(_fees(place, transaction))
    batch = known if isinstance(known, KnownBatch) else None
    if isinstance(event, Accepted):
        return _accepted(event, transaction, batch, fees)
    if isinstance(event, Paid):
        return _paid(place, event, transaction, batch, fees)
    if isinstance(event, ListReturned):
        return Finding("list returned", fees)
    bounced = known if isinstance(known, KnownTransfer) and known.state == "confirmed" else None
    if isinstance(event, Returned) and bounced is not None:
        return Finding("bounce", (*fees, *_incoming(place, transaction, "bounce", RETURNED)), bounced=bounced.id)
    return _received(place, event, transaction, fees)


def _accepted(
    event: Accepted, transaction: WalletTransaction, batch: KnownBatch | None, fees: tuple[Entry, ...]
) -> Finding:
    if batch is None:
        return Finding("foreign", fees, query=event.query_id)
    if event.list_sent:
        return Finding("accepted", fees, batch.number, "taken")
    return Finding("refused", (*fees, *expiring(batch, transaction.utime)), batch.number, "expired")


def _paid(
    place: Place, event: Paid, transaction: WalletTransaction, batch: KnownBatch | None, fees: tuple[Entry, ...]
) -> Finding:
    payments = tuple(each for each in event.transfers if not each.to.same_account(place.address))
    if batch is None:
        return Finding("foreign", fees, foreign=payments)
    if not payments:
        return Finding("unpaid", (*fees, *expiring(batch, transaction.utime)), batch.number, "expired")
    if not _agree(payments, batch):
        return Finding("unexplained", fees)
    return Finding("paid", (*fees, *_confirming(batch, transaction.utime)), batch.number, "confirmed")


def _agree(payments: Sequence[Transfer], batch: KnownBatch) -> bool:
    """Whether exactly the batch's transfers were sent."""
    sent = sorted((each.payment, each.to.raw(), each.amount) for each in payments)
    return sent == sorted((each.id, each.account.payee, each.amount) for each in batch.transfers)


def _received(
    place: Place, event: Returned | Received, transaction: WalletTransaction, fees: tuple[Entry, ...]
) -> Finding:
    source = event.source
    if isinstance(event, Received) and source is not None and any(source.same_account(each) for each in place.funders):
        return Finding("funding", (*fees, *_incoming(place, transaction, "funding", DEPOSITS)))
    return Finding("stranger", (*fees, *_incoming(place, transaction, "stranger", UNATTRIBUTED)))


def expiring(batch: KnownBatch, at: int) -> Iterator[Entry]:
    """The money goes back to what is owed."""
    for each in batch.transfers:
        yield Entry(f"expired:{each.id}", at, in_flight_of(each.account), each.account, each.amount, "expired", each.id)


def _confirming(batch: KnownBatch, at: int) -> Iterator[Entry]:
    for each in batch.transfers:
        yield Entry(
            f"confirmed:{each.id}", at, in_flight_of(each.account), HOT_WALLET, each.amount, "confirmed", each.id
        )


def _fees(place: Place, transaction: WalletTransaction) -> Iterator[Entry]:
    if transaction.fees:
        yield _entry(place, transaction, "network cost", (NETWORK_COSTS, HOT_WALLET), transaction.fees)


def _incoming(place: Place, transaction: WalletTransaction, reason: Reason, account: Account) -> Iterator[Entry]:
    if transaction.inbound is not None and transaction.inbound.value:
        yield _entry(place, transaction, reason, (HOT_WALLET, account), transaction.inbound.value)


def _entry(
    place: Place, transaction: WalletTransaction, reason: Reason, between: tuple[Account, Account], amount: NanoTon
) -> Entry:
    name, reference = f"{reason}:{place.lane}:{transaction.id.lt}", transaction.id.hash.hex()
    return Entry(name, transaction.utime, between[0], between[1], amount, reason, reference)
