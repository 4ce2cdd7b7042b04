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
        self.seconds = Histogram(
            "cocoon_payout_request_seconds", "Time to answer.", ["method", "route", "status"], registry=self.registry
        )
        self.paused = self._gauge("paused", "1 while all sending is paused.")
        self._of_work()
        self._of_money()

    def _of_work(self) -> None:
        self.receipts = self._counter("receipts", "Receipts handed in, by what became of them.", "outcome")
        self.receipts.labels("Accepted")  # 0 is said too: an alert watches it
        self.evidence = self._counter("evidence", "Evidence handed in, by what became of it.", "outcome")
        self.missing = self._gauge("receipts_missing", "Receipts that keys have signed and nobody handed in.")

    def _of_money(self) -> None:
        self.accepted = self._counter(
            "accepted_nanoton",
            "Cost of accepted receipts, by model and part: the Owner's or the payer's Fee.",
            "model",
            "part",
        )
        self.owed = self._gauge("accounts_nanoton", "Sums of balances, by kind of account.", "kind")
        self.wrong_balances = self._gauge("wrong_balances", "Accounts whose balance is not the sum of their entries.")
        self.transfers = self._gauge("transfers", "Transfers, by state.", "state")
        self.transferred = self._gauge("transferred_nanoton", "Sums of transfers, by state.", "state")
        self.oldest_open = self._gauge(
            "oldest_open_transfer_timestamp_seconds",
            "When the oldest transfer was reserved whose outcome the chain has not shown; 0 if there is none.",
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"cocoon_payout_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"cocoon_payout_{name}", text, labels, registry=self.registry)

    def show_accepted(self, model: str, cost: int, fee: int) -> None:
        """Count an accepted receipt. Models beyond MOST_MODELS count as "other": runners name them."""
        if model not in self._models and len(self._models) >= MOST_MODELS:
            model = "other"
        self._models.add(model)
        self.accepted.labels(model, "Owner").inc(cost - fee)
        self.accepted.labels(model, "Fee").inc(fee)
