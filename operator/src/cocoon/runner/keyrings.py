"""A sealed file's key, from the keyring that it was sealed to.

The keyring is believed for its evidence, and must hold the very identity that the client has verified and sealed to:
the header names its epoch. It learns nothing here but who we are: the header is no secret, and its answer is sealed to
our key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from cocoon.api.evidence import Bundle
from cocoon.api.sealing import Challenge, JobPolicy, KeyringPlace, Release, ReleaseRequest
from cocoon.attest import bundle as bundles
from cocoon.attest import sealing
from cocoon.attest.age import keys as age_keys
from cocoon.attest.channel import Channel, Denied, Distrusted, Judge, Unreachable
from cocoon.attest.collect import Collector
from cocoon.attest.policy import Policy
from cocoon.runner.endings import (
    KEY_REFUSED,
    KEYRING_UNAVAILABLE,
    SEALED_INVALID,
    SEALED_TO_LOST_KEY,
    Stopped,
    interrupted,
)
from cocoon.runner.keys import KeyRing

#: What a keyring's refusal means for the job; all others may be about this server alone: another may be let in.
_ENDS: Final = {
    "EpochUnknown": SEALED_TO_LOST_KEY,
    "HeaderRefused": SEALED_INVALID,
    "Expired": KEY_REFUSED,
    "ReleasesExhausted": KEY_REFUSED,
}
_CROWDED: Final = 429
_AGAIN: Final = "Seal the input again to the provider's current recipient (`kubectl cocoon seal`)."


class Keyrings(Struct, frozen=True, kw_only=True):
    """Asks for keys in this runner's name."""

    keys: KeyRing
    collector: Collector
    payee: str
    judge: Judge
    test_roots: bool

    async def release(self, places: Sequence[KeyringPlace], header: bytes, policy: JobPolicy) -> bytes:
        """The header again, sealed to this runner. Raises Stopped."""
        candidates = [place for place in places if place.epoch in ("", policy.epoch)]
        if places and not candidates:
            raise _lost(policy)
        silent = "The operator knows no keyring of this provider."
        others = 0
        for place in candidates:
            try:
                async with Channel(place.address, self.judge) as channel:
                    keyring = await channel.attest(self._policy(place))
                    if age_keys.epoch(keyring.keys.sealing) == policy.epoch:
                        return await self._ask(channel, header)
                    others += 1
            except Distrusted as error:
                silent = f"The keyring at {place.address} is not trusted: {error}"
            except Unreachable as error:
                silent = str(error)
            except Denied as error:
                silent = _silence(error)
        if candidates and others == len(candidates):
            raise _lost(policy)
        raise interrupted(KEYRING_UNAVAILABLE, f"The input's key can't be had now. {silent[:500]}")

    def _policy(self, place: KeyringPlace) -> Policy:
        return Policy(
            role="keyring",
            trust=self.collector.trust,
            allow_test_roots=self.test_roots,
            measurements=place.measurements,
        )

    async def _ask(self, channel: Channel, header: bytes) -> bytes:
        nonce = (await channel.ask("/v1/challenge", None, Challenge)).nonce
        evidence = await self._evidence(nonce)
        signature = self.keys.receipt.sign(sealing.release_message(nonce, header, channel.spki))
        request = ReleaseRequest(bundles.encode(evidence), header, signature)
        return (await channel.ask("/v1/release", request, Release)).header

    async def _evidence(self, nonce: bytes) -> Bundle:
        try:
            return await self.collector.collect(nonce, self.keys.public, self.payee)
        except OSError as error:
            reason = f"This server's TEE gives no evidence: {error.strerror or error}."
            raise interrupted(KEYRING_UNAVAILABLE, reason) from None


def _silence(error: Denied) -> str:
    """Why this keyring gives nothing now. Raises Stopped if its refusal ends the attempt."""
    problem = error.problem
    if problem.status >= 500 or problem.status == _CROWDED:
        return str(error)
    detail = f"The keyring refuses the input's key: {problem.detail[:700]}"
    if problem.code in _ENDS:
        raise Stopped(_ENDS[problem.code], f"{detail} {_AGAIN}") from None
    raise interrupted(KEY_REFUSED, detail) from None


def _lost(policy: JobPolicy) -> Stopped:
    detail = (
        f"The input is sealed to epoch {policy.epoch}, which none of the provider's keyrings holds any more. {_AGAIN}"
    )
    return Stopped(SEALED_TO_LOST_KEY, detail)
