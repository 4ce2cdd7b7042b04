"""Reading a receipt: who says to have signed it, and whether that is so. Signatures are the slow part: on threads."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from cocoon.api.times import Instant
from cocoon.attest.receipts import open_receipt
from cocoon.payout.refusal import Refusal
from cocoon.payout.work.case import Case, Server, Submission

#: An RFC 7638 thumbprint: SHA-256 in base64url.
_THUMBPRINT: Final = 43
#: Receipts for one thread at a time: enough to be worth its while, few enough to share the cores.
_CHUNK: Final = 64


class _Issued(Struct):
    iss: str


def issuer(receipt: str) -> str:
    """The key that a receipt says to be signed by, unproven; empty if it says none."""
    parts = receipt.split(".")
    if len(parts) != 3:
        return ""
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = msgspec.json.decode(payload, type=_Issued).iss
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return ""
    return found if len(found) == _THUMBPRINT else ""


async def read_all(
    submissions: Sequence[Submission], servers: Mapping[str, Server], now: Instant
) -> list[Case | Refusal]:
    """A case for each receipt that its server has signed, in their order."""
    chunks = [submissions[start : start + _CHUNK] for start in range(0, len(submissions), _CHUNK)]
    read = await asyncio.gather(*(asyncio.to_thread(_read_chunk, chunk, servers, now) for chunk in chunks))
    return [each for chunk in read for each in chunk]


def _read_chunk(chunk: Sequence[Submission], servers: Mapping[str, Server], now: Instant) -> list[Case | Refusal]:
    return [read(each, servers, now) for each in chunk]


def read(submission: Submission, servers: Mapping[str, Server], now: Instant) -> Case | Refusal:
    """The case, or why the receipt can't be believed."""
    key = issuer(submission.receipt)
    if not key:
        return Refusal("InvalidReceipt", "receipt", "The receipt is no JWS that names its signer's key in `iss`.")
    server = servers.get(key)
    if server is None:
        return Refusal(
            "UnknownKey", "receipt.iss", f"No evidence of the key {key} was handed in, or none that was trusted."
        )
    try:
        claims = open_receipt(submission.receipt, server.public_key)
    except ValueError as error:
        return Refusal("InvalidReceipt", "receipt", str(error))
    return Case(submission, claims, server, now)
