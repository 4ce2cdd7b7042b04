"""A payout service of a world: it takes receipts, holds one namespace's credit, and has bad days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cocoon.api.money import NanoTon, Price
from cocoon.api.payout import OwnerAccount
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.ports.failures import Busy
from cocoon.fleet.ports.payout import Postponed, Report


class FakePayout:
    """`away`, `refuses` and `postpones` are its bad days; `taken` are the receipts in its books, by job."""

    configured = True

    def __init__(self, credit: int = 0) -> None:
        self.available = credit
        self.away = self.refuses = self.postpones = False
        self.taken: dict[str, str] = {}
        self.evidence: list[bytes] = []
        self.asked = 0
        self.prices: list[Price | None] = []

    async def report(self, receipt: str, price: Price | None = None) -> Report:
        self._check()
        self.asked += 1
        self.prices.append(price)
        if self.postpones:
            raise Postponed("NotCovered: credit it first.", 60.0)
        if self.refuses:
            return Report("Refused", "WrongPayee: it is another one.")
        claims = claims_of(receipt)
        assert claims is not None
        if self.taken.setdefault(claims.sub, receipt) != receipt:
            return Report("Superseded", "Another receipt of this job is paid.")
        return Report("Accepted", "It was taken.")

    async def register(self, bundle: bytes) -> None:
        self._check()
        self.evidence.append(bundle)

    async def credit(self) -> Mapping[str, NanoTon]:
        self._check()
        return {"default": NanoTon(self.available)}

    async def earnings(self, provider_uid: str) -> Sequence[OwnerAccount]:
        self._check()
        return ()

    def _check(self) -> None:
        if self.away:
            raise Busy("It is away.")
