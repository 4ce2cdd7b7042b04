"""Bundles of each kind of TEE with all their parts bound, and what the verifier says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from cocoon.api.evidence import FORMAT, Bundle, GpuEvidence, Keys, SwitchEvidence, Tee, Verdict
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest.collateral import NONE, Collateral
from cocoon.attest.policy import Policy
from cocoon.attest.verify import verify
from tests.attest.makers.certificates import AT

NONCE = b"n" * 32
KEYS = Keys(b"t" * 32, b"r" * 32, b"s" * 32)
PAYEE = "UQpayee"


def about(gpus: Sequence[GpuEvidence] = (), switches: Sequence[SwitchEvidence] = ()) -> bytes:
    """The report data that a CPU is asked to sign."""
    return bundles.bind("runner", NONCE, KEYS, PAYEE, bundles.Devices(gpus, switches))


def gpu_nonce() -> bytes:
    return bundles.gpu_nonce("runner", NONCE, KEYS, PAYEE)


def switch_nonce() -> bytes:
    return bundles.switch_nonce("runner", NONCE, KEYS, PAYEE)


def bundle(tee: Tee, cpu: bytes, endorsements: bytes = b"", gpus: Sequence[GpuEvidence] = ()) -> Bundle:
    return Bundle(
        format=FORMAT,
        role="runner",
        nonce=NONCE,
        keys=KEYS,
        payee=PAYEE,
        tee=tee,
        cpu=cpu,
        endorsements=endorsements,
        gpus=tuple(gpus),
    )


def under(*roots: str, **terms: Any) -> Policy:
    """A policy that accepts these test roots."""
    return structs.replace(Policy(trust=Trust.TEST, allow_test_roots=True, test_roots=frozenset(roots)), **terms)


def judge(found: Bundle, policy: Policy, collateral: Collateral = NONE, now: float = AT) -> Verdict:
    return verify(bundles.encode(found), NONCE, policy, now, collateral)


def codes(verdict: Verdict) -> set[str]:
    assert verdict.trusted == (not verdict.reasons)
    assert all(reason.message.endswith(".") and len(reason.message) < 700 for reason in verdict.reasons)
    return {reason.code for reason in verdict.reasons}
