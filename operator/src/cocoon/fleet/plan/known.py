"""The records that are known, by kind and key. Whoever puts one keeps the indexes in step: see knowledge."""

from __future__ import annotations

from cocoon.api.provider import Earnings
from cocoon.fleet.plan.records import (
    Attestation,
    Credit,
    ForeignUse,
    Job,
    Key,
    Keyrings,
    Namespace,
    Node,
    PayoutHolds,
    PayoutLink,
    Provider,
    RunnerView,
    Server,
    Uid,
)


class Known:
    """Nothing at first: no payout service, no keyrings."""

    def __init__(self) -> None:
        self.providers: dict[Key, Provider] = {}
        self.nodes: dict[str, Node] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.servers: dict[Key, Server] = {}
        self.attestations: dict[Uid, Attestation] = {}
        self.runners: dict[Uid, RunnerView] = {}
        self.jobs: dict[Key, Job] = {}
        self.foreign: dict[str, ForeignUse] = {}
        self.credit: dict[str, Credit] = {}
        self.payout = PayoutLink(configured=False)
        self.earned: dict[Uid, Earnings] = {}
        self.holds: PayoutHolds | None = None
        """None until the payout service was asked."""
        self.keyrings = Keyrings()
