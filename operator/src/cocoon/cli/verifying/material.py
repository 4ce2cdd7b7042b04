"""What there is to check a receipt with, and for what is not there, why, and how to get it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct, field

from cocoon.api.payout import Transfer, WorkEntry
from cocoon.attest.collateral import NONE, Collateral

#: A Kubernetes object.
Manifest = dict[str, Any]
Part = Literal["evidence", "job", "entry", "transfers", "neighbours", "input", "answers"]

#: How to get what is missing; what the payout service has, whoever may read its books can hand over.
ADVICE: Final[Mapping[Part, str]] = {
    "evidence": "Give --evidence FILE: the payout service has it as /v1/evidence/DIGEST.",
    "job": "Give --job FILE, from `kubectl get ijob NAME -o json`.",
    "entry": "Give --entry FILE: the payout service has it as /v1/receipts/JTI.",
    "transfers": "Give --transfers FILE: the payout service has them as /v1/transfers?provider=UID.",
    "neighbours": "Give --neighbours FILE with the receipts before and after it, one a line.",
    "input": "Give --input FILE, exactly as it was handed over.",
    "answers": "Give --answers FILE, exactly as they came.",
}


class Material(Struct, frozen=True, kw_only=True):
    """All parts but the receipt may be missing; `absent` then says why, as a sentence.

    `evidence` is a bundle's JSON, `job` the object as the API server stores it, `neighbours` receipts of the same key,
    `input` and `answers` SHA-256 in hex. `books` is who said what `entry` and `transfers` hold. `gathered` is when
    all of it was put together, in seconds since 1970, if that was not just now.
    """

    receipt: str
    evidence: bytes | None = None
    collateral: Collateral = NONE
    job: Manifest | None = None
    entry: WorkEntry | None = None
    transfers: tuple[Transfer, ...] | None = None
    neighbours: tuple[str, ...] | None = None
    input: str | None = None
    answers: str | None = None
    books: str = "the file given"
    gathered: float | None = None
    absent: Mapping[Part, str] = field(default_factory=dict)

    def why(self, part: Part) -> str:
        """Why a part is not there, and how to get it."""
        return f"{self.absent.get(part, '')} {ADVICE[part]}".strip()
