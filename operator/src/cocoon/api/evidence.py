"""The evidence bundle of one TEE, and the statement a verifier makes of it.

Everything in a bundle is bound to one nonce and one set of public keys, so that parts of two machines can't be put
together (docs/concepts/confidentiality.md). Byte strings are base64 on the wire.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from cocoon.api.trust import Trust

FORMAT: Final = "cocoon-evidence/1"
NONCE_BYTES: Final = 32
#: The largest bundle that is read at all: TDX, collateral, 8 GPUs and 4 switches with their chains take about 130 kB.
MAXIMUM_BYTES: Final = 1 << 20

Role = Literal["runner", "keyring"]
Tee = Literal["tdx", "snp", "development"]


class Keys(Struct, frozen=True, rename="camel"):
    """Public keys made inside the TEE at its start; they live in its memory only."""

    tls: bytes
    """SHA-256 of the TLS certificate's SubjectPublicKeyInfo, 32 bytes."""
    receipt: bytes
    """Ed25519 public key that signs receipts, 32 bytes."""
    sealing: bytes
    """X25519 public key that files are sealed to, 32 bytes."""


class GpuEvidence(Struct, frozen=True):
    """One GPU's own report (SPDM measurements) and certificate chain (PEM)."""

    report: bytes
    chain: bytes


class SwitchEvidence(Struct, frozen=True):
    """One NVSwitch's own report (SPDM measurements) and certificate chain (PEM)."""

    report: bytes
    chain: bytes


class Bundle(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a runner or keyring shows. `payee` is the wallet fixed in at the server's start.

    `switches` are there if the GPUs are in protected PCIe mode, and only then.
    """

    format: str
    role: Role
    nonce: bytes
    keys: Keys
    payee: str
    tee: Tee
    cpu: bytes
    endorsements: bytes = b""
    gpus: tuple[GpuEvidence, ...] = ()
    switches: tuple[SwitchEvidence, ...] = ()


class EvidenceRequest(Struct, frozen=True):
    """`POST /v1/evidence`: 32 bytes chosen by the verifier."""

    nonce: bytes


class Reason(Struct, frozen=True):
    """One thing that is wrong with evidence: a constant in CamelCase and a sentence that says what to do."""

    code: str
    message: str


class Verdict(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a policy says of evidence at a time.

    `not_after` (seconds since 1970) is when the first thing it rests on expires; `reasons` are all the failed
    checks and empty exactly if `trusted`; `evidence` is the bundle's SHA-256 in hex.
    """

    trusted: bool
    trust: Trust
    not_after: float
    evidence: str
    reasons: tuple[Reason, ...] = ()
