"""Figures for Prometheus. Amounts in nanoTON are shown as floats, as the format has it, and never computed with."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

#: Models that have series of their own.
MOST_MODELS: Final = 200


class Metrics:
    """All figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._models: set[str] = set()
        self.receipts = Counter(
            "cocoon_payout_receipts", "Receipts handed in, by what became of them", ["outcome"], registry=self.registry
        )
        self.receipts.labels("Accepted")  # 0 is said too: an alert watches it
        self.accepted = Counter(
            "cocoon_payout_accepted_nanoton",
            "Cost of accepted receipts, by model and part: the Owner's or the payer's Fee",
            ["model", "part"],
            registry=self.registry,
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
        self.transferred = Gauge(
            "cocoon_payout_transferred_nanoton", "Sums of transfers, by state", ["state"], registry=self.registry
        )
        self.oldest_open = Gauge(
            "cocoon_payout_oldest_open_transfer_timestamp_seconds",
            "When the oldest transfer was reserved whose outcome the chain has not shown; 0 if there is none",
            registry=self.registry,
        )
        self.seconds = Histogram(
            "cocoon_payout_request_seconds", "Time to answer", ["method", "route", "status"], registry=self.registry
        )

    def show_accepted(self, model: str, cost: int, fee: int) -> None:
        """Count an accepted receipt. Models beyond MOST_MODELS count as "other": runners name them."""
        if model not in self._models and len(self._models) >= MOST_MODELS:
            model = "other"
        self._models.add(model)
        self.accepted.labels(model, "Owner").inc(cost - fee)
        self.accepted.labels(model, "Fee").inc(fee)
