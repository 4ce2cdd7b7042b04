"""Figures for Prometheus. Amounts in nanoTON are shown as floats, as the format has it, and never computed with."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """All figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.receipts = Counter(
            "cocoon_payout_receipts", "Receipts handed in, by what became of them", ["outcome"], registry=self.registry
        )
        self.evidence = Counter(
            "cocoon_payout_evidence", "Evidence handed in, by what became of it", ["outcome"], registry=self.registry
        )
        self.missing = Gauge(
            "cocoon_payout_receipts_missing",
            "Receipts that keys have signed and nobody handed in",
            registry=self.registry,
        )
        self.owed = Gauge(
            "cocoon_payout_accounts_nanoton", "Sums of balances, by kind of account", ["kind"], registry=self.registry
        )
        self.wrong_balances = Gauge(
            "cocoon_payout_wrong_balances",
            "Accounts whose balance is not the sum of their entries",
            registry=self.registry,
        )
        self.paused = Gauge("cocoon_payout_paused", "Whether all sending is paused", registry=self.registry)
        self.transfers = Gauge("cocoon_payout_transfers", "Transfers, by state", ["state"], registry=self.registry)
        self.seconds = Histogram(
            "cocoon_payout_request_seconds", "Time to answer", ["method", "route", "status"], registry=self.registry
        )
