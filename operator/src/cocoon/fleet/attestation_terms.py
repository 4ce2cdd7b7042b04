"""A provider's terms of confidentiality as the verifiers read them."""

from __future__ import annotations

from msgspec import Struct

from cocoon.attest.policy import Policy
from cocoon.attest.stated import with_terms
from cocoon.fleet.plan.records import Provider


class Roots(Struct, frozen=True):
    """Which test roots this operator allows: the development one, and certificates by their SHA-256 (hex)."""

    allowed: bool = False
    fingerprints: frozenset[str] = frozenset()


def policy_of(provider: Provider, roots: Roots, gpus: int | None = None) -> Policy:
    """What this provider's servers must show. The wallet is not part of it: older servers keep theirs.

    `gpus` is how many GPUs the server was given; None if that is not known.
    """
    policy = Policy(
        trust=provider.trust,
        allow_test_roots=roots.allowed,
        test_roots=roots.fingerprints,
        maximum_age=2.0 * provider.reattest_every,
        require_gpu=provider.spec.confidential.require_gpu,
        gpus=gpus,
    )
    return with_terms(policy, provider.policy)
