"""Sealed jobs: a client's terms in the header of its file, and what is signed when a key is released for it.

The header's MAC is keyed with the file's own key, so nobody without that key can add, change or drop the terms. They
are readable by everybody, and have exactly one form.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from cocoon.api.sealing import MAXIMUM_MEASUREMENTS, MAXIMUM_RELEASES, STANZA, JobPolicy
from cocoon.attest.age import keys, wrapping
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.header import Header, Stanza
from cocoon.attest.age.payload import Sealer
from cocoon.attest.preimage import prefixed

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(JobPolicy)
_FORMS: Final = {
    "id": re.compile(r"[0-9a-f]{32}"),
    "epoch": re.compile(r"[0-9a-f]{16}"),
    "model": re.compile(r"[0-9a-f]{64}"),
    "namespace": re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"),
    "name": re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"),
}
_MEASUREMENT: Final = re.compile(r"[0-9a-z-]{1,128}")


class NoPolicy(ValueError):
    """The header holds no terms of a client that could be kept; the message says why."""


def stanza(policy: JobPolicy) -> Stanza:
    """The terms as they stand in a header."""
    return Stanza((STANZA,), _ENCODER.encode(policy))


def policy_of(header: Header) -> JobPolicy:
    """The client's terms, which are authentic only once the header's MAC was checked. Raises NoPolicy."""
    found = [each for each in header.stanzas if each.kind == STANZA]
    if len(found) != 1 or len(found[0].arguments) != 1:
        raise NoPolicy(
            f"The file's header has {len(found)} policies instead of one: seal it with `kubectl cocoon seal`."
        )
    try:
        policy = _DECODER.decode(found[0].body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NoPolicy(f"The policy in the file's header can't be read: {str(error)[:200]}.") from None
    if _ENCODER.encode(policy) != found[0].body:
        raise NoPolicy("The policy in the file's header is not in its one canonical form.")
    check(policy)
    return policy


def check(policy: JobPolicy) -> None:
    """Raise NoPolicy for terms that are not well-formed."""
    for name, form in _FORMS.items():
        if not form.fullmatch(getattr(policy, name)):
            raise NoPolicy(f"The policy's {name} is malformed.")
    if len(policy.measurements) > MAXIMUM_MEASUREMENTS or not all(map(_MEASUREMENT.fullmatch, policy.measurements)):
        raise NoPolicy("The policy's measurements are malformed.")
    if not 1 <= policy.releases <= MAXIMUM_RELEASES or policy.gpus < 0 or not 0 < policy.expires < 1 << 40:
        raise NoPolicy("The policy's releases, gpus or expires are out of range.")
    try:
        keys.recipient_key(policy.output)
    except AgeError as error:
        raise NoPolicy(f"The policy's output is no age recipient: {error}") from None


def begin(policy: JobPolicy, recipients: Sequence[bytes]) -> tuple[bytes, Sealer]:
    """The header of a new sealed file for these X25519 keys, and what seals its content. Raises AgeError, NoPolicy."""
    check(policy)
    file_key = wrapping.new_file_key()
    stanzas = [*(wrapping.wrap(file_key, recipient) for recipient in recipients), stanza(policy)]
    return wrapping.build(file_key, stanzas), Sealer(file_key)


def begin_output(recipient: bytes) -> tuple[bytes, Sealer]:
    """The header of a plain age file for one X25519 key, and what seals its content."""
    file_key = wrapping.new_file_key()
    return wrapping.build(file_key, [wrapping.wrap(file_key, recipient)]), Sealer(file_key)


def release_message(nonce: bytes, header: bytes, keyring_tls: bytes) -> bytes:
    """What a runner signs to have this header re-sealed, over a channel whose keyring showed this TLS key (its pin)."""
    return prefixed("cocoon/release/v1", nonce, hashlib.sha256(header).digest(), keyring_tls)


def join_message(holder_nonce: bytes, joiner_nonce: bytes, holder_tls: bytes) -> bytes:
    """What a new keyring signs to be handed the identity."""
    return prefixed("cocoon/join/v1", holder_nonce, joiner_nonce, holder_tls)


def handover_message(holder_nonce: bytes, joiner_nonce: bytes, joiner: bytes, sealed: bytes) -> bytes:
    """What the holder signs: both nonces, the new keyring's evidence and the sealed identities."""
    digests = [hashlib.sha256(part).digest() for part in (joiner, sealed)]
    return prefixed("cocoon/handover/v1", holder_nonce, joiner_nonce, *digests)
