"""One question to a verifier: this evidence, with this collateral, under this policy, at this time."""

from __future__ import annotations

from msgspec import Struct, field

from cocoon.api.evidence import Bundle
from cocoon.attest.certificates import Links
from cocoon.attest.collateral import NONE, Collateral
from cocoon.attest.policy import Policy


class Case(Struct, frozen=True, kw_only=True):
    """`now` in seconds since 1970.

    What has been checked once need not be checked for each of a machine's GPUs: `links` are certificates that were
    found to be issued by one another, `judged` the collateral whose origin was looked at, whatever came of it.
    """

    bundle: Bundle
    policy: Policy
    now: float
    collateral: Collateral = NONE
    links: Links = field(default_factory=set)
    judged: set[str] = field(default_factory=set)

    def is_first(self, name: str) -> bool:
        """Whether this collateral is to be judged now, for the first time."""
        first = name not in self.judged
        self.judged.add(name)
        return first
