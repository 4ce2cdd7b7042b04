"""The payout service as the operator uses it."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct


class Report(Struct, frozen=True):
    """What the payout service made of a receipt: `Superseded` means that another one of that job was taken."""

    outcome: Literal["Accepted", "Superseded", "NoPayoutService", "PayoutServiceUnreachable"]
    message: str


class Payout(Protocol):
    """Takes receipts. Every call raises Busy or Refused and nothing else, has a deadline, and can be done twice."""

    @property
    def configured(self) -> bool:
        """Whether there is a payout service at all."""

    async def report(self, receipt: str) -> Report:
        """Hand in one receipt."""


class NoPayout:
    """A company's own fleet: everything works but money."""

    configured = False

    async def report(self, receipt: str) -> Report:  # noqa: ARG002 - nobody takes it
        """Say that nobody takes receipts; they stay in the jobs' statuses."""
        return Report("NoPayoutService", "No payout service is configured: the receipt stays in this status.")
