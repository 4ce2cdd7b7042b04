"""The claims of a receipt: the runner's signed statement of one attempt's work.

A receipt is a JWS in compact form, `typ: cocoon-receipt+jwt`, signed with Ed25519 by a key that evidence binds to a
TEE. `seq` and `prev` chain the receipts of one key: a gap means that somebody withheld one.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from cocoon.api.money import Price, Usage
from cocoon.api.trust import Trust

TYPE: Final = "cocoon-receipt+jwt"
ALGORITHM: Final = "Ed25519"

#: The first three end a job and may claim its payment; an interrupted attempt is never paid.
Outcome = Literal["Succeeded", "Failed", "Cancelled", "Interrupted"]


class ReceiptModel(Struct, frozen=True):
    """The model that answered, by name and by the digest that was checked before it was loaded."""

    name: str
    sha256: str


class Claims(Struct, frozen=True, omit_defaults=False):
    """All claims are required. Times are whole seconds since 1970; money is decimal strings of nanoTON."""

    iss: str
    """RFC 7638 thumbprint of the receipt key."""
    sub: str
    """`cluster uid/job uid`: many clusters can share one payout service."""
    jti: str
    iat: int
    attempt: int
    outcome: Outcome
    namespace: str
    name: str
    provider: str
    """The provider's uid."""
    payee: str
    model: ReceiptModel
    input_sha256: str
    output_sha256: str
    usage: Usage
    price: Price
    budget: str
    """Empty if no payout service is configured."""
    minimum_trust: Trust
    spec_sha256: str
    cost: str
    started: int
    finished: int
    evidence_sha256: str
    trust: Trust
    seq: int
    prev: str
    """SHA-256 (hex) of the key's previous receipt; of the evidence for the first one."""
