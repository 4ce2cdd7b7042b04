"""The verdict on the NVSwitches' own evidence: who signed it, which firmware runs, whether it answers this verifier.

Their reports, certificates and reference measurements have the form of the GPUs' (devices). Their nonce comes from the
same nonce and keys, and the CPU signs the digest of their evidence too, so switches of other machines don't fit.
Sources: NVIDIA's nvtrust, attestation_sdk, nv_switch_verifier. Real reports hold no firmware id, as nvtrust expects:
only one that is there must be the certificate's. What reference measurements call the product is not documented; those
of a GPU are refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final

from cocoon.api.evidence import SwitchEvidence
from cocoon.attest import switch_report
from cocoon.attest.bundle import switch_nonce
from cocoon.attest.case import Case
from cocoon.attest.certificates import BadCertificates
from cocoon.attest.devices import Device, check_chain, differing, first_word, has_fwid, numbers, read_chain, reference
from cocoon.attest.findings import Findings
from cocoon.attest.policy import GpuTerms
from cocoon.attest.spdm import MalformedReport
from cocoon.attest.switch_report import BOARD, SwitchReport
from cocoon.attest.verify_gpu import ARCHITECTURES

Switch = Device[SwitchReport]
#: The chip by its certificates: the third generation of NVSwitch, beside Hopper.
CHIP: Final = "LS_10"


def verify(case: Case, findings: Findings) -> tuple[Switch, ...]:
    """Check all switches of a bundle, one by one; those that could be read. What is wrong is noted."""
    bundle = case.bundle
    found = tuple(each for number, shown in enumerate(bundle.switches) if (each := _read(number, shown, findings)))
    nonce = switch_nonce(bundle.role, bundle.nonce, bundle.keys, bundle.payee)
    for switch in found:
        fresh = hmac.compare_digest(switch.report.nonce, nonce)
        text = f"{switch.name} did not answer this verifier's nonce and these keys."
        findings.check(fresh, "SwitchNonceMismatch", text)
        _check_origin(switch, case, findings)
        _check_terms(switch, case.policy.gpu, findings)
        _check_measurements(switch, case, findings)
    _check_different(found, findings)
    return found


def read(shown: SwitchEvidence, name: str = "") -> Switch:
    """A switch's report and certificates. Raises MalformedReport or BadCertificates."""
    chain = read_chain(shown.chain)
    return Device(name, first_word(chain[1]), shown.report, switch_report.parse(shown.report), chain)


def rim_name(report: SwitchReport) -> str:
    """The collateral that is the reference measurements of this switch's BIOS, by NVIDIA's name."""
    return f"nvidia/rim/NV_SWITCH_BIOS_{BOARD}_{report.bios.replace('.', '').upper()}.xml"


def _read(number: int, shown: SwitchEvidence, findings: Findings) -> Switch | None:
    name = f"NVSwitch {number}"
    try:
        return read(shown, name)
    except MalformedReport as error:
        findings.refuse("SwitchReportMalformed", f"The report of {name} can't be used: {error}.")
    except BadCertificates as error:
        findings.refuse("SwitchChainMalformed", f"The certificates of {name} can't be read: {error}.")
    return None


def _check_origin(switch: Switch, case: Case, findings: Findings) -> None:
    check_chain(switch.name, switch.chain, case, findings)
    text = f"The report of {switch.name} is not signed by its certificate's key."
    findings.check(switch.is_signed, "SwitchSignatureInvalid", text)
    same = not switch.report.fwid or has_fwid(switch.chain[0], switch.report.fwid)
    findings.check(same, "FirmwareIdMismatch", f"The certificate of {switch.name} was made for other firmware.")


def _check_terms(switch: Switch, terms: GpuTerms, findings: Findings) -> None:
    text = f"{switch.name} is a {switch.chip[:20]!r} by its certificates; only {CHIP} is known."
    findings.check(switch.chip == CHIP, "SwitchUnknown", text)
    recent = numbers(switch.report.bios, 16) >= numbers(terms.minimum_switch_bios, 16)
    text = f"{switch.name} has BIOS {switch.report.bios}; update it to {terms.minimum_switch_bios}."
    findings.check(recent, "SwitchBiosTooOld", text)


def _check_measurements(switch: Switch, case: Case, findings: Findings) -> None:
    found = reference(rim_name(switch.report), switch.report.bios, _is_no_gpu, case, findings)
    wrong = differing(switch.report, [found] if found is not None else [])
    if wrong:
        text = f"Measurements {', '.join(wrong[:16])} of {switch.name} differ from NVIDIA's: it runs other firmware."
        findings.refuse("SwitchMeasurementMismatch", text)


def _is_no_gpu(product: str) -> bool:
    return not product.startswith(tuple(ARCHITECTURES))


def _check_different(switches: Sequence[Switch], findings: Findings) -> None:
    devices = {switch.identity for switch in switches}
    identifiers = {switch.report.identifier for switch in switches}
    different = len(devices) == len(identifiers) == len(switches)
    findings.check(different, "SwitchRepeated", "One NVSwitch's evidence stands there more than once.")
