"""What each transaction of a highload wallet means for whoever pays with it.

external message ──▶ Accepted ──▶ own message ──▶ Paid, all or nobody
                        │                            │ (nothing sent)
                        └ nothing sent: the query    └──▶ ListReturned: its value is back
                          id is burnt, nobody paid
a payee refuses  ──▶ Returned        anything else ──▶ Received
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct
from ton_core import Cell

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.cells import from_boc
from cocoon.ton.chain import Message, MessageKind, WalletTransaction
from cocoon.ton.highload import INTERNAL_TRANSFER, HighloadWallet, Transfer
from cocoon.ton.payment_comment import read_bounced_comment, read_comment

_NOT_OURS: Final = "this transaction is none of a highload wallet"


class Accepted(Struct, frozen=True):
    """The wallet took a message: its query id is used. Unless `list_sent`, nobody is paid by it, ever."""

    query_id: int
    created_at: int
    list_sent: bool


class Paid(Struct, frozen=True):
    """The list of `query_id` was carried out. `transfers` are those really sent: all, or none if that failed."""

    query_id: int
    transfers: tuple[Transfer, ...]


class ListReturned(Struct, frozen=True):
    """The wallet's own message came back, since its list failed: nobody was paid by it."""

    amount: NanoTon


class Returned(Struct, frozen=True):
    """A transfer bounced: `amount` is what is left of it. `payment` is its id, "" if it had none."""

    source: Address
    amount: NanoTon
    payment: str


class Received(Struct, frozen=True):
    """Somebody sent coins. `source` is none if there is no such account."""

    source: Address | None
    amount: NanoTon
    comment: str


WalletEvent: TypeAlias = Accepted | Paid | ListReturned | Returned | Received


class NotOurs(ValueError):
    """A transaction that no highload wallet makes: the address, or the code behind it, is another's."""


def read_event(wallet: HighloadWallet, transaction: WalletTransaction) -> WalletEvent:
    """What a transaction of this wallet means. Raises NotOurs."""
    message = transaction.inbound
    if message is None:
        raise NotOurs(f"{transaction.id.hash.hex()} has no message to act on: {_NOT_OURS}")
    if message.kind is MessageKind.EXTERNAL_IN:
        return _accepted(message, transaction)
    body, from_self = from_boc(message.body), _is(message.source, wallet.address)
    if message.bounced:
        return _bounced(message, body, from_self=from_self)
    if from_self and (query := _query_of_list(body)) is not None:
        return Paid(query, tuple(_transfer(sent) for sent in transaction.outbound))
    return Received(message.source, message.value, read_comment(body))


def _accepted(message: Message, transaction: WalletTransaction) -> Accepted:
    body = from_boc(message.body)
    if not body.refs or len(body.refs[0].bits) != 32 + 8 + 23 + 64 + 22:
        raise NotOurs(f"{transaction.id.hash.hex()} took a message of another kind: {_NOT_OURS}")
    signed = body.refs[0].begin_parse().skip_bits(32 + 8)
    return Accepted(signed.load_uint(23), signed.load_uint(64), list_sent=len(transaction.outbound) == 1)


def _bounced(message: Message, body: Cell, *, from_self: bool) -> ListReturned | Returned:
    if from_self or message.source is None:
        return ListReturned(message.value)
    return Returned(message.source, message.value, read_bounced_comment(body))


def _query_of_list(body: Cell) -> int | None:
    reader = body.begin_parse()
    if reader.remaining_bits < 96 or reader.load_uint(32) != INTERNAL_TRANSFER:
        return None
    return reader.load_uint(64)


def _transfer(sent: Message) -> Transfer:
    if sent.destination is None:
        raise NotOurs(f"A list sent a message to no account: {_NOT_OURS}")
    return Transfer(sent.destination, sent.value, read_comment(from_boc(sent.body)), bounce=sent.bounceable)


def _is(one: Address | None, other: Address) -> bool:
    return one is not None and one.same_account(other)
