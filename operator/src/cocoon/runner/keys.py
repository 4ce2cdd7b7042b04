"""The keys of one start of the runner. They live in memory only: after a restart the server must be attested again."""

from __future__ import annotations

import uuid
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from cocoon.api.evidence import Keys
from cocoon.attest import tls


class KeyRing(Struct, frozen=True):
    """Private keys; `boot` names this start."""

    boot: str
    receipt: Ed25519PrivateKey
    sealing: X25519PrivateKey
    tls: tls.Identity

    @property
    def public(self) -> Keys:
        """What evidence binds."""
        return Keys(
            tls=self.tls.spki,
            receipt=self.receipt.public_key().public_bytes_raw(),
            sealing=self.sealing.public_key().public_bytes_raw(),
        )


def make_keys(now: datetime) -> KeyRing:
    """Fresh keys."""
    return KeyRing(
        boot=uuid.uuid4().hex,
        receipt=Ed25519PrivateKey.generate(),
        sealing=X25519PrivateKey.generate(),
        tls=tls.make_identity("runner.cocoonfleet.io", now),
    )
