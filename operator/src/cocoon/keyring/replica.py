"""What one keyring process is: its keys, its evidence, its terms and the identity that it holds or waits for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cocoon.api.evidence import Keys, Verdict
from cocoon.attest import bundle as bundles
from cocoon.attest import terms as terms_of
from cocoon.attest import tls
from cocoon.attest.channel import Judge
from cocoon.attest.collect import Collector
from cocoon.attest.policy import Policy
from cocoon.attest.turns import OneAtATime
from cocoon.keyring.challenges import Challenges
from cocoon.keyring.clock import Forward
from cocoon.keyring.identities import Identities
from cocoon.keyring.refusals import Refusal
from cocoon.keyring.releases import Releases


class Replica:
    """Keys are new at each start; the TLS key and the signing key are this process's own.

    `judge` says what a policy makes of evidence; `now` gives seconds since 1970.
    """

    def __init__(self, terms: str, collector: Collector, judge: Judge, now: Callable[[], float]) -> None:
        self.text = terms
        self.terms = terms_of.read(terms)
        self.name = terms_of.name(terms)
        self.now = Forward(now)
        self.tls = tls.make_identity("keyring.cocoonfleet.io", datetime.fromtimestamp(now(), UTC))
        self.signer = Ed25519PrivateKey.generate()
        self.identities = Identities()
        self.releases = Releases()
        self.challenges = Challenges(self.now)
        self.judge = judge
        self._collector = OneAtATime(collector)

    def keys(self, sealing: bytes) -> Keys:
        """What evidence binds; `sealing` is the X25519 key (public) that it is shown for."""
        return Keys(tls=self.tls.spki, receipt=self.signer.public_key().public_bytes_raw(), sealing=sealing)

    async def evidence(self, nonce: bytes, sealing: bytes) -> bytes:
        """A fresh bundle. Raises Refusal if the TEE gives none."""
        try:
            bundle = await self._collector.collect(nonce, self.keys(sealing), self.name)
        except OSError as error:
            reason = f"The TEE gives no evidence: {error.strerror or error}."
            raise Refusal("EvidenceUnavailable", reason, 503) from None
        return bundles.encode(bundle)

    async def believe(self, raw: bytes, nonce: bytes, policy: Policy) -> Verdict:
        """The verdict on somebody's evidence. Raises Refusal with every reason unless it is trusted."""
        verdict = await self.judge(raw, nonce, policy)
        if not verdict.trusted:
            reasons = " ".join(f"{reason.code}: {reason.message}" for reason in verdict.reasons)
            raise Refusal("EvidenceRefused", reasons[:2_000])
        return verdict
