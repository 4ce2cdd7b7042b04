"""Nonces that the keyring asks evidence with: recognised without being remembered, and good for one use.

    nonce = milliseconds since 1970 (8 bytes, big-endian) | 8 random bytes | HMAC-SHA-256 of both, cut to 16 bytes

So callers who ask for challenges and never answer cost no memory; only used ones are remembered, until they expire.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Callable
from typing import Final

from cocoon.api.evidence import NONCE_BYTES
from cocoon.api.sealing import CHALLENGE_LIFETIME
from cocoon.keyring.refusals import Refusal

_HEAD: Final = 16


class Challenges:
    """`now` gives seconds since 1970; a host that sets it back gains nothing."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._key = os.urandom(32)
        self._used: dict[bytes, float] = {}

    def make(self) -> bytes:
        """A fresh one, 32 bytes."""
        head = struct.pack(">Q", int(self._now() * 1_000)) + os.urandom(8)
        return head + self._tag(head)

    def spend(self, nonce: bytes) -> None:
        """Use it up. Raises Refusal unless it is ours, fresh and unused."""
        head = nonce[:_HEAD]
        if len(nonce) != NONCE_BYTES or not hmac.compare_digest(self._tag(head), nonce[_HEAD:]):
            raise Refusal("NonceRefused", "The evidence does not answer a challenge of this keyring.")
        now, (made,) = self._now(), struct.unpack(">Q", head[:8])
        if not 0 <= now - made / 1_000 + 0.001 <= CHALLENGE_LIFETIME:
            raise Refusal("NonceRefused", "The challenge has expired: ask for another and answer it at once.")
        self._forget(now)
        if nonce in self._used:
            raise Refusal("NonceRefused", "The challenge was used before: this is a replay.")
        self._used[nonce] = now

    def _forget(self, now: float) -> None:
        while self._used and now - next(iter(self._used.values())) > CHALLENGE_LIFETIME + 1:
            del self._used[next(iter(self._used))]

    def _tag(self, head: bytes) -> bytes:
        return hmac.digest(self._key, head, "sha256")[: NONCE_BYTES - _HEAD]
