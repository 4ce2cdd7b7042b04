"""What a verifier found out about one bundle: every failed check is kept, not the first alone."""

from __future__ import annotations

from msgspec import Struct, field

from cocoon.api.evidence import Reason
from cocoon.api.trust import Trust


class Findings(Struct):
    """Grows while a bundle is checked. `not_after` in seconds since 1970 is the earliest expiry seen.

    `trust` starts at Hardware and falls to Test with the first thing that does not lead to a vendor's root.
    """

    trust: Trust = Trust.HARDWARE
    not_after: float = float("inf")
    reasons: list[Reason] = field(default_factory=list)

    def refuse(self, code: str, message: str) -> None:
        """Note one thing that is wrong."""
        self.reasons.append(Reason(code, message))

    def check(self, holds: bool, code: str, message: str) -> bool:  # noqa: FBT001 - reads as "check that ..."
        """Note it unless it holds; says whether it does."""
        if not holds:
            self.refuse(code, message)
        return holds

    def expires(self, at: float) -> None:
        """Something that the verdict rests on ends at this time."""
        self.not_after = min(self.not_after, at)
