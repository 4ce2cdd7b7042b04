"""GPUs: genuine evidence is believed, bound to the CPU's, and whatever is wrong is said by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import structs

from cocoon.api.evidence import Bundle, GpuEvidence
from cocoon.api.trust import Trust
from cocoon.attest.collateral import Collateral
from cocoon.attest.needs import more_needs, needs
from cocoon.attest.policy import GpuTerms, Policy
from tests.attest.evidence import about, bundle, codes, gpu_nonce, judge, under
from tests.attest.makers.certificates import AT, DAY, NOW, Wish, certify, p384
from tests.attest.makers.intel import intel
from tests.attest.makers.nvidia import (
    DRIVER,
    DRIVER_INDICES,
    MEASUREMENTS,
    VBIOS,
    VBIOS_INDICES,
    Gpu,
    Nvidia,
    nvidia,
)

INTEL, NVIDIA = intel(), nvidia()
PLATFORM = INTEL.platform()
GPU, OTHER = NVIDIA.gpu(), NVIDIA.gpu()
PUBLISHED = INTEL.published()
COLLATERAL = NVIDIA.collateral(GPU, OTHER)
POLICY = under(INTEL.root.fingerprint, *NVIDIA.fingerprints, require_gpu=True)
DRIVER_RIM = f"nvidia/rim/NV_GPU_DRIVER_GH100_{DRIVER}.xml"
NO_DECODER = (*MEASUREMENTS[:35], b"\7" * 48, *MEASUREMENTS[36:])
VBIOS_RIM = "nvidia/rim/NV_GPU_VBIOS_G520_0200_885_9600740001.xml"


def beside(*shown: GpuEvidence) -> Bundle:
    """A TDX guest with these GPUs, all bound."""
    return bundle("tdx", INTEL.quote(PLATFORM, about(shown)), PUBLISHED, shown)


def evidence(gpu: Gpu = GPU, vendor: Nvidia = NVIDIA, **fields: Any) -> GpuEvidence:
    return vendor.evidence(gpu, gpu_nonce(), **fields)


def changed(**items: bytes) -> Collateral:
    return Collateral({**COLLATERAL.items, **items})


def judged(*shown: GpuEvidence, collateral: Collateral = COLLATERAL, **terms: Any) -> set[str]:
    return codes(judge(beside(*shown), structs.replace(POLICY, **terms), collateral))


def test_one_gpu_and_several_are_believed() -> None:
    assert judged(evidence()) == set()
    assert judged(evidence(), evidence(OTHER), gpus=2) == set()
    assert judge(beside(evidence()), POLICY, COLLATERAL).trust is Trust.TEST


def test_blackwell_is_believed_with_its_own_reference_measurements() -> None:
    vendor = nvidia("GB100")
    gpu = vendor.gpu(tcb_info=True)
    policy = under(INTEL.root.fingerprint, *vendor.fingerprints, gpu=GpuTerms(architectures=("BLACKWELL",)))
    shown = evidence(gpu, vendor, mode=b"\1\0")
    assert codes(judge(beside(shown), policy, vendor.collateral(gpu))) == set()
    hopper = nvidia().collateral(gpu).items[DRIVER_RIM]
    mixed = Collateral({**vendor.collateral(gpu).items, f"nvidia/rim/NV_GPU_CC_DRIVER_GB100_{DRIVER}.xml": hopper})
    assert {"RimMismatch", "RootUntrusted"} <= codes(judge(beside(shown), policy, mixed))


def test_what_is_needed_is_known_from_the_evidence() -> None:
    found = beside(evidence(), evidence(OTHER))
    named = {need.name for need in (*needs(found), *more_needs(COLLATERAL))}
    assert named - {"intel/00906ED50000/platform.json"} == set(COLLATERAL.items)


def test_production_refuses_test_roots() -> None:
    production = Policy(measurements=("11" * 48,))
    assert codes(judge(beside(evidence()), production, COLLATERAL)) == {"RootUntrusted", "TrustTooLow"}
    known = structs.replace(production, test_roots=POLICY.test_roots)
    assert codes(judge(beside(evidence()), known, COLLATERAL)) == {"TestRootRefused", "TrustTooLow"}
    only_cpu = structs.replace(POLICY, test_roots=frozenset({INTEL.root.fingerprint}))
    assert codes(judge(beside(evidence()), only_cpu, COLLATERAL)) == {"RootUntrusted"}


@pytest.mark.parametrize(
    ("fields", "some"),
    [
        ({"measurements": (*MEASUREMENTS[:5], bytes(47) + b"\1", *MEASUREMENTS[6:])}, {"GpuMeasurementMismatch"}),
        ({"measurements": MEASUREMENTS[:20]}, {"GpuMeasurementMismatch"}),
        ({"measurements": (*MEASUREMENTS[:50], bytes(48), *MEASUREMENTS[51:])}, set()),
        ({"measurements": NO_DECODER}, set()),
        ({"measurements": NO_DECODER, "decoder": b"\xaa"}, {"GpuMeasurementMismatch"}),
        ({"mode": b"\2\0"}, {"GpuMode", "GpuCount", "SwitchEvidenceMissing"}),
        ({"mode": None}, {"GpuMode"}),
        ({"mode": b"\7\0"}, {"GpuReportMalformed"}),
        ({"fwid": b"f" * 48}, {"FirmwareIdMismatch"}),
        ({"fwid": b"\1"}, {"FirmwareIdMismatch"}),
        ({"driver": "580.95.06"}, {"CollateralMissing"}),
        ({"driver": "../../etc/passwd"}, {"GpuReportMalformed"}),
        ({"board": (b"..", b"0200", b"885")}, {"GpuReportMalformed"}),
    ],
)  # fmt: skip
def test_each_fault_is_named(fields: dict[str, Any], some: set[str]) -> None:
    assert judged(evidence(**fields)) == some


def test_developer_mode_shows_in_the_measurements() -> None:
    reason = judge(beside(evidence(measurements=(b"\xdd" * 48,) * 64)), POLICY, COLLATERAL).reasons
    told = [each.message for each in reason if each.code == "GpuMeasurementMismatch"]
    assert "developer mode" in told[0]
    assert "Measurements 0, 1, 2" in told[0]


@pytest.mark.parametrize(
    ("terms", "some"),
    [
        ({"minimum_driver": "580.95.6"}, {"DriverTooOld"}),
        ({"minimum_driver": "580.95.05"}, set()),
        ({"minimum_driver": "99.9"}, set()),
        ({"minimum_vbios": "96.00.74.00.02"}, {"VbiosTooOld"}),
        ({"minimum_vbios": "96.00.74.00.01"}, set()),
        ({"architectures": ("BLACKWELL",)}, {"GpuArchitecture"}),
        ({"architectures": ("HOPPER",)}, set()),
        ({"modes": ("MPT",)}, {"GpuMode"}),
    ],
)
def test_terms(terms: dict[str, Any], some: set[str]) -> None:
    assert judged(evidence(), gpu=GpuTerms(**terms)) == some


def test_all_gpus_work_in_one_mode() -> None:
    modes = GpuTerms(modes=("MPT", "SPT"))
    assert judged(evidence(mode=b"\1\0"), evidence(OTHER, mode=b"\1\0"), gpu=modes) == set()
    assert judged(evidence(mode=b"\1\0"), evidence(OTHER), gpu=modes) == {"GpuModesDiffer"}


def test_the_number_of_gpus() -> None:
    assert judged(evidence(), gpus=2) == {"GpuCount"}
    assert judged() == {"GpuEvidenceMissing"}
    assert judged(require_gpu=False) == set()
    assert judged(evidence(), evidence()) == {"GpuRepeated"}


def test_gpus_of_another_machine_do_not_fit() -> None:
    stranger = NVIDIA.evidence(GPU, b"x" * 32)
    assert judged(stranger) == {"GpuNonceMismatch"}
    added = structs.replace(beside(evidence()), gpus=(evidence(OTHER),))
    assert codes(judge(added, POLICY, COLLATERAL)) == {"BindingMismatch"}
    dropped = structs.replace(beside(evidence(), evidence(OTHER)), gpus=(evidence(),))
    assert codes(judge(dropped, POLICY, COLLATERAL)) == {"BindingMismatch"}
    swapped = GpuEvidence(evidence().report, OTHER.pem)
    assert judged(swapped) == {"GpuSignatureInvalid", "FirmwareIdMismatch"}


def test_chains() -> None:
    leaf, brom, *above = (each.pem for each in GPU.chain)
    report = evidence().report
    for chain, some in (
        (b"".join((leaf, brom, *above[:2])), {"GpuChainMalformed"}),
        (GPU.pem * 2, {"GpuChainMalformed"}),
        (b"\xff" * 70_000, {"GpuChainMalformed"}),
        (b"".join((leaf, brom, above[1], above[0], above[2])), {"ChainInvalid", "CollateralForged"}),
    ):
        assert some <= judged(GpuEvidence(report, chain)), chain[:40]
    old = NVIDIA.gpu(ends=NOW - DAY / 2)
    assert judged(evidence(old), collateral=NVIDIA.collateral(old)) == {"CertificateExpired"}
    coming = NVIDIA.gpu(starts=NOW + DAY)
    assert judged(evidence(coming), collateral=NVIDIA.collateral(coming)) == {"CertificateNotYetValid"}


def test_reference_measurements_must_be_nvidias_for_this_version() -> None:
    rogue = certify("TEST rogue", p384(), wish=Wish(ca=False))
    cases: Sequence[tuple[bytes, set[str]]] = (
        (NVIDIA.rim("580.95.04", DRIVER_INDICES), {"RimMismatch"}),
        (NVIDIA.rim(DRIVER, DRIVER_INDICES, product="GB100"), {"RimMismatch"}),
        (NVIDIA.rim(DRIVER, range(11, 36)), {"RimConflict"}),
        (NVIDIA.rim(DRIVER, []), {"CollateralMalformed"}),
        (NVIDIA.rim(DRIVER, DRIVER_INDICES, signer=rogue, chain=(rogue,)), {"RootUntrusted", "ChainInvalid"}),
        (NVIDIA.rim(DRIVER, DRIVER_INDICES, signer=rogue), {"CollateralMalformed"}),
        (NVIDIA.rim(DRIVER, DRIVER_INDICES, golden=(b"\7" * 48,) * 64), {"GpuMeasurementMismatch"}),
        (COLLATERAL.items[DRIVER_RIM].replace(b"0c" * 48, b"0d" * 48), {"CollateralMalformed"}),
        (b"<a/>", {"CollateralMalformed"}),
        (b"<" * 1_000, {"CollateralMalformed"}),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', {"CollateralMalformed"}),
        (b"<a>" * 100_000, {"CollateralMalformed"}),
        (b" " * (1 << 20) + b"<a/>", {"CollateralMalformed"}),
    )
    for raw, some in cases:
        assert judged(evidence(), collateral=changed(**{DRIVER_RIM: raw})) == some, some


def test_an_entity_bomb_does_not_explode() -> None:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "x">{lines}]><a>&e11;</a>'.encode()
    assert judged(evidence(), collateral=changed(**{DRIVER_RIM: bomb})) == {"CollateralMalformed"}


def test_missing_reference_measurements_are_named() -> None:
    without = Collateral({name: raw for name, raw in COLLATERAL.items.items() if name != VBIOS_RIM})
    verdict = judge(beside(evidence()), POLICY, without)
    assert [reason.code for reason in verdict.reasons] == ["CollateralMissing"]
    assert VBIOS_RIM in verdict.reasons[0].message


def test_revocation() -> None:
    brom, provisioner = GPU.chain[1], GPU.chain[2]
    name = f"nvidia/ocsp/{brom.fingerprint}.der"
    for raw, some in (
        (NVIDIA.good(brom, provisioner, status=ocsp.OCSPCertStatus.REVOKED), {"Revoked"}),
        (NVIDIA.good(brom, provisioner, status=ocsp.OCSPCertStatus.UNKNOWN), {"Revoked"}),
        (NVIDIA.good(brom, provisioner, ends=NOW - DAY / 48), {"CollateralStale"}),
        (NVIDIA.good(OTHER.chain[1], provisioner), {"CollateralForged"}),
        (NVIDIA.good(brom, NVIDIA.identity), {"CollateralForged"}),
        (b"no answer", {"CollateralMalformed"}),
    ):
        assert judged(evidence(), collateral=changed(**{name: raw})) == some, some
    without = Collateral({kept: raw for kept, raw in COLLATERAL.items.items() if kept != name})
    assert judged(evidence(), collateral=without) == {"CollateralMissing"}
    assert judged(evidence(), collateral=without, require_revocation=False) == set()


def test_a_revoked_signer_of_reference_measurements() -> None:
    signer = NVIDIA.rim_signer
    answer = NVIDIA.good(signer, NVIDIA.rim_issuer, status=ocsp.OCSPCertStatus.REVOKED)
    assert judged(evidence(), collateral=changed(**{f"nvidia/ocsp/{signer.fingerprint}.der": answer})) == {"Revoked"}


def test_a_responder_needs_the_issuers_leave() -> None:
    brom, provisioner = GPU.chain[1], GPU.chain[2]
    vendor = Nvidia.__new__(Nvidia)
    name = f"nvidia/ocsp/{brom.fingerprint}.der"
    web_server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]).public_bytes()
    for extensions in ([], [("2.5.29.37", web_server)]):
        wish = Wish(ca=False, extensions=extensions)
        vendor._responders = {provisioner.fingerprint: certify("TEST no responder", p384(), provisioner, wish)}
        assert judged(evidence(), collateral=changed(**{name: vendor.good(brom, provisioner)})) == {"CollateralForged"}


def test_the_verdict_ends_with_the_first_answer() -> None:
    verdict = judge(beside(evidence()), structs.replace(POLICY, maximum_age=1e9), COLLATERAL)
    assert verdict.not_after == AT + 86_400


def test_versions_in_the_names_are_those_of_the_report() -> None:
    assert VBIOS.replace(".", "") in VBIOS_RIM
    assert set(VBIOS_INDICES).isdisjoint(DRIVER_INDICES)
