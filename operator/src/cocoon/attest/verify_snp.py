"""The verdict on an AMD SEV-SNP report: who signed it, on what firmware, about which guest.

Source: document 56860 (SEV Secure Nested Paging Firmware ABI).
"""

from __future__ import annotations

import hmac
from typing import Final

from msgspec import structs

from cocoon.attest import certificates, golden, roots, snp_certificates, snp_report
from cocoon.attest.bundle import report_data
from cocoon.attest.case import Case
from cocoon.attest.findings import Findings
from cocoon.attest.policy import TcbFloor
from cocoon.attest.snp_report import Report

_SMT: Final = 16
_MIGRATION: Final = 18
_DEBUG: Final = 19


def verify(case: Case, findings: Findings) -> None:
    """Check an SNP report and its chain; what is wrong goes to `findings`."""
    try:
        report = snp_report.parse(case.bundle.cpu)
    except snp_report.MalformedReport as error:
        findings.refuse("ReportMalformed", f"The SEV-SNP report can't be used: {error}.")
        return
    line = _check_origin(report, case, findings)
    _check_guest(report, case, findings)
    _check_platform(report, line, case, findings)


def _check_origin(report: Report, case: Case, findings: Findings) -> str:
    """Whose key signed the report; the product line."""
    kind = snp_report.SIGNERS.get(report.signer, "")
    if not findings.check(bool(kind), "SignerUnknown", "The report is signed by neither a VCEK nor a VLEK."):
        return snp_report.product(report)
    chain = snp_certificates.chain_of(report, kind, case, findings)
    if chain is None:
        return snp_report.product(report)
    line = snp_certificates.product_of(chain[0])
    allowed = {roots.AMD[line]} if line in roots.AMD else set()
    roots.settle(certificates.fingerprint(chain[-1]), allowed, case.policy, findings, "the processor's certificates")
    certificates.check_chain(chain, case.now, findings, case.links)
    signed = certificates.is_signed(chain[0], report.r, report.s, case.bundle.cpu[: snp_report.SIGNED])
    findings.check(signed, "SignatureInvalid", "The report is not signed by the key of its certificate.")
    snp_certificates.check_leaf(report, kind, line, chain[0], findings)
    snp_certificates.check_revoked(chain, kind, line, case, findings)
    return line


def _check_guest(report: Report, case: Case, findings: Findings) -> None:
    bound = hmac.compare_digest(report.report_data, report_data(case.bundle))
    findings.check(
        bound, "BindingMismatch", "The report is not about this nonce, these keys, this wallet and these GPUs."
    )
    policy = report.guest_policy
    findings.check(
        not policy >> _DEBUG & 1, "DebugGuest", "The guest can be debugged by its host; start it without debug."
    )
    findings.check(
        not policy >> _MIGRATION & 1, "MigrationAgent", "The guest allows a migration agent; start it without one."
    )
    smt = case.policy.snp.allow_smt or not policy >> _SMT & 1
    findings.check(smt, "SmtAllowed", "The guest may share cores by SMT, which the policy does not allow.")
    deep = report.vmpl <= case.policy.snp.maximum_vmpl
    findings.check(
        deep, "PrivilegeTooLow", f"The report was asked for at VMPL {report.vmpl}, below what the policy accepts."
    )
    golden.check(golden.Measured(report.measurement.hex(), report.host_data.hex()), case.policy, findings)


def _check_platform(report: Report, line: str, case: Case, findings: Findings) -> None:
    terms = case.policy.snp
    if terms.chip_ids is not None:
        findings.check(
            report.chip_id.hex() in terms.chip_ids, "PlatformUnknown", "The policy does not list this processor."
        )
    floor = terms.floors.get(line)
    if floor is None:
        findings.check(
            not terms.floors, "ProductNotAllowed", f"The policy has no TCB floor for {line[:20] or 'this processor'}."
        )
        return
    for name, tcb in (
        ("reported", report.reported_tcb),
        ("committed", report.committed_tcb),
        ("launch", report.launch_tcb),
    ):
        low = _below(snp_report.levels(tcb, line), floor)
        findings.check(
            not low, "TcbTooOld", f"The {name} TCB is below the floor for {line}: {low}. Update the firmware."
        )


def _below(shown: TcbFloor, floor: TcbFloor) -> str:
    least, levels = structs.asdict(floor), structs.asdict(shown)
    return ", ".join(f"{name} {level} < {least[name]}" for name, level in levels.items() if level < least[name])
