"""The id of a transfer: it stands in the transfer's message, so that the chain itself says whose payment it was.

    k3v7q2mzpa-5r0c…      mark of the payee's account (10) - what no other transfer has (16): base 32, 27 characters

After a total loss of the database, the mark and the address lead from a payment on the chain back to its account.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

MARK: Final = 10
_UNIQUE: Final = 16


def mark(account: str) -> str:
    """Of an account's name: 50 bits, which together with the payee's address tell its providers apart."""
    return _digest(f"account {account}", MARK)


def payment_id(account: str, lane: int, query: int, created_at: int) -> str:
    """The id of the transfer to this account in this batch. The same arguments always give the same id."""
    return f"{mark(account)}-{_digest(f'transfer {account} {lane} {query} {created_at}', _UNIQUE)}"


def mark_of(payment: str) -> str:
    """The account's mark in a payment id; empty if it is none of ours."""
    head, dash, tail = payment.partition("-")
    return head if dash and len(head) == MARK and len(tail) == _UNIQUE else ""


def _digest(text: str, length: int) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:length]
