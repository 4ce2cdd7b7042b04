"""Gauges of what there is, set by `census` when Prometheus asks: they cost nothing in between."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge


class StockMetrics:
    """What there is of nodes, GPUs, slots, verdicts, waiting jobs and unreported receipts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"cocoon_fleet_{name}", text, labels, registry=registry)

        self.gpus = gauge(
            "gpus",
            "GPUs of offered nodes: Serving, held by Pods of Others, Free, or Unavailable (cordoned, not Ready, left "
            "alone after failures, or with numbers that make no sense).",
            "state",
        )
        self.nodes = gauge(
            "nodes", "Offered nodes: Ready, Cordoned, NotReady, or Quarantined (left alone after failures).", "state"
        )
        self.slots = gauge("slots", "Items that ready servers can work on at once: Busy or Free.", "model", "state")
        self.providers = gauge("providers", "Providers: Ready or NotReady.", "state")
        self.waiting = gauge(
            "waiting_jobs", "Jobs without a server, by why the next one of their class waits.", "model", "reason"
        )
        self.longest_wait = gauge(
            "longest_wait_seconds", "Longest wait of a job that is the next one of its class.", "model"
        )
        self.verdicts = gauge(
            "verdicts",
            "Servers by newest verdict: Trusted, Renewing (trusted, but the newest try failed), Expired, Untrusted "
            "(with the first reason) or Unknown.",
            "trust",
            "outcome",
            "reason",
        )
        self.verdict_ages = gauge(
            "verdict_ages",
            "Servers by how long ago they were last asked for evidence: at most 15m, 1h, 4h, more.",
            "age",
        )
        self.unreported = gauge("unreported_receipts", "Ends whose receipts the payout service has not taken yet.")
        self.oldest_unreported = gauge("oldest_unreported_seconds", "Age of the oldest receipt that is not taken yet.")
        self.payout_silent = gauge(
            "payout_unreachable_seconds", "Time since the payout service last answered; 0 while it does."
        )
        self.held = gauge("payout_holds", "Reasons why owners are not paid now, as the payout service says.")
        self.keyrings = gauge("keyrings", "Keyrings of the settings: Answering or Silent.", "state")
        self.last_round = gauge("last_round_age_seconds", "Time since the loop's last round ended.")
