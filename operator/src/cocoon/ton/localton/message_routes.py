"""Where messages go, and which ones a transaction sent: the little of them that the chain itself has to read."""

from __future__ import annotations

from typing import Final, Literal

import ton_core
from msgspec import Struct
from ton_core import Cell

_TRANSACTION_HEADER_BITS: Final = 4 + 256 + 64 + 256 + 64 + 32


class Route(Struct, frozen=True):
    """The account (hash) that a message is for. Outbound: for nobody on the chain."""

    kind: Literal["internal", "external", "outbound"]
    workchain: int = 0
    account: bytes = b""


def route(message: Cell) -> Route:
    """Read the header of a message. Raises TypeError if it is for no account."""
    reader = message.begin_parse()
    if not reader.load_bit():
        reader.skip_bits(3)
        reader.load_address()
        return _to(reader.load_address(), "internal")
    if reader.load_bit():
        return Route("outbound")
    reader.load_address()
    return _to(reader.load_address(), "external")


def _to(address: object, kind: Literal["internal", "external"]) -> Route:
    if not isinstance(address, ton_core.Address):
        raise TypeError("a message is for no account")
    return Route(kind, address.wc, address.hash_part)


def sent_messages(transaction: Cell) -> list[Cell]:
    """The messages that a transaction sent, in their order."""
    reader = transaction.begin_parse().skip_bits(_TRANSACTION_HEADER_BITS)
    if reader.load_uint(15) == 0:
        return []
    messages = transaction.refs[0].begin_parse()
    messages.load_maybe_ref()  # the inbound one
    sent = messages.load_dict(15, value_deserializer=lambda value: value.load_ref()) or {}
    return [sent[place] for place in sorted(sent)]
