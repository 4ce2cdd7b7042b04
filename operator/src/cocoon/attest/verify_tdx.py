"""The verdict on an Intel TDX quote: signatures and collateral by dcap-qvl, the terms by us.

dcap-qvl checks the quote's signatures, certificates, revocation lists, TCB tables and the quoting enclave, and says
what it found. It is asked for its findings only (`claims_only`): with a policy of its own it stops at the first term
that does not hold, and a plain `verify` accepts a platform that is out of date. What it never lets pass are a revoked
TCB, a debuggable guest, and anything expired or from the future.
"""

from __future__ import annotations

import hmac
from typing import Final

import dcap_qvl
import msgspec
from msgspec import Struct

from cocoon.attest import certificates, golden, roots
from cocoon.attest.bundle import report_data
from cocoon.attest.case import Case
from cocoon.attest.certificates import BadCertificates
from cocoon.attest.findings import Findings
from cocoon.attest.policy import TdxTerms

#: Far beyond any quote with its certificates (about 5 kB).
MAXIMUM_QUOTE: Final = 64 << 10
_TDX: Final = 0x81
#: Words of dcap-qvl's errors and what they mean; the first that fits counts.
_MEANINGS: Final = {
    "Debug mode": ("DebugGuest", "Start the guest without debug."),
    "Revoked": ("TcbRevoked", "Intel has revoked this platform's TCB; update its firmware."),
    "future": ("CollateralNotYetValid", "Check the clocks."),
    "xpired": ("CollateralStale", "Fetch Intel's collateral again."),
}


class _Pck(Struct):
    platform_instance_id: tuple[int, ...] | None = None
    smt_enabled: str = ""


class _Platform(Struct):
    tcb_date_tag: float
    pck: _Pck


class _Tcb(Struct):
    status: str
    eval_data_number: int
    advisory_ids: tuple[str, ...] = ()


class _Claims(Struct):
    """What dcap-qvl found; times in seconds since 1970. `earliest_expiration_date` is that of all collateral."""

    tee_type: int
    tcb: _Tcb
    platform: _Platform
    earliest_expiration_date: float


def verify(case: Case, findings: Findings) -> None:
    """Check a TDX quote; what is wrong goes to `findings`."""
    quote = parse(case.bundle.cpu)
    if quote is None:
        findings.refuse("QuoteMalformed", "The TDX quote can't be read.")
        return
    _check_guest(quote.report, case, findings)
    claims = _claims(quote, case, findings)
    if claims is not None:
        _check_platform(claims, case.policy.tdx, findings)


def parse(raw: bytes) -> dcap_qvl.Quote | None:
    """The TDX quote in these bytes; None if there is none."""
    if len(raw) > MAXIMUM_QUOTE:
        return None
    try:
        quote = dcap_qvl.parse_quote(raw)
    except ValueError:
        return None
    return quote if quote.header.tee_type == _TDX and quote.is_tdx() else None


def collateral_name(quote: dcap_qvl.Quote) -> str:
    """The collateral of the platform that made this quote; empty if it does not say which that is."""
    try:
        return f"intel/{quote.fmspc()}/{quote.ca()}.json"
    except ValueError:
        return ""


def _check_guest(report: dcap_qvl.TdReport10, case: Case, findings: Findings) -> None:
    bound = hmac.compare_digest(report.report_data, report_data(case.bundle))
    findings.check(
        bound, "BindingMismatch", "The quote is not about this nonce, these keys, this wallet and these GPUs."
    )
    registers = tuple(value.hex() for value in (report.rt_mr0, report.rt_mr1, report.rt_mr2, report.rt_mr3))
    golden.check(golden.Measured(report.mr_td.hex(), report.mr_config_id.hex(), registers), case.policy, findings)


def _claims(quote: dcap_qvl.Quote, case: Case, findings: Findings) -> _Claims | None:
    """What dcap-qvl found out with the collateral at hand; the verifier's own collateral goes first."""
    name = collateral_name(quote)
    own = case.collateral.items.get(name)
    raw = own or case.bundle.endorsements or case.collateral.get(name, findings)
    if raw is None:
        return None
    try:
        collateral = dcap_qvl.QuoteCollateralV3.from_json(raw.decode())
    except ValueError:
        findings.refuse("CollateralMalformed", f"The collateral {name} can't be read.")
        return None
    root = _root(collateral, case, findings)
    return None if root is None else _judged(root or None, collateral, case, findings)


def _root(collateral: dcap_qvl.QuoteCollateralV3, case: Case, findings: Findings) -> bytes | None:
    """The test root to verify with, in DER; empty for Intel's; None if the collateral's root is not allowed."""
    try:
        chain = certificates.read_pem(collateral.pck_crl_issuer_chain.encode())
    except BadCertificates as error:
        findings.refuse("CollateralMalformed", f"Intel's certificates can't be read: {error}.")
        return None
    if not findings.check(bool(chain), "CollateralMalformed", "The collateral holds no certificates."):
        return None
    shown = certificates.fingerprint(chain[-1])
    if not roots.settle(shown, roots.INTEL, case.policy, findings, "the platform's certificates"):
        return None
    return b"" if shown in roots.INTEL else certificates.der(chain[-1])


def _judged(
    root: bytes | None, collateral: dcap_qvl.QuoteCollateralV3, case: Case, findings: Findings
) -> _Claims | None:
    at = int(case.now)
    try:
        found = dcap_qvl.QuoteVerifier(root).verify_with_policy(
            case.bundle.cpu, collateral, at, dcap_qvl.QuotePolicy.claims_only(at)
        )
        return msgspec.json.decode(found.to_json(), type=_Claims)
    except (ValueError, OverflowError) as error:  # msgspec's errors are ValueErrors too
        words = " / ".join(str(error).split("\n"))[:200]
        fits = [meaning for sign, meaning in _MEANINGS.items() if sign in words]
        code, advice = fits[0] if fits else ("QuoteInvalid", "Its signatures must lead to Intel's root.")
        findings.refuse(code, f"The TDX quote does not hold ({words}). {advice}")
        return None


def _check_platform(claims: _Claims, terms: TdxTerms, findings: Findings) -> None:
    findings.expires(claims.earliest_expiration_date)
    status = claims.tcb.status
    findings.check(
        status in terms.statuses,
        "TcbStatus",
        f"The platform's TCB is {status}; update its firmware, or allow the status.",
    )
    findings.check(
        claims.platform.tcb_date_tag >= terms.minimum_tcb_date,
        "TcbTooOld",
        "The platform's TCB is older than the policy's minimum date; update its firmware.",
    )
    rejected = sorted(set(claims.tcb.advisory_ids) & set(terms.rejected_advisories))
    findings.check(not rejected, "AdvisoryRejected", f"The platform is affected by {', '.join(rejected)}; update it.")
    number = claims.tcb.eval_data_number
    findings.check(
        number >= terms.minimum_evaluation,
        "CollateralTooOld",
        f"The collateral's evaluation number is {number}, the policy asks for {terms.minimum_evaluation}.",
    )
    smt = terms.allow_smt or claims.platform.pck.smt_enabled != "True"
    findings.check(smt, "SmtAllowed", "The platform has SMT enabled, which the policy does not allow.")
    if terms.platform_ids is not None:
        shown = bytes(claims.platform.pck.platform_instance_id or ()).hex()
        findings.check(shown in terms.platform_ids, "PlatformUnknown", "The policy does not list this machine.")
