"""The identity from one keyring to another, once each has verified the other.

    joiner ── challenge ─────────────────────────────▶ holder
    joiner ◀─ nonce h ──────────────────────────────── holder
    joiner ── evidence(h), nonce j, signature ───────▶ holder    verified there: a keyring, under the same terms
    joiner ◀─ evidence(j), identity sealed to the ──── holder    verified here: or somebody plants an identity he knows
              joiner's key, signature over h, j, both

"The same terms" is literal: both evidences name the digest of their terms, and it must be equal. So the identity never
moves to a keyring that would release keys by other rules, nor to a version that the terms do not list.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from cocoon.api.evidence import NONCE_BYTES
from cocoon.api.sealing import Challenge, Handover, HandoverRequest
from cocoon.attest import sealing
from cocoon.attest.age import header as headers
from cocoon.attest.age import wrapping
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.payload import Opener
from cocoon.attest.channel import Channel, Distrusted
from cocoon.attest.policy import Policy
from cocoon.keyring.identities import Identity, unpack
from cocoon.keyring.refusals import Refusal
from cocoon.keyring.release import check_signature, read_bundle
from cocoon.keyring.releases import Count
from cocoon.keyring.replica import Replica


def peer_policy(replica: Replica) -> Policy:
    """What another keyring must show: what the terms ask, and these very terms."""
    return structs.replace(replica.terms.keyrings, payee=replica.name)


async def admit(replica: Replica, request: HandoverRequest) -> Handover:
    """The holder's side. Raises Refusal."""
    identity = replica.identities.current
    joiner = read_bundle(request.evidence)
    if len(request.nonce) != NONCE_BYTES:
        raise Refusal("InvalidNonce", f"A nonce has {NONCE_BYTES} bytes.", 422)
    replica.challenges.spend(joiner.nonce)
    message = sealing.join_message(joiner.nonce, request.nonce, replica.tls.spki)
    check_signature(joiner.keys.receipt, request.signature, message)
    await replica.believe(request.evidence, joiner.nonce, peer_policy(replica))
    try:
        head, sealer = sealing.begin_output(joiner.keys.sealing)
    except AgeError as error:
        raise Refusal("EvidenceRefused", str(error)) from None
    sealed = head + sealer.push(replica.identities.pack(replica.releases.tell())) + sealer.finish()
    signed = sealing.handover_message(joiner.nonce, request.nonce, request.evidence, sealed)
    evidence = await replica.evidence(request.nonce, identity.public)
    return Handover(evidence, sealed, replica.signer.sign(signed))


async def join(replica: Replica, channel: Channel) -> Identity:
    """The joiner's side: the identity that the peer hands over. Raises Refusal, Distrusted, Denied or Unreachable."""
    holder_nonce = (await channel.ask("/v1/challenge", None, Challenge)).nonce
    key, nonce = X25519PrivateKey.generate(), os.urandom(NONCE_BYTES)
    evidence = await replica.evidence(holder_nonce, key.public_key().public_bytes_raw())
    signature = replica.signer.sign(sealing.join_message(holder_nonce, nonce, channel.spki))
    answer = await channel.ask("/v1/handover", HandoverRequest(evidence, nonce, signature), Handover)
    holder = read_bundle(answer.evidence)
    await replica.believe(answer.evidence, nonce, peer_policy(replica))
    channel.accept(holder)
    message = sealing.handover_message(holder_nonce, nonce, evidence, answer.sealed)
    check_signature(holder.keys.receipt, answer.signature, message)
    taken, counts = _open(answer.sealed, key)
    if taken.public_key().public_bytes_raw() != holder.keys.sealing:
        raise Distrusted("The identity that was handed over is not the one that the holder's evidence names.")
    replica.releases.take(counts)
    return replica.identities.take(taken)


def _open(sealed: bytes, key: X25519PrivateKey) -> tuple[X25519PrivateKey, tuple[Count, ...]]:
    try:
        found = headers.split(sealed)
        if found is None:
            raise AgeError("header", "The file ends within its header.")
        opener = Opener(wrapping.unwrap(headers.parse(found[0]), [key]).file_key)
        return unpack(opener.push(found[1]) + opener.finish())
    except ValueError as error:
        raise Distrusted(f"What was handed over can't be opened: {error}") from None
