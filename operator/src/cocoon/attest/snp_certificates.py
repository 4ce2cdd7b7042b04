"""The certificates of AMD processors: where a report's chain comes from, and whether it is for this chip and firmware.

    ARK (pinned) -> ASK -> VCEK, of one chip at one TCB version        amd/PRODUCT/vcek
    ARK (pinned) -> ASVK -> VLEK, of one cloud provider at one TCB     amd/PRODUCT/vlek

The leaf comes with the evidence or from AMD's service, the rest from either; the verifier's own copy goes first.
Source: document 57230 (VCEK certificates and Key Distribution Service).
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from msgspec import structs

from cocoon.attest import certificates, roots, snp_report
from cocoon.attest.case import Case
from cocoon.attest.certificates import BadCertificates, Chain
from cocoon.attest.findings import Findings
from cocoon.attest.snp_report import Report

_OID: Final = "1.3.6.1.4.1.3704.1"
_LEVELS: Final = {"bootloader": "3.1", "tee": "3.2", "snp": "3.3", "microcode": "3.8", "fmc": "3.9"}


def chain_of(report: Report, kind: str, case: Case, findings: Findings) -> Chain | None:
    """Leaf, intermediate, root; None if they can't be had, which is noted."""
    try:
        shown = certificates.read_pem(case.bundle.endorsements) if case.bundle.endorsements else ()
        line = line_of(report, shown)
        leaf = _leaf(report, kind, line, case, findings) if not shown else shown[0]
        if leaf is None:
            return None
        above = case.collateral.items.get(chain_name(line, kind))
        chain = (leaf, *certificates.read_pem(above)) if above is not None else (leaf, *shown[1:])
    except BadCertificates as error:
        findings.refuse("ChainMalformed", f"The processor's certificates can't be read: {error}.")
        return None
    if len(chain) == 1:
        case.collateral.get(chain_name(line, kind), findings)
        return None
    complete = len(chain) == 3
    findings.check(complete, "ChainMalformed", f"The chain has {len(chain)} certificates instead of leaf, ASK and ARK.")
    return chain if complete else None


def line_of(report: Report, shown: Chain) -> str:
    """The product line by the report, or by its certificate if the report is too old to tell."""
    return snp_report.product(report) or (product_of(shown[0]) if shown else "")


def _leaf(report: Report, kind: str, line: str, case: Case, findings: Findings) -> x509.Certificate | None:
    if kind == "vlek":
        advice = "Its host must put it into the certificate table, as AMD gives VLEKs to cloud providers only."
        findings.refuse("ChainMissing", f"The evidence carries no VLEK certificate. {advice}")
        return None
    der = case.collateral.get(vcek_name(report, line), findings)
    return None if der is None else certificates.read_der(der)


def vcek_name(report: Report, line: str) -> str:
    """The collateral that is this chip's certificate."""
    return f"amd/{line or 'unknown'}/vcek/{snp_report.chip(report, line).hex()}-{report.reported_tcb.hex()}.der"


def chain_name(line: str, kind: str) -> str:
    """The collateral that is the certificates above a VCEK or VLEK."""
    return f"amd/{line or 'unknown'}/{kind}/chain.pem"


def crl_name(line: str, kind: str) -> str:
    """The collateral that is AMD's list of revoked certificates."""
    return f"amd/{line or 'unknown'}/{kind}/crl.der"


def product_of(leaf: x509.Certificate) -> str:
    """The product line that a VCEK or VLEK is for, such as Genoa of `Genoa-B1`; an IA5String in DER."""
    value = certificates.extension(leaf, f"{_OID}.2") or b""
    name = value[2:].decode("ascii", "replace") if len(value) > 2 and value[1] == len(value) - 2 else ""
    line = name.split("-")[0]
    return "Genoa" if line == "Siena" else line


def _level(leaf: x509.Certificate, suffix: str) -> int | None:
    """A patch level in a certificate, an INTEGER in DER of at most 2 bytes."""
    value = certificates.extension(leaf, f"{_OID}.{suffix}") or b""
    fits = 3 <= len(value) <= 4 and value[0] == 2 and value[1] == len(value) - 2
    return int.from_bytes(value[2:], "big") if fits else None


def check_leaf(report: Report, kind: str, line: str, leaf: x509.Certificate, findings: Findings) -> None:
    """The certificate must be for this chip at this TCB: a key of older firmware signs for that firmware only."""
    by_cpuid = snp_report.product(report)
    fits = line in roots.AMD and by_cpuid in ("", line)
    findings.check(fits, "ProductMismatch", f"The certificate is for {line[:20]!r}, the report of {by_cpuid or 'any'}.")
    shown = structs.asdict(snp_report.levels(report.reported_tcb, line))
    wrong = [
        name
        for name, suffix in _LEVELS.items()
        if (name != "fmc" or line == "Turin") and _level(leaf, suffix) != shown[name]
    ]
    findings.check(
        not wrong, "TcbMismatch", f"The certificate is for another firmware than reported: {', '.join(wrong)}."
    )
    if kind == "vcek":
        chip = certificates.extension(leaf, f"{_OID}.4") or b""
        same = hmac.compare_digest(chip, snp_report.chip(report, line))
        findings.check(same, "ChipMismatch", "The certificate is for another chip than the report.")


def check_revoked(chain: Chain, kind: str, line: str, case: Case, findings: Findings) -> None:
    """Note it unless AMD's list, which the root signs, says nothing against the leaf and the one above it."""
    name = crl_name(line, kind)
    if not case.policy.require_revocation and name not in case.collateral.items:
        return
    raw = case.collateral.get(name, findings)
    if raw is None:
        return
    try:
        crl = x509.load_der_x509_crl(raw)
        signed = crl.is_signature_valid(chain[-1].public_key())  # type: ignore[arg-type]  # any other kind of key raises TypeError
    except (ValueError, TypeError, UnsupportedAlgorithm):
        findings.refuse("CollateralMalformed", f"The collateral {name} can't be read.")
        return
    findings.check(signed, "CollateralForged", f"The collateral {name} is not signed by the root it belongs to.")
    until, at = crl.next_update_utc, datetime.fromtimestamp(case.now, UTC)
    if (
        findings.check(until is not None and at <= until, "CollateralStale", f"The collateral {name} is out of date.")
        and until
    ):
        findings.expires(until.timestamp())
    revoked = any(crl.get_revoked_certificate_by_serial_number(each.serial_number) for each in chain[:2])
    findings.check(not revoked, "Revoked", "AMD has revoked a certificate of this processor.")
