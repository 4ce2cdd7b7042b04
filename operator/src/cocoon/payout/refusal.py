"""A refusal: what is wrong, in which field, and what to do. A value with a reason; HTTP makes it problem+json.

| status | when |
|---|---|
| 402 | no client account covers it: it may pass after a credit |
| 409 | it contradicts what is in the books |
| 422 | it will never be right |
| 429 | a daily cap: it passes on another day |
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from cocoon.api.payout import PayoutProblem

RETRIED: Final = frozenset((402, 429, 503))


class Refusal(Struct, frozen=True):
    """`code` in CamelCase; `field` is the receipt's claim or the message's member, in dots; `detail` a sentence."""

    code: str
    field: str
    detail: str
    status: int = 422

    def problem(self) -> PayoutProblem:
        """As it goes over the wire."""
        return PayoutProblem(
            code=self.code, detail=self.detail, status=self.status, field=self.field, retry=self.status in RETRIED
        )


class Refused(Exception):
    """A refusal that ends the call."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal
