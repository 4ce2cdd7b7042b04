"""What an action is carried out with."""

from __future__ import annotations

from dataclasses import dataclass, field

from cocoon.attest.library import Library
from cocoon.fleet.accepted_evidence import AcceptedEvidence
from cocoon.fleet.attestation_terms import Roots
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.nudges import Nudges
from cocoon.fleet.plan.records import Job, Key, Provider, Server, Uid
from cocoon.fleet.ports.clock import Clock
from cocoon.fleet.ports.cluster import Cluster
from cocoon.fleet.ports.failures import Gone
from cocoon.fleet.ports.payout import Payout
from cocoon.fleet.ports.servers import Place, Servers
from cocoon.fleet.receipt_keys import ReceiptKeys
from cocoon.fleet.render.server_pod import RunnerTerms


@dataclass(frozen=True)
class Means:
    """The mirror, the ports, and what the operator's settings fix."""

    mirror: Mirror
    cluster: Cluster
    servers: Servers
    payout: Payout
    clock: Clock
    terms: RunnerTerms
    cluster_id: str
    allow_test_roots: bool = False
    keys: ReceiptKeys = field(default_factory=ReceiptKeys)
    nudges: Nudges = field(default_factory=Nudges)
    accepted: AcceptedEvidence = field(default_factory=AcceptedEvidence)
    library: Library | None = None
    more_roots: frozenset[str] = frozenset()
    namespaces: tuple[str, ...] = ()
    """The namespaces to serve; all if empty."""

    @property
    def test_roots(self) -> Roots:
        """The test roots that the settings allow."""
        return Roots(self.allow_test_roots, self.more_roots)

    def job(self, key: Key, uid: Uid) -> Job:
        """The job as it is known. Raises Gone if it is another one now."""
        job = self.mirror.snapshot.jobs.get(key)
        if job is None or job.uid != uid:
            raise Gone(f"The job {key} is gone.")
        return job

    def provider(self, key: Key) -> Provider:
        """The provider as it is known. Raises Gone."""
        provider = self.mirror.snapshot.providers.get(key)
        if provider is None:
            raise Gone(f"The provider {key} is gone.")
        return provider

    def server(self, key: Key, uid: Uid) -> Server:
        """The server as it is known. Raises Gone if it is another one now."""
        server = self.mirror.snapshot.servers.get(key)
        if server is None or server.uid != uid:
            raise Gone(f"The server {key} is gone.")
        return server

    def place(self, key: Key, uid: Uid) -> Place:
        """Where a server's runner listens. Raises Gone if it has no address any more."""
        server = self.server(key, uid)
        if not server.address:
            raise Gone(f"The server {key} has no address.")
        return Place(uid, server.address, self.terms.port)
