"""Verifying what the fleet claims, as a client would: evidence first, then the receipts that its keys signed.

Nothing here believes the operator. It hands over the evidence that it accepted, and anybody can check that again: the
TEE's statement names the key, the key signs the receipt, the receipt names the input, the answers and the price.
"""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from cocoon.api.evidence import Bundle
from cocoon.api.receipts import Claims
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest.policy import Policy
from cocoon.attest.receipts import check_arithmetic, check_chain, open_receipt, thumbprint
from cocoon.attest.verify import verify
from demo.errors import DemoError

#: Gives the bundle of this digest, or nothing.
Evidence = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Verified:
    """A receipt that its evidence vouches for."""

    receipt: str
    claims: Claims
    bundle: Bundle


class _Naming(msgspec.Struct):
    evidence_sha256: str


def open_with_evidence(receipt: str, evidence: Evidence) -> Verified:
    """The claims of a receipt, under a key that verified evidence names. Raises DemoError with what is wrong."""
    named = _evidence_named_by(receipt)
    raw = evidence(named)
    if raw is None:
        raise DemoError(f"The operator has no evidence {named[:16]}…: was it restarted since the job ran?")
    bundle = _verified(raw, named)
    try:
        claims = open_receipt(receipt, bundle.keys.receipt)
    except ValueError as error:
        raise DemoError(str(error)) from error
    return Verified(receipt, claims, bundle)


def _evidence_named_by(receipt: str) -> str:
    """The digest that the receipt claims, unverified: it only says which evidence to look at."""
    try:
        body = base64.urlsafe_b64decode(receipt.split(".")[1] + "==")
        return msgspec.json.decode(body, type=_Naming).evidence_sha256
    except (ValueError, IndexError) as error:
        raise DemoError(f"The receipt can't be read: {error}.") from error


def _verified(raw: bytes, digest: str) -> Bundle:
    """The bundle, if it is trusted under development roots, which is all there is here.

    The nonce is the operator's, so this doesn't say that the evidence is fresh: it says whose key signed the receipt.
    """
    bundle = bundles.decode(raw)
    policy = Policy(trust=Trust.TEST, allow_test_roots=True)
    verdict = verify(raw, bundle.nonce, policy, time.time())
    if not verdict.trusted:
        raise DemoError("The evidence is not to be trusted: " + " ".join(reason.message for reason in verdict.reasons))
    if verdict.evidence != digest:
        raise DemoError(f"The operator answered with evidence {verdict.evidence[:16]}… instead of {digest[:16]}….")
    return bundle


def complaints(found: Verified) -> list[str]:
    """What is wrong with the receipt in itself; empty if nothing is."""
    claims, bundle = found.claims, found.bundle
    wrong = check_arithmetic(claims)
    if claims.iss != thumbprint(bundle.keys.receipt):
        wrong.append("its issuer is not the key that signed it")
    if claims.payee != bundle.payee:
        wrong.append("its payee is not the wallet in the evidence")
    if claims.trust != Trust.TEST:
        wrong.append(f"it claims {claims.trust} trust, and its evidence leads to a development root")
    return wrong


def broken_chains(verified: list[Verified]) -> list[str]:
    """What is wrong with the chains of the keys that signed these receipts; empty if nothing is missing."""
    wrong: list[str] = []
    for issuer in sorted({each.claims.iss for each in verified}):
        mine = sorted((each for each in verified if each.claims.iss == issuer), key=lambda each: each.claims.seq)
        wrong += check_chain([each.receipt for each in mine], mine[0].bundle.keys.receipt)
    return wrong
