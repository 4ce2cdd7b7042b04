"""A batch as it is decided, before any of it is in the books: its transfers, its exact bytes, its entries. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from cocoon.api.money import NanoTon
from cocoon.api.times import Instant
from cocoon.api.ton_address import parse_address
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry
from cocoon.payout.sending.due import Payment
from cocoon.payout.sending.payment_ids import payment_id
from cocoon.payout.sending.rules import Lane, SendingRules
from cocoon.ton.highload import QUERY_IDS, Batch, Transfer, batch_message, message_hash, query_id

Purpose = Literal["payout", "test"]
#: What was reserved and has not come to an end.
OPEN: Final = ("reserved", "sent")


class Slot(Struct, frozen=True):
    """Where a batch goes: a lane, its next query number, and the chain time of the state that it was planned on."""

    lane: Lane
    number: int
    chain_time: int
    deployed: bool


class Draft(Struct, frozen=True):
    """A batch to be reserved; `transfers` are (id, payment)."""

    slot: Slot
    query: int
    created_at: int
    expires_at: int
    transfers: tuple[tuple[str, Payment], ...]

    @property
    def total(self) -> NanoTon:
        """All of its payments."""
        return NanoTon(sum(payment.amount for _, payment in self.transfers))


def draft(slot: Slot, payments: Sequence[Payment], rules: SendingRules) -> Draft:
    """The batch that pays these in this slot."""
    query = query_id(slot.number % QUERY_IDS)
    created_at = slot.chain_time - rules.clock_slack
    named = tuple(
        (payment_id(payment.account.name, slot.lane.number, query, created_at), payment) for payment in payments
    )
    return Draft(slot, query, created_at, created_at + slot.lane.wallet.timeout, named)


def query_number(query: int) -> int:
    """The number that `cocoon.ton.highload.query_id` made this query id of."""
    return (query >> 10) * 1023 + (query & 1023)


def sign(batch: Draft, key: Ed25519PrivateKey, rules: SendingRules) -> tuple[bytes, str]:
    """The batch's bytes, always the same, and the hash (hex) by which explorers know them. Raises BadBatch."""
    transfers = tuple(
        Transfer(parse_address(payment.account.payee), payment.amount, name, rules.bounce)
        for name, payment in batch.transfers
    )
    content = Batch(batch.query, batch.created_at, transfers, deploy=not batch.slot.deployed)
    message = batch_message(batch.slot.lane.wallet, key, content)
    return message, message_hash(message).hex()


def in_flight_of(owner: accounts.Account) -> accounts.Account:
    """Where an owner's money is while a transfer of it is under way."""
    return accounts.in_flight(owner.cluster, owner.provider, owner.payee)


def reserving(batch: Draft, at: Instant) -> list[Entry]:
    """The money leaves what is owed."""
    return [
        Entry(f"reserved:{name}", at, payment.account, in_flight_of(payment.account), payment.amount, "reserved", name)
        for name, payment in batch.transfers
    ]
