"""Where evidence comes from inside a TEE: a port, and the software adapter for machines without one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct, field

from cocoon.api.evidence import FORMAT, Bundle, Keys, Role, Tee
from cocoon.api.trust import Trust
from cocoon.attest import development
from cocoon.attest.bundle import bind


class Collector(Protocol):
    """Collects evidence of the TEE that this process runs in."""

    @property
    def tee(self) -> Tee:
        """Which kind of TEE this is."""

    @property
    def trust(self) -> Trust:
        """What its evidence can be trusted as, at best."""

    async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
        """A fresh bundle bound to the nonce (32 bytes), the keys and the wallet. Raises OSError if the TEE fails."""


class SoftwareCollector(Struct, frozen=True, kw_only=True):
    """Development evidence: signed by a platform key made on the spot and certified by the public test root."""

    role: Role = "runner"
    measurement: str = "development"
    lifetime: float = development.LIFETIME
    now: Callable[[], float] = time.time
    platform: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    tee: Tee = "development"
    trust: Trust = Trust.TEST

    async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
        """A development bundle; its statement expires after `lifetime` seconds."""
        issued = self.now()
        about = bind(self.role, nonce, keys, payee)
        statement = development.Statement(about, self.measurement, issued, issued + self.lifetime)
        return Bundle(
            format=FORMAT,
            role=self.role,
            nonce=nonce,
            keys=keys,
            payee=payee,
            tee=self.tee,
            cpu=development.state(statement, self.platform),
            endorsements=development.certify(self.platform.public_key(), development.root()),
        )
