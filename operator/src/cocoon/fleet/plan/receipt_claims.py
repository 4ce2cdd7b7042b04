"""What a receipt says, read without checking its signature: whoever observed it has done that (RFC 7515, section 3)."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

import msgspec

from cocoon.api.receipts import Claims

_DECODER = msgspec.json.Decoder(Claims)


@lru_cache(maxsize=4096)
def claims_of(receipt: str) -> Claims | None:
    """The claims of a compact JWS, or None if it is none."""
    parts = receipt.split(".")
    if len(parts) != 3:
        return None
    try:
        return _DECODER.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        return None
