"""The payout service as the operator uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from cocoon.api.money import NanoTon, Price
from cocoon.api.payout import EarningsPage, OwnerTerms
from cocoon.fleet.ports.failures import Busy, Failure, Refused

Outcome = Literal[
    "Accepted",
    "Superseded",
    "Refused",
    "Postponed",
    "NoPayoutService",
    "PayoutServiceUnreachable",
    "PayoutServiceFailing",
]


class Report(Struct, frozen=True):
    """What the payout service made of a receipt.

    `Superseded`: another one of that job was taken. `Refused`: it will never be paid. Both are its last word.
    """

    outcome: Outcome
    message: str


class Failing(Busy):
    """The service answers, and says that it can't work now: its database is away."""


def said_by(failure: Failure) -> str:
    """What the service says of why it does not do its work; empty if it did not answer."""
    return str(failure) if isinstance(failure, (Failing, Refused)) else ""


class Postponed(Busy):
    """The service answers, and does not take this receipt yet: no credit is left, or a daily cap is reached."""


class Payout(Protocol):
    """Takes receipts. Every call raises Busy or Refused and nothing else, has a deadline, and can be done twice."""

    @property
    def configured(self) -> bool:
        """Whether there is a payout service at all."""

    async def report(self, receipt: str, price: Price | None = None) -> Report:
        """Hand in one receipt, with the price of its job's binding if there is one. Raises Busy, or Postponed."""

    async def register(self, bundle: bytes) -> None:
        """Hand in evidence that a verdict trusts, so that the receipts of its key count."""

    async def credit(self) -> Mapping[str, NanoTon]:
        """What each of this cluster's namespaces may still spend."""

    async def terms(self, terms: Sequence[OwnerTerms]) -> None:
        """Tell how providers want to be paid: at most a thousand of them."""

    async def earnings(self, cursor: str = "") -> EarningsPage:
        """What of this cluster's providers' earnings changed since the cursor was given out; at first, all of it."""


class NoPayout:
    """A company's own fleet: everything works but money."""

    configured = False

    async def report(self, receipt: str, price: Price | None = None) -> Report:  # noqa: ARG002 - nobody takes it
        """Say that nobody takes receipts; they stay in the jobs' statuses."""
        return Report("NoPayoutService", "No payout service is configured: the receipt stays in this status.")

    async def register(self, bundle: bytes) -> None:
        """Nobody asks for evidence."""

    async def credit(self) -> Mapping[str, NanoTon]:
        """Nobody keeps accounts."""
        return {}

    async def terms(self, terms: Sequence[OwnerTerms]) -> None:
        """Nobody is paid."""

    async def earnings(self, cursor: str = "") -> EarningsPage:
        """Work is free."""
        return EarningsPage((), cursor)
