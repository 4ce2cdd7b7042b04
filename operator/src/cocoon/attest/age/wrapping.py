"""A file's key in and out of a header: X25519 stanzas, and the MAC that binds every stanza to the key.

The payload's key depends on the file's key and the payload's own nonce alone. So whoever holds the file's key can give
the file a new header, for another recipient, and leave the payload as it is.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct

from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.header import VERSION, Header, Stanza, decode64, encode64

FILE_KEY: Final = 16
_KIND: Final = "X25519"
_INFO: Final = b"age-encryption.org/v1/X25519"
_NONCE: Final = bytes(12)  # each wrapping key is used once


class Opened(Struct, frozen=True):
    """What a header held: the file's key, and which of the identities opened it."""

    file_key: bytes
    identity: int


def new_file_key() -> bytes:
    """16 random bytes."""
    return os.urandom(FILE_KEY)


def derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256, 32 bytes."""
    return HKDF(hashes.SHA256(), 32, salt or None, info).derive(secret)


def wrap(file_key: bytes, recipient: bytes) -> Stanza:
    """A stanza that the holder of this X25519 key (32 bytes, public) can open. Raises AgeError."""
    ephemeral = X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    try:
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    except ValueError:
        raise AgeError(
            "key", "The recipient is a point of low order, or no point at all: its owner is not one."
        ) from None
    key = derive(shared, share + recipient, _INFO)
    return Stanza((_KIND, encode64(share).decode()), ChaCha20Poly1305(key).encrypt(_NONCE, file_key, None))


def build(file_key: bytes, stanzas: Sequence[Stanza]) -> bytes:
    """A whole header with these stanzas, under this file's key."""
    text = VERSION + b"\n" + b"".join(stanza.encode() for stanza in stanzas) + b"---"
    return text + b" " + encode64(_mac(file_key, text)) + b"\n"


def unwrap(header: Header, identities: Sequence[X25519PrivateKey]) -> Opened:
    """The file's key, once the MAC has been checked with it. Raises AgeError."""
    shares = [_share(stanza) for stanza in header.stanzas if stanza.kind == _KIND]
    for number, identity in enumerate(identities):
        for share, body in shares:
            file_key = _open(identity, share, body)
            if file_key is None:
                continue
            if not hmac.compare_digest(_mac(file_key, header.covered), header.mac):
                raise AgeError("mac", "The header's MAC is wrong: somebody changed the header.")
            return Opened(file_key, number)
    raise AgeError("no match", "The file is not sealed to this key.")


def _share(stanza: Stanza) -> tuple[bytes, bytes]:
    if len(stanza.arguments) != 2 or len(stanza.body) != FILE_KEY + 16:
        raise AgeError("header", "An X25519 stanza is malformed.")
    share = decode64(stanza.arguments[1].encode())
    if len(share) != 32:
        raise AgeError("header", "An X25519 stanza's share does not have 32 bytes.")
    return share, stanza.body


def _open(identity: X25519PrivateKey, share: bytes, body: bytes) -> bytes | None:
    try:
        shared = identity.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:
        raise AgeError("header", "An X25519 stanza's share is a point of low order.") from None
    key = derive(shared, share + identity.public_key().public_bytes_raw(), _INFO)
    try:
        return ChaCha20Poly1305(key).decrypt(_NONCE, body, None)
    except InvalidTag:
        return None


def _mac(file_key: bytes, covered: bytes) -> bytes:
    return hmac.digest(derive(file_key, b"", b"header"), covered, "sha256")
