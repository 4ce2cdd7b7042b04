"""The payment id in a transfer: a text comment, which wallets show to the payee and which survives a bounce.

A bounced message carries 0xffffffff and the first 256 bits of the body it answers to; a comment begins with 32 zero
bits. That leaves 28 bytes to read a payment id back from (docs.ton.org, "Non-bounceable messages" and "Comments").
"""

from __future__ import annotations

from typing import Final

from ton_core import Cell, Slice, begin_cell

MAXIMUM_PAYMENT_ID: Final = 28
_COMMENT: Final = 0
_BOUNCED: Final = 0xFFFFFFFF


class BadPaymentId(ValueError):
    """Not 0 to 28 printable ASCII characters."""


def comment_body(payment: str) -> Cell | None:
    """The body of a transfer; none for an empty id. Raises BadPaymentId."""
    if not payment:
        return None
    if len(payment) > MAXIMUM_PAYMENT_ID or not (payment.isascii() and payment.isprintable()):
        raise BadPaymentId(f"{payment[:40]!r} is no payment id: use at most 28 printable ASCII characters.")
    return begin_cell().store_uint(_COMMENT, 32).store_bytes(payment.encode()).end_cell()


def read_comment(body: Cell) -> str:
    """The comment in a message's own cell, "" if there is none. What isn't UTF-8 is shown as U+FFFD."""
    reader = body.begin_parse()
    return _comment(reader)


def read_bounced_comment(body: Cell) -> str:
    """The comment of the message that bounced, as far as it comes back."""
    reader = body.begin_parse()
    if reader.remaining_bits < 32 or reader.load_uint(32) != _BOUNCED:
        return ""
    return _comment(reader)


def _comment(reader: Slice) -> str:
    if reader.remaining_bits < 32 or reader.load_uint(32) != _COMMENT:
        return ""
    return reader.load_bytes(reader.remaining_bits // 8).decode(errors="replace")
