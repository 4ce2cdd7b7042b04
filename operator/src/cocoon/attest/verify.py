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
from cocoon.attest import development
from cocoon.attest.findings import Findings
from cocoon.attest.policy import Policy

#: Checks what one kind of TEE signs: the bundle, the policy, now in seconds since 1970, where to note what is wrong.
Verifier = Callable[[Bundle, Policy, float, Findings], None]


def _unsupported(bundle: Bundle, _policy: Policy, _now: float, findings: Findings) -> None:
    findings.refuse("UnsupportedTechnology", f"This version can't verify evidence of {bundle.tee} yet.")


VERIFIERS: Final[Mapping[Tee, Verifier]] = {
    "development": development.verify,
    "tdx": _unsupported,
    "snp": _unsupported,
}


def verify(raw: bytes, nonce: bytes, policy: Policy, now: float) -> Verdict:
    """What `policy` says of these bytes at `now` (seconds since 1970). Never raises, whatever the bytes are.

    `nonce` is what the verifier asked with, 32 bytes. A verdict that does not trust has `not_after` = `now`.
    """
    try:
        bundle = bundles.decode(raw)
    except bundles.MalformedBundle as error:
        return Verdict(trusted=False, trust=Trust.TEST, not_after=now, evidence="", reasons=(_malformed(error),))
    findings = Findings()
    VERIFIERS[bundle.tee](bundle, policy, now, findings)
    _check(bundle, nonce, policy, findings)
    findings.expires(now + policy.maximum_age)
    trusted = not findings.reasons
    return Verdict(
        trusted=trusted,
        trust=findings.trust,
        not_after=findings.not_after if trusted else now,
        evidence=bundles.digest(bundle),
        reasons=tuple(findings.reasons),
    )


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
    if policy.require_gpu:
        findings.check(bool(bundle.gpus), "GpuEvidenceMissing", "The policy asks for the GPUs' own evidence.")
