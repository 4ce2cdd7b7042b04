"""The identity that jobs are sealed to: made here, held in memory, handed to other attested keyrings only."""

from __future__ import annotations

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from cocoon.attest.age import keys
from cocoon.keyring.refusals import Refusal
from cocoon.keyring.releases import Count


class Identity(Struct, frozen=True):
    """An X25519 key; its epoch is the public name of its recipient."""

    key: X25519PrivateKey

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self.key.public_key().public_bytes_raw()

    @property
    def recipient(self) -> str:
        """`age1…`."""
        return keys.recipient_text(self.public)

    @property
    def epoch(self) -> str:
        """16 hex digits."""
        return keys.epoch(self.public)


class Identities:
    """None until this keyring has joined others, or has been told to begin an epoch."""

    def __init__(self) -> None:
        self._held: Identity | None = None

    @property
    def ready(self) -> bool:
        """Whether there is one."""
        return self._held is not None

    @property
    def current(self) -> Identity:
        """The identity. Raises Refusal if there is none yet."""
        if self._held is None:
            raise Refusal("NotReady", "This keyring has no identity yet: it waits for another to hand it over.", 503)
        return self._held

    def begin(self) -> Identity:
        """Make a new identity, which begins a new epoch. Only if there is none."""
        return self.take(X25519PrivateKey.generate())

    def take(self, key: X25519PrivateKey) -> Identity:
        """Hold this identity from now on. Only if there is none."""
        if self._held is not None:
            raise Refusal("AlreadyHeld", "This keyring has an identity already and keeps it.", 409)
        self._held = Identity(key)
        return self._held

    def pack(self, counts: tuple[Count, ...]) -> bytes:
        """What a handover seals: the identity, and how often keys of files were released."""
        return msgspec.json.encode((keys.identity_text(self.current.key), counts))


def unpack(packed: bytes) -> tuple[X25519PrivateKey, tuple[Count, ...]]:
    """The identity in a handover, and the counts. Raises ValueError."""
    text, counts = msgspec.json.decode(packed, type=tuple[str, tuple[Count, ...]])
    return keys.identity_key(text), counts
