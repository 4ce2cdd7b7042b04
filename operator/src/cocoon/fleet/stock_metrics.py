"""Gauges of what there is, set by `stock` when Prometheus asks."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge


class StockMetrics:
    """What there is of nodes, GPUs, slots, verdicts, waiting jobs and unreported receipts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._of_machines()
        self._of_queues()
        self._of_trust()
        self._of_money()
        self.last_round = self._gauge("last_round_age_seconds", "Time since the loop's last round ended.")

    def _of_machines(self) -> None:
        self.gpus = self._gauge(
            "gpus",
            "GPUs of offered nodes: Serving, held by Pods of Others, Free, or Unavailable (cordoned, not Ready, left "
            "alone after failures, or with numbers that make no sense).",
            "state",
        )
        self.nodes = self._gauge(
            "nodes", "Offered nodes: Ready, Cordoned, NotReady, or Quarantined (left alone after failures).", "state"
        )
        self.slots = self._gauge(
            "slots", "Items that ready servers can work on at once: Busy or Free.", "model", "state"
        )
        self.providers = self._gauge("providers", "Providers: Ready or NotReady.", "state")

    def _of_queues(self) -> None:
        self.waiting = self._gauge(
            "waiting_jobs", "Jobs without a server, by why the next one of their class waits.", "model", "reason"
        )
        self.longest_wait = self._gauge(
            "longest_wait_seconds", "Longest wait of a job that is the next one of its class.", "model"
        )

    def _of_trust(self) -> None:
        self.verdicts = self._gauge(
            "verdicts",
            "Servers by newest verdict: Trusted, Renewing (trusted, but the newest try failed), Expired, Untrusted "
            "(with the first reason) or Unknown.",
            "trust",
            "outcome",
            "reason",
        )
        self.verdict_ages = self._gauge(
            "servers_by_evidence_age",
            "Servers by how long ago they were last asked for evidence: at most 15m, 1h, 4h, more.",
            "age",
        )
        self.keyrings = self._gauge("keyrings", "Keyrings of the settings: Answering or Silent.", "state")

    def _of_money(self) -> None:
        self.unreported = self._gauge(
            "unreported_receipts", "Ends whose receipts the payout service has not taken yet."
        )
        self.oldest_unreported = self._gauge(
            "oldest_unreported_seconds", "Age of the oldest receipt that is not taken yet."
        )
        self.payout_silent = self._gauge(
            "payout_unreachable_seconds", "Time since the payout service last answered; 0 while it does."
        )
        self.held = self._gauge("payout_holds", "Reasons why owners are not paid now, as the payout service says.")

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"cocoon_fleet_{name}", text, labels, registry=self._registry)
