"""One release: a runner shows evidence, and has a sealed file's header re-sealed to the key that the evidence names.

The order matters: nothing touches the identity before the caller has proved to be an allowed runner, and nothing in the
header is believed before its MAC was checked.

    challenge → signature → evidence under our terms → header → epoch → key and MAC → the client's own terms → count
"""

from __future__ import annotations

import logging
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import structs

from cocoon.api.evidence import Bundle
from cocoon.api.sealing import JobPolicy, Release, ReleaseRequest
from cocoon.attest import bundle as bundles
from cocoon.attest import sealing
from cocoon.attest.age import header as headers
from cocoon.attest.age import wrapping
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.header import Header
from cocoon.keyring.counting import Counting
from cocoon.keyring.refusals import Refusal
from cocoon.keyring.releases import name_of
from cocoon.keyring.replica import Replica

_log: Final = logging.getLogger(__name__)


class Releasing:
    """Answers release requests of one replica."""

    def __init__(self, replica: Replica, counting: Counting) -> None:
        self._replica = replica
        self._counting = counting

    async def release(self, request: ReleaseRequest) -> Release:
        """The header for this runner. Raises Refusal."""
        replica = self._replica
        identity = replica.identities.current
        runner = read_bundle(request.evidence)
        replica.challenges.spend(runner.nonce)
        message = sealing.release_message(runner.nonce, request.header, replica.tls.spki)
        check_signature(runner.keys.receipt, request.signature, message)
        verdict = await replica.believe(request.evidence, runner.nonce, replica.terms.runners)
        header, policy = _read(request.header)
        if policy.epoch != identity.epoch:
            raise _lost(policy, identity.epoch)
        try:
            file_key = wrapping.unwrap(header, [identity.key]).file_key
            fresh = wrapping.build(file_key, [wrapping.wrap(file_key, runner.keys.sealing), sealing.stanza(policy)])
        except AgeError as error:
            raise Refusal("HeaderRefused", f"The sealed file's header can't be opened: {error}", 422) from None
        await self._check_terms(policy, runner, request.evidence)
        file = name_of(file_key)
        count = await self._counting.count(file, runner.keys.receipt, policy.releases, policy.expires)
        _log.info(
            "released",
            extra={"job": policy.id, "evidence": verdict.evidence, "trust": verdict.trust, "count": count},
        )
        return Release(fresh)

    async def _check_terms(self, policy: JobPolicy, runner: Bundle, evidence: bytes) -> None:
        """The client's own terms, on top of the keyring's. Raises Refusal."""
        now = self._replica.now()
        self._replica.releases.sweep(now)
        if policy.expires < now:
            raise Refusal("Expired", "The client's policy has expired: give it a later expiry.")
        if len(runner.gpus) < policy.gpus:
            detail = f"The client asks for {policy.gpus} attested GPUs and this runner shows {len(runner.gpus)}."
            raise Refusal("PolicyRefused", detail)
        terms = structs.replace(self._replica.terms.runners, trust=policy.trust)
        if policy.measurements:
            terms = structs.replace(terms, measurements=policy.measurements, guests=())
        verdict = await self._replica.judge(evidence, runner.nonce, terms)
        if not verdict.trusted:
            reasons = " ".join(f"{reason.code}: {reason.message}" for reason in verdict.reasons)
            raise Refusal("PolicyRefused", f"The client's own terms exclude this runner. {reasons[:2_000]}")


def read_bundle(raw: bytes) -> Bundle:
    """A bundle, of which nothing is believed yet. Raises Refusal."""
    try:
        return bundles.decode(raw)
    except bundles.MalformedBundle as error:
        raise Refusal("EvidenceRefused", str(error), 422) from None


def check_signature(key: bytes, signature: bytes, message: bytes) -> None:
    """Raise Refusal unless the holder of this Ed25519 key (32 bytes) has signed the message."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        detail = "The request is not signed, for this connection, by the key that the evidence names."
        raise Refusal("SignatureRefused", detail) from None


def _read(raw: bytes) -> tuple[Header, JobPolicy]:
    try:
        header = headers.parse(raw)
        return header, sealing.policy_of(header)
    except (AgeError, sealing.NoPolicy) as error:
        raise Refusal("HeaderRefused", f"The sealed file's header is refused: {error}", 422) from None


def _lost(policy: JobPolicy, held: str) -> Refusal:
    detail = (
        f"The file is sealed to epoch {policy.epoch}, whose key is lost or retired; this keyring holds epoch {held}."
    )
    return Refusal("EpochUnknown", detail, 410)
