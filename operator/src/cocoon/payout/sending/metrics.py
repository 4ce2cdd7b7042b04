"""Figures of paying for Prometheus. Amounts in nanoTON are shown as floats, as the format has it."""

from __future__ import annotations

from collections.abc import Container

from prometheus_client import CollectorRegistry, Counter, Gauge

from cocoon.payout.sending.rounds import OBSTACLES, Round


class PaymentMetrics:
    """What each round found and did."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.drift = Gauge(
            "cocoon_payout_drift_nanoton",
            "What the wallets have beyond what the books say; it should be 0.",
            registry=registry,
        )
        self.balance = Gauge(
            "cocoon_payout_hot_wallet_nanoton", "What a lane's wallet has.", ["lane"], registry=registry
        )
        self.chain_time = Gauge(
            "cocoon_payout_chain_time_seconds",
            "Time of the newest proven block of a lane.",
            ["lane"],
            registry=registry,
        )
        self.failing = Gauge("cocoon_payout_lanes_failing", "Lanes whose wallets could not be read.", registry=registry)
        self.unpayable = Gauge(
            "cocoon_payout_unpayable_accounts", "Owners whose address is never paid.", registry=registry
        )
        self.due = Gauge(
            "cocoon_payout_due_accounts", "Owners who are due and could not be paid in this round.", registry=registry
        )
        self.obstacles = Gauge(
            "cocoon_payout_obstacles",
            "1 while this keeps everything new from being paid: ChainUnreadable, Drift, Quiet or HotWalletEmpty.",
            ["reason"],
            registry=registry,
        )
        for reason in OBSTACLES:
            self.obstacles.labels(reason)
        self.reserved = Counter("cocoon_payout_batches_reserved", "Batches that were reserved.", registry=registry)
        self.sent = Counter("cocoon_payout_messages_sent", "Messages sent, each time again counted.", registry=registry)

    def show_standing(self, due: int, obstacles: Container[str]) -> None:
        """Who still waits, and why nothing new is paid."""
        self.due.set(due)
        for reason in OBSTACLES:
            self.obstacles.labels(reason).set(reason in obstacles)

    def show(self, found: Round, unpayable: int) -> None:
        """Bring them up to date."""
        if found.drift is not None:
            self.drift.set(found.drift)
        for lane, state in found.states.items():
            self.balance.labels(str(lane)).set(state.balance)
            self.chain_time.labels(str(lane)).set(state.at.utime)
        self.failing.set(len(found.failed))
        self.unpayable.set(unpayable)
        self.reserved.inc(found.reserved)
        self.sent.inc(found.sent)
