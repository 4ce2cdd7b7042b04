"""The verdict on the GPUs' own evidence: who signed it, which firmware and driver run, in which mode.

    NVIDIA Device Identity CA (pinned) -> chip identity -> provisioner -> BROM, of one GPU -> leaf, of one firmware

A GPU in developer mode, or with any firmware that NVIDIA has not published, has other measurements than NVIDIA's signed
reference measurements; that is how both show. The GPU's nonce comes from the same nonce and keys as the CPU's report
data, and the CPU signs the digest of the GPUs' evidence, so GPUs of other machines don't fit.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

from cryptography import x509
from msgspec import Struct

from cocoon.api.evidence import GpuEvidence
from cocoon.attest import certificates, ocsp, rim, roots, spdm
from cocoon.attest.bundle import gpu_nonce
from cocoon.attest.case import Case
from cocoon.attest.certificates import BadCertificates, Chain
from cocoon.attest.findings import Findings
from cocoon.attest.policy import GpuTerms
from cocoon.attest.rim import BadRim, Rim

ARCHITECTURES: Final[Mapping[str, str]] = {"GH": "HOPPER", "GB": "BLACKWELL"}
#: Leaf, BROM, provisioner, chip identity, root.
CHAIN_LENGTH: Final = 5
#: The first certificate whose revocation is asked about.
FIRST_REVOCABLE: Final = 1
_FWIDS: Final = ("2.23.133.5.4.1", "2.23.133.5.4.1.1")
#: What this index measures is switched off together with the video decoder.
_VIDEO_DECODER: Final = 35


class Device(Struct, frozen=True):
    """One GPU as far as it could be read; `name` is what messages call it."""

    name: str
    raw: bytes
    report: spdm.Report
    chain: Chain

    @property
    def chip(self) -> str:
        """The chip by its certificate, such as GH100."""
        return chip(self.chain)


def verify(case: Case, findings: Findings) -> None:
    """Check all GPUs of a bundle, one by one and together; what is wrong goes to `findings`."""
    gpus, wanted = case.bundle.gpus, case.policy.gpus
    if case.policy.require_gpu:
        findings.check(bool(gpus), "GpuEvidenceMissing", "The policy asks for the GPUs' own evidence.")
    if wanted is not None and gpus:
        findings.check(len(gpus) == wanted, "GpuCount", f"There is evidence of {len(gpus)} GPUs instead of {wanted}.")
    devices = [device for number, shown in enumerate(gpus) if (device := _read(number, shown, findings))]
    nonce = gpu_nonce(case.bundle.role, case.bundle.nonce, case.bundle.keys, case.bundle.payee)
    for device in devices:
        fresh = hmac.compare_digest(device.report.nonce, nonce)
        findings.check(fresh, "GpuNonceMismatch", f"{device.name} did not answer this verifier's nonce and these keys.")
        _check_origin(device, case, findings)
        _check_terms(device, case.policy.gpu, findings)
        _check_measurements(device, case, findings)
    _check_together(devices, findings)


def chip(chain: Chain) -> str:
    """The chip that a GPU's certificates are for, the first word of the leaf's name."""
    return certificates.plain_name(chain[0]).split(" ")[0]


def read(shown: GpuEvidence) -> tuple[spdm.Report, Chain]:
    """A GPU's report and certificates. Raises MalformedReport or BadCertificates."""
    chain = certificates.read_pem(shown.chain)
    if len(chain) != CHAIN_LENGTH:
        raise BadCertificates(f"{len(chain)} instead of {CHAIN_LENGTH}")
    return spdm.parse(shown.report), chain


def _read(number: int, shown: GpuEvidence, findings: Findings) -> Device | None:
    name = f"GPU {number}"
    try:
        return Device(name, shown.report, *read(shown))
    except spdm.MalformedReport as error:
        findings.refuse("GpuReportMalformed", f"The report of {name} can't be used: {error}.")
    except BadCertificates as error:
        findings.refuse("GpuChainMalformed", f"The certificates of {name} can't be read: {error}.")
    return None


def _check_origin(device: Device, case: Case, findings: Findings) -> None:
    report, chain = device.report, device.chain
    root = certificates.fingerprint(chain[-1])
    roots.settle(root, roots.NVIDIA_DEVICES, case.policy, findings, f"the certificates of {device.name}")
    certificates.check_chain(chain, case.now, findings, case.links)
    ocsp.check_chain(chain, FIRST_REVOCABLE, case, findings)
    signed = certificates.is_signed(chain[0], report.r, report.s, device.raw[: report.signed])
    findings.check(
        signed, "GpuSignatureInvalid", f"The report of {device.name} is not signed by its certificate's key."
    )
    same = _has_fwid(chain[0], report.fwid)
    findings.check(same, "FirmwareIdMismatch", f"The certificate of {device.name} was made for other firmware.")


