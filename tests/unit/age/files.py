"""Whole age files in memory, made and opened by our own code."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest.age import header, payload, wrapping
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.header import Stanza


def public(identity: X25519PrivateKey) -> bytes:
    return identity.public_key().public_bytes_raw()


def seal(content: bytes, *recipients: bytes, extra: Sequence[Stanza] = ()) -> bytes:
    file_key = wrapping.new_file_key()
    head = wrapping.build(file_key, [*(wrapping.wrap(file_key, each) for each in recipients), *extra])
    sealer = payload.Sealer(file_key)
    return head + sealer.push(content) + sealer.finish()


def parts(file: bytes) -> tuple[bytes, bytes]:
    found = header.split(file)
    if found is None:
        raise AgeError("header", "The header never ends.")
    return found


def unseal(file: bytes, *identities: X25519PrivateKey, step: int = 1 << 20) -> bytes:
    raw, rest = parts(file)
    opener = payload.Opener(wrapping.unwrap(header.parse(raw), identities).file_key)
    out = [opener.push(rest[i : i + step]) for i in range(0, len(rest), step)]
    return b"".join([*out, opener.finish()])
