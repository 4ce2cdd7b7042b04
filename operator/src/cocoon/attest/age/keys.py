"""Keys as people write them: `age1…` names a recipient, `AGE-SECRET-KEY-1…` is an identity."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest.age import bech32
from cocoon.attest.preimage import prefixed

_RECIPIENT: Final = "age"
_IDENTITY: Final = "age-secret-key-"


def recipient_text(public_key: bytes) -> str:
    """The recipient `age1…` of an X25519 public key (32 bytes)."""
    return bech32.encode(_RECIPIENT, public_key)


def recipient_key(text: str) -> bytes:
    """The X25519 public key (32 bytes) of `age1…`. Raises AgeError."""
    return bech32.decode(text, _RECIPIENT)


def identity_text(identity: X25519PrivateKey) -> str:
    """The identity as `age-keygen` prints it."""
    return bech32.encode(_IDENTITY, identity.private_bytes_raw()).upper()


def identity_key(text: str) -> X25519PrivateKey:
    """The identity that `age-keygen` printed. Raises AgeError."""
    return X25519PrivateKey.from_private_bytes(bech32.decode(text, _IDENTITY))


def epoch(public_key: bytes) -> str:
    """The public name, 16 hex digits, of a job-sealing recipient: X25519 stanzas themselves name none."""
    return hashlib.sha256(prefixed("cocoon/epoch/v1", public_key)).hexdigest()[:16]