def _has_fwid(leaf: x509.Certificate, fwid: bytes) -> bool:
    """Whether the leaf was issued to the firmware with this id (TCG DICE): it ends one form, and is in the other."""
    values = [certificates.extension(leaf, oid) or b"" for oid in _FWIDS]
    return len(fwid) == 48 and (values[0].endswith(fwid) or fwid in values[1])


def _check_terms(device: Device, terms: GpuTerms, findings: Findings) -> None:
    report, name = device.report, device.name
    architecture = ARCHITECTURES.get(device.chip[:2], "")
    known = bool(architecture) and (not terms.architectures or architecture in terms.architectures)
    findings.check(known, "GpuArchitecture", f"{name} is a {device.chip[:20]}, which the policy does not list.")
    mode = report.mode or "not told: its driver is too old"
    findings.check(report.mode in terms.modes, "GpuMode", f"The mode of {name} is {mode}; the policy lists others.")
    recent = _numbers(report.driver, 10) >= _numbers(terms.minimum_driver, 10)
    findings.check(recent, "DriverTooOld", f"{name} has driver {report.driver}; update it to {terms.minimum_driver}.")
    recent = _numbers(report.vbios, 16) >= _numbers(terms.minimum_vbios, 16)
    findings.check(recent, "VbiosTooOld", f"{name} has VBIOS {report.vbios}; update it to {terms.minimum_vbios}.")


def _numbers(version: str, base: int) -> tuple[int, ...]:
    """A version for comparison; what is no number counts as 0."""
    parts = version.split(".") if version else []
    digits = "0123456789abcdef"[:base]
    return tuple(int(part, base) if part and set(part.lower()) <= set(digits) else 0 for part in parts)


def rim_names(report: spdm.Report, chip: str) -> tuple[str, str]:
    """The collateral that is the reference measurements of this GPU's driver and VBIOS, by NVIDIA's names.

    Hopper's drivers go by GH100; Blackwell's by the chip that the report itself names.
    """
    driver = f"NV_GPU_DRIVER_GH100_{report.driver}"
    if chip.startswith("GB"):
        driver = f"NV_GPU_CC_DRIVER_{report.chip or 'GB100'}_{report.driver}"
    vbios = f"NV_GPU_VBIOS_{report.board}_{report.vbios.replace('.', '')}"
    return f"nvidia/rim/{driver}.xml", f"nvidia/rim/{vbios}.xml"


def _check_measurements(device: Device, case: Case, findings: Findings) -> None:
    versions = device.report.driver, device.report.vbios
    names = rim_names(device.report, device.chip)
    found = [_rim(name, version, device, case, findings) for name, version in zip(names, versions, strict=True)]
    known = [each for each in found if each is not None]
    golden = {index: values for each in known for index, values in each.golden.items()}
    twice = sum(len(each.golden) for each in known) != len(golden)
    findings.check(not twice, "RimConflict", f"Driver and VBIOS of {device.name} both lay claim to a measurement.")
    wrong = [str(index) for index, values in sorted(golden.items()) if not _fits(device.report, index, values)]
    if wrong:
        advice = "It runs other firmware than NVIDIA published, or is in developer mode."
        text = f"Measurements {', '.join(wrong[:16])} of {device.name} differ from NVIDIA's. {advice}"
        findings.refuse("GpuMeasurementMismatch", text)


def _fits(report: spdm.Report, index: int, values: frozenset[str]) -> bool:
    if index == _VIDEO_DECODER and not report.video_decoder:
        return True
    shown = report.measurements.get(index)
    return shown is not None and shown.hex() in values


def _rim(name: str, version: str, device: Device, case: Case, findings: Findings) -> Rim | None:
    """The reference measurements if NVIDIA signed them, for this chip and this version."""
    raw = case.collateral.get(name, findings)
    if raw is None:
        return None
    try:
        found = rim.read(raw)
    except BadRim as error:
        findings.refuse("CollateralMalformed", f"The reference measurements {name} do not hold: {error}.")
        return None
    if case.is_first(name):
        root = certificates.fingerprint(found.chain[-1])
        roots.settle(root, roots.NVIDIA_RIMS, case.policy, findings, f"the reference measurements {name}")
        certificates.check_chain(found.chain, case.now, findings, case.links)
        ocsp.check_chain(found.chain, 0, case, findings)
    right = found.version == version.upper() and found.product.startswith(device.chip[:2])
    findings.check(right, "RimMismatch", f"The reference measurements {name} are of another chip or version.")
    return found


def _check_together(devices: list[Device], findings: Findings) -> None:
    """No GPU may stand for two, and all must work in one mode: otherwise one of them is not what the others think."""
    chips = {certificates.der(device.chain[1]) for device in devices}
    findings.check(len(chips) == len(devices), "GpuRepeated", "One GPU's evidence stands there more than once.")
    modes = {device.report.mode for device in devices}
    findings.check(len(modes) <= 1, "GpuModesDiffer", "The GPUs are in different modes.")
    bare = (
        "PPCIE needs the switches' evidence, which is not read here: NVLink is in the clear there. Set the mode to on."
    )
    findings.check("PPCIE" not in modes, "SwitchEvidenceMissing", bare)
