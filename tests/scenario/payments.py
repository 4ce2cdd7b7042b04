"""A payout service of a world: it takes receipts, holds one namespace's credit, and has bad days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cocoon.api.money import NanoTon, Price
from cocoon.api.payout import EarningsPage, Hold, LastTransfer, OwnerTerms, ProviderEarnings
from cocoon.fleet.plan.receipt_claims import claims_of
from cocoon.fleet.ports.failures import Busy
from cocoon.fleet.ports.payout import Failing, Postponed, Report


class FakePayout:
    """`away`, `fails`, `refuses` and `postpones` are its bad days; `taken` are the receipts in its books, by job."""

    configured = True

    def __init__(self, credit: int = 0) -> None:
        self.available = credit
        self.away = self.fails = self.refuses = self.postpones = False
        self.taken: dict[str, str] = {}
        self.evidence: list[bytes] = []
        self.asked = 0
        self.prices: list[Price | None] = []
        self.owed: dict[str, int] = {}
        self.sent: dict[str, LastTransfer] = {}
        self.holds: tuple[Hold, ...] = ()
        self.wanted: dict[str, OwnerTerms] = {}
        self.told = 0
        self._changes: list[str] = []

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
        if claims.sub in self.taken:
            superseded = self.taken[claims.sub] != receipt
            return Report("Superseded" if superseded else "Accepted", "There is one of this job.")
        self.taken[claims.sub] = receipt
        self.available -= int(claims.cost)
        self.earns(claims.provider, int(claims.cost))
        return Report("Accepted", "It was taken.")

    async def register(self, bundle: bytes) -> None:
        self._check()
        self.evidence.append(bundle)

    async def credit(self) -> Mapping[str, NanoTon]:
        self._check()
        return {"default": NanoTon(self.available)}

    async def terms(self, terms: Sequence[OwnerTerms]) -> None:
        self._check()
        self.told += len(terms)
        self.wanted |= {each.provider: each for each in terms}

    async def earnings(self, cursor: str = "") -> EarningsPage:
        self._check()
        changed = sorted(set(self._changes[int(cursor or 0) :]))
        return EarningsPage(tuple(map(self._earnings, changed)), str(len(self._changes)), self.holds)

    def earns(self, provider: str, amount: int) -> None:
        """A provider is owed more."""
        self.owed[provider] = self.owed.get(provider, 0) + amount
        self._changes.append(provider)

    def pays(self, provider: str, at: float) -> None:
        """All that is owed goes out in one transfer."""
        amount, self.owed[provider] = self.owed[provider], 0
        self.sent[provider] = LastTransfer("id", str(amount), "ab" * 32, at)
        self._changes.append(provider)

    def _earnings(self, provider: str) -> ProviderEarnings:
        last = self.sent.get(provider)
        return ProviderEarnings(provider, str(self.owed[provider]), "0", last.amount if last else "0", last)

    def _check(self) -> None:
        if self.away:
            raise Busy("It is away.")
        if self.fails:
            raise Failing("The payout service answers 503 DatabaseAway: its database is away.")
