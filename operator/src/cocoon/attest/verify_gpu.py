"""The verdict on the GPUs' own evidence: who signed it, which firmware and driver run, in which mode.

A GPU in developer mode, or with any firmware that NVIDIA has not published, has other measurements than NVIDIA's signed
reference measurements; that is how both show. The GPU's nonce comes from the same nonce and keys as the CPU's report
data, and the CPU signs the digest of the GPUs' evidence, so GPUs of other machines don't fit.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from cocoon.api.evidence import GpuEvidence
from cocoon.attest import gpu_report
from cocoon.attest.bundle import gpu_nonce
from cocoon.attest.case import Case
from cocoon.attest.certificates import BadCertificates
from cocoon.attest.devices import Device, check_chain, differing, first_word, has_fwid, numbers, read_chain, reference
from cocoon.attest.findings import Findings
from cocoon.attest.gpu_report import GpuReport
from cocoon.attest.policy import GpuTerms
from cocoon.attest.spdm import MalformedReport

Gpu = Device[GpuReport]
ARCHITECTURES: Final[Mapping[str, str]] = {"GH": "HOPPER", "GB": "BLACKWELL"}
#: What this index measures is switched off together with the video decoder.
_VIDEO_DECODER: Final = 35


def verify(case: Case, findings: Findings) -> tuple[Gpu, ...]:
    """Check all GPUs of a bundle, one by one and together; those that could be read. What is wrong is noted."""
    gpus, wanted = case.bundle.gpus, case.policy.gpus
    if case.policy.require_gpu:
        findings.check(bool(gpus), "GpuEvidenceMissing", "The policy asks for the GPUs' own evidence.")
    if wanted is not None and gpus:
        findings.check(len(gpus) == wanted, "GpuCount", f"There is evidence of {len(gpus)} GPUs instead of {wanted}.")
    found = tuple(gpu for number, shown in enumerate(gpus) if (gpu := _read(number, shown, findings)))
    nonce = gpu_nonce(case.bundle.role, case.bundle.nonce, case.bundle.keys, case.bundle.payee)
    for gpu in found:
        fresh = hmac.compare_digest(gpu.report.nonce, nonce)
        findings.check(fresh, "GpuNonceMismatch", f"{gpu.name} did not answer this verifier's nonce and these keys.")
        _check_origin(gpu, case, findings)
        _check_terms(gpu, case.policy.gpu, findings)
        _check_measurements(gpu, case, findings)
    _check_together(found, findings)
    return found


def read(shown: GpuEvidence, name: str = "") -> Gpu:
    """A GPU's report and certificates. Raises MalformedReport or BadCertificates."""
    chain = read_chain(shown.chain)
    return Device(name, first_word(chain[0]), shown.report, gpu_report.parse(shown.report), chain)


def _read(number: int, shown: GpuEvidence, findings: Findings) -> Gpu | None:
    name = f"GPU {number}"
    try:
        return read(shown, name)
    except MalformedReport as error:
        findings.refuse("GpuReportMalformed", f"The report of {name} can't be used: {error}.")
    except BadCertificates as error:
        findings.refuse("GpuChainMalformed", f"The certificates of {name} can't be read: {error}.")
    return None


def _check_origin(gpu: Gpu, case: Case, findings: Findings) -> None:
    check_chain(gpu.name, gpu.chain, case, findings)
    text = f"The report of {gpu.name} is not signed by its certificate's key."
    findings.check(gpu.is_signed, "GpuSignatureInvalid", text)
    same = has_fwid(gpu.chain[0], gpu.report.fwid)
    findings.check(same, "FirmwareIdMismatch", f"The certificate of {gpu.name} was made for other firmware.")


def _check_terms(gpu: Gpu, terms: GpuTerms, findings: Findings) -> None:
    report, name = gpu.report, gpu.name
    architecture = ARCHITECTURES.get(gpu.chip[:2], "")
    known = bool(architecture) and (not terms.architectures or architecture in terms.architectures)
    findings.check(known, "GpuArchitecture", f"{name} is a {gpu.chip[:20]}, which the policy does not list.")
    mode = report.mode or "not told: its driver is too old"
    findings.check(report.mode in terms.modes, "GpuMode", f"The mode of {name} is {mode}; the policy lists others.")
    recent = numbers(report.driver, 10) >= numbers(terms.minimum_driver, 10)
    findings.check(recent, "DriverTooOld", f"{name} has driver {report.driver}; update it to {terms.minimum_driver}.")
    recent = numbers(report.vbios, 16) >= numbers(terms.minimum_vbios, 16)
    findings.check(recent, "VbiosTooOld", f"{name} has VBIOS {report.vbios}; update it to {terms.minimum_vbios}.")


def rim_names(report: GpuReport, chip: str) -> tuple[str, str]:
    """The collateral that is the reference measurements of this GPU's driver and VBIOS, by NVIDIA's names.

    Hopper's drivers go by GH100; Blackwell's by the chip that the report itself names.
    """
    driver = f"NV_GPU_DRIVER_GH100_{report.driver}"
    if chip.startswith("GB"):
        driver = f"NV_GPU_CC_DRIVER_{report.chip or 'GB100'}_{report.driver}"
    vbios = f"NV_GPU_VBIOS_{report.board}_{report.vbios.replace('.', '')}"
    return f"nvidia/rim/{driver}.xml", f"nvidia/rim/{vbios}.xml"


def _check_measurements(gpu: Gpu, case: Case, findings: Findings) -> None:
    versions = gpu.report.driver, gpu.report.vbios
    pairs = zip(rim_names(gpu.report, gpu.chip), versions, strict=True)

    def fits(product: str) -> bool:
        return product.startswith(gpu.chip[:2])

    found = [each for name, version in pairs if (each := reference(name, version, fits, case, findings))]
    claimed = [index for each in found for index in each.golden]
    twice = len(set(claimed)) != len(claimed)
    findings.check(not twice, "RimConflict", f"Driver and VBIOS of {gpu.name} both lay claim to a measurement.")
    wrong = differing(gpu.report, found, () if gpu.report.video_decoder else {_VIDEO_DECODER})
    if wrong:
        advice = "It runs other firmware than NVIDIA published, or is in developer mode."
        text = f"Measurements {', '.join(wrong[:16])} of {gpu.name} differ from NVIDIA's. {advice}"
        findings.refuse("GpuMeasurementMismatch", text)


def _check_together(gpus: Sequence[Gpu], findings: Findings) -> None:
    """No GPU may stand for two, and all must work in one mode: otherwise one of them is not what the others think."""
    different = len({gpu.identity for gpu in gpus}) == len(gpus)
    findings.check(different, "GpuRepeated", "One GPU's evidence stands there more than once.")
    modes = {gpu.report.mode for gpu in gpus}
    findings.check(len(modes) <= 1, "GpuModesDiffer", "The GPUs are in different modes.")
