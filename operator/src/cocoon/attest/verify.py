"""The verdict on an evidence bundle: pure, total, and with every reason rather than the first.

What is common to all TEEs (form, role, nonce, wallet, trust, age) is checked here; what a TEE signs is checked by the
verifier of its name.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from cocoon.api.evidence import Bundle, Reason, Tee, Verdict
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest import development, topology, verify_gpu, verify_snp, verify_switch, verify_tdx
from cocoon.attest.case import Case
from cocoon.attest.collateral import NONE, Collateral
from cocoon.attest.findings import Findings
from cocoon.attest.policy import Policy

#: Checks what one kind of TEE signs; what is wrong is noted.
Verifier = Callable[[Case, Findings], None]

VERIFIERS: Final[Mapping[Tee, Verifier]] = {
    "development": development.verify,
    "tdx": verify_tdx.verify,
    "snp": verify_snp.verify,
}


#: What is wrong with the verifier's means rather than with the evidence.
_UNDECIDED: Final = frozenset({"CollateralMissing", "CollateralStale"})


def verify(raw: bytes, nonce: bytes, policy: Policy, now: float, collateral: Collateral = NONE) -> Verdict:
    """What `policy` says of these bytes at `now` (seconds since 1970). Never raises, whatever the bytes are.

    `nonce` is what the verifier asked with, 32 bytes. `collateral` is what `needs.needs` names, as far as it could be
    had. A verdict that does not trust has `not_after` = `now` and trust Test.
    """
    try:
        bundle = bundles.decode(raw)
    except bundles.MalformedBundle as error:
        return Verdict(trusted=False, trust=Trust.TEST, not_after=now, evidence="", reasons=(_malformed(error),))
    findings = Findings()
    case = Case(bundle=bundle, policy=policy, now=now, collateral=collateral)
    VERIFIERS[bundle.tee](case, findings)
    topology.check(bundle, verify_gpu.verify(case, findings), verify_switch.verify(case, findings), findings)
    _check(bundle, nonce, policy, findings)
    findings.expires(now + policy.maximum_age)
    trusted = not findings.reasons
    return Verdict(
        trusted=trusted,
        trust=findings.trust if trusted else Trust.TEST,
        not_after=findings.not_after if trusted else now,
        evidence=bundles.digest(bundle),
        reasons=tuple(findings.reasons),
    )


def is_undecided(verdict: Verdict) -> bool:
    """Whether nothing is wrong but that collateral is not at hand or out of date: what was known before still is."""
    return bool(verdict.reasons) and all(reason.code in _UNDECIDED for reason in verdict.reasons)


def _malformed(error: Exception) -> Reason:
    return Reason("Malformed", str(error))


def _check(bundle: Bundle, nonce: bytes, policy: Policy, findings: Findings) -> None:
    findings.check(
        bundle.role == policy.role, "RoleMismatch", f"The evidence is of a {bundle.role}, not of a {policy.role}."
    )
    fresh = hmac.compare_digest(bundle.nonce, nonce)
    findings.check(fresh, "NonceMismatch", "The evidence does not answer this verifier's nonce: it may be a replay.")
    if policy.payee is not None:
        paid = hmac.compare_digest(bundle.payee.encode(), policy.payee.encode())
        findings.check(paid, "PayeeMismatch", "The evidence fixes another wallet than the one expected.")
    findings.check(
        findings.trust.satisfies(policy.trust),
        "TrustTooLow",
        f"The evidence gives {findings.trust} trust and the policy asks for {policy.trust}.",
    )
