"""Protected PCIe: a whole board of GPUs and NVSwitches is believed, and nothing less, nothing more, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
import pytest
from cryptography.x509 import ocsp
from msgspec import structs

from cocoon.api.evidence import Bundle, GpuEvidence, SwitchEvidence
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest import switch_report
from cocoon.attest.collateral import Collateral
from cocoon.attest.needs import more_needs, needs
from cocoon.attest.policy import GpuTerms, Policy
from cocoon.attest.spdm import MalformedReport
from tests.attest.evidence import NONCE, about, bundle, codes, gpu_nonce, judge, switch_nonce, under
from tests.attest.makers.certificates import AT, DAY, NOW
from tests.attest.makers.hgx import BIOS, RIM_NAME, Hgx, Switch, switches
from tests.attest.makers.intel import intel
from tests.attest.makers.nvidia import nvidia

INTEL, NVIDIA, SWITCHES = intel(), nvidia(), switches()
PLATFORM, PUBLISHED = INTEL.platform(), INTEL.published()
BOARD, OTHER = SWITCHES.board(), SWITCHES.board()
COLLATERAL = SWITCHES.collateral(BOARD, OTHER)
PPCIE = GpuTerms(modes=("PPCIE",))
POLICY = under(INTEL.root.fingerprint, *NVIDIA.fingerprints, require_gpu=True, gpus=8, gpu=PPCIE)
UNKNOWN = b"\xee" * 8

Gpus = tuple[GpuEvidence, ...]
Switched = tuple[SwitchEvidence, ...]


@cache
def gpus(board: Hgx = BOARD) -> Gpus:
    return tuple(board.gpu(number, gpu_nonce()) for number in range(len(board.gpus)))


@cache
def switched(board: Hgx = BOARD) -> Switched:
    return tuple(board.switch(number, switch_nonce()) for number in range(len(board.switches)))


def bound(cards: Gpus, between: Switched) -> Bundle:
    """A TDX guest with these devices, all bound."""
    found = bundle("tdx", INTEL.quote(PLATFORM, about(cards, between)), PUBLISHED, cards)
    return structs.replace(found, switches=between)


def judged(cards: Gpus, between: Switched, collateral: Collateral = COLLATERAL, **terms: Any) -> set[str]:
    return codes(judge(bound(cards, between), structs.replace(POLICY, **terms), collateral))


def first(changed: Mapping[int, bytes | None], **terms: Any) -> set[str]:
    """The verdict on a board whose first switch says something else in these fields, and signs it."""
    return judged(gpus(), (BOARD.switch(0, switch_nonce(), changed), *switched()[1:]), **terms)


def with_switch(switch: Switch) -> tuple[Hgx, Collateral]:
    """The board with another first switch, connected like the one it had."""
    board = structs.replace(
        BOARD, switches=(structs.replace(switch, identifier=BOARD.switches[0].identifier), *BOARD.switches[1:])
    )
    return board, SWITCHES.collateral(board)


def test_a_whole_board_is_believed_if_the_policy_allows_the_mode() -> None:
    verdict = judge(bound(gpus(), switched()), POLICY, COLLATERAL)
    assert codes(verdict) == set()
    assert verdict.trust is Trust.TEST
    assert judged(gpus(), switched(), gpu=GpuTerms()) == {"GpuMode"}


def test_evidence_without_switches_is_bound_and_written_as_it_always_was() -> None:
    card = NVIDIA.evidence(NVIDIA.gpu(), gpu_nonce())
    old = bundle("tdx", INTEL.quote(PLATFORM, about((card,))), PUBLISHED, (card,))
    assert b"switches" not in bundles.encode(old)
    assert bundles.decode(bundles.encode(old)) == old
    new = bundles.Devices((card,), switched())
    assert bundles.bind("runner", NONCE, old.keys, old.payee, new) != bundles.report_data(old)
    assert gpu_nonce() != switch_nonce()


def test_what_is_needed_is_known_from_the_evidence() -> None:
    found = (*needs(bound(gpus(), switched())), *more_needs(COLLATERAL))
    expected = set(SWITCHES.collateral(BOARD).items)
    assert {need.name for need in found} - {"intel/00906ED50000/platform.json"} == expected


def test_production_refuses_test_roots() -> None:
    found = bound(gpus(), switched())
    production = Policy(measurements=("11" * 48,), gpu=PPCIE)
    assert codes(judge(found, production, COLLATERAL)) == {"RootUntrusted", "TrustTooLow"}
    known = structs.replace(production, test_roots=POLICY.test_roots)
    verdict = judge(found, known, COLLATERAL)
    assert codes(verdict) == {"TestRootRefused", "TrustTooLow"}
    refused = {reason.message.split(" is ")[0] for reason in verdict.reasons}
    assert {f"The root of the certificates of NVSwitch {number}" for number in range(4)} <= refused


def test_no_switch_shows_evidence() -> None:
    (reason,) = judge(bound(gpus(), ()), POLICY, COLLATERAL).reasons
    assert reason.code == "SwitchEvidenceMissing"
    assert "libnvidia-nscq" in reason.message


def test_a_missing_switch_and_a_missing_gpu() -> None:
    assert judged(gpus(), switched()[:3]) == {"SwitchCount", "SwitchTopology"}
    assert judged(gpus()[:7], switched()) == {"GpuCount", "SwitchTopology"}
    small = SWITCHES.board(gpus=7)
    shown = gpus(small), switched(small)
    assert judged(*shown, SWITCHES.collateral(small), gpus=7) == {"GpuCount"}
    few = SWITCHES.board(switches=3)
    assert judged(gpus(few), switched(few), SWITCHES.collateral(few)) == {"SwitchCount"}


def test_an_extra_switch_that_nobody_knows() -> None:
    assert judged(gpus(), (*switched(), switched(OTHER)[0])) == {"SwitchCount", "SwitchTopology"}
    assert judged(gpus(), (*switched(), switched()[0])) == {"SwitchCount", "SwitchRepeated"}
    twins = (*switched()[:3], BOARD.switch(3, switch_nonce(), {22: BOARD.switches[0].identifier}))
    assert judged(gpus(), twins) == {"SwitchRepeated", "SwitchTopology"}
    posing = BOARD.switch(0, switch_nonce(), {22: BOARD.switches[3].identifier})
    assert judged(gpus(), (*switched()[:3], posing)) == {"SwitchRepeated"}


def test_a_switch_or_a_gpu_of_another_machine_that_answers_the_same_nonce() -> None:
    assert judged(gpus(), (*switched()[:3], switched(OTHER)[3])) == {"SwitchTopology"}
    assert judged((*gpus()[:7], gpus(OTHER)[7]), switched()) == {"SwitchTopology"}
    assert judged(gpus(OTHER), switched()) == {"SwitchTopology"}
    verdict = judge(bound(gpus(), (*switched()[:3], switched(OTHER)[3])), POLICY, COLLATERAL)
    messages = " ".join(reason.message for reason in verdict.reasons)
    assert f"GPU 0 is connected to NVSwitches without evidence ({BOARD.switches[3].identifier.hex()})." in messages
    assert OTHER.switches[3].identifier.hex() in messages
    assert "The NVSwitches are not all connected to the same GPUs." in messages


def test_switches_of_another_bundle_do_not_fit() -> None:
    found = bound(gpus(), switched())
    for shown in ((), switched()[:3], switched(OTHER), (*switched()[1:], switched()[0])):
        assert "BindingMismatch" in codes(judge(structs.replace(found, switches=shown), POLICY, COLLATERAL))
    quoted_without = structs.replace(bound(gpus(), ()), switches=switched())
    assert codes(judge(quoted_without, POLICY, COLLATERAL)) == {"BindingMismatch"}


@pytest.mark.parametrize("nonce", [b"x" * 32, gpu_nonce()], ids=["another", "the GPUs'"])
def test_a_wrong_nonce(nonce: bytes) -> None:
    assert judged(gpus(), (BOARD.switch(0, nonce), *switched()[1:])) == {"SwitchNonceMismatch"}


def test_switches_where_no_gpu_rests_on_them() -> None:
    alone = NVIDIA.gpu()
    collateral = Collateral({**COLLATERAL.items, **NVIDIA.collateral(alone).items})
    shown = (NVIDIA.evidence(alone, gpu_nonce()),)
    assert judged(shown, switched(), collateral, gpus=1, gpu=GpuTerms()) == {"SwitchUnexpected"}


def test_gpus_in_different_modes() -> None:
    one_out = (*gpus()[:7], BOARD.gpu(7, gpu_nonce(), mode=b"\1\0"))
    assert judged(one_out, switched(), gpu=GpuTerms(modes=("PPCIE", "MPT"))) == {"GpuModesDiffer"}


@pytest.mark.parametrize(
    ("changed", "some"),
    [
        ({6: b"96.10.6D.00.02\0"}, {"CollateralMissing"}),
        ({6: b"../../etc\0"}, {"SwitchReportMalformed", "SwitchTopology"}),
        ({22: UNKNOWN}, {"SwitchTopology"}),
        ({22: bytes(8)}, {"SwitchReportMalformed", "SwitchTopology"}),
        ({22: b"\1" * 7}, {"SwitchReportMalformed", "SwitchTopology"}),
        ({22: None}, {"SwitchReportMalformed", "SwitchTopology"}),
        ({26: b"".join((*BOARD.names[:7], UNKNOWN))}, {"SwitchTopology"}),
        ({26: b"".join((*BOARD.names[:7], bytes(8)))}, {"SwitchTopology"}),
        ({26: b"".join((*BOARD.names[:7], BOARD.names[0]))}, {"SwitchTopology"}),
        ({26: b"".join(BOARD.names[:7])}, {"SwitchReportMalformed", "SwitchTopology"}),
        ({26: None}, {"SwitchReportMalformed", "SwitchTopology"}),
        ({26: b"".join(reversed(BOARD.names))}, set()),
        ({20: BOARD.switches[0].fwid}, set()),
        ({20: BOARD.switches[1].fwid}, {"FirmwareIdMismatch"}),
        ({20: b"\1"}, {"FirmwareIdMismatch"}),
    ],
)  # fmt: skip
def test_each_field_of_a_switch(changed: dict[int, bytes | None], some: set[str]) -> None:
    assert first(changed) == some


@pytest.mark.parametrize(
    ("links", "some"),
    [
        (bytes(144), {"SwitchTopology"}),
        (UNKNOWN * 18, {"SwitchTopology"}),
        (b"".join(each.identifier for each in BOARD.switches), {"SwitchTopology"}),
        (b"".join(each.identifier[::-1] for each in BOARD.switches) + UNKNOWN, {"SwitchTopology"}),
        (b"".join(each.identifier[::-1] for each in BOARD.switches) + bytes(8), set()),
        (b"\1" * 9, {"GpuReportMalformed"}),
    ],
)  # fmt: skip
def test_each_link_of_a_gpu(links: bytes, some: set[str]) -> None:
    assert judged((BOARD.gpu(0, gpu_nonce(), switches=links), *gpus()[1:]), switched()) == some


def test_bytes_of_a_switchs_report_flipped() -> None:
    shown = switched()[0]
    for at in range(0, len(shown.report), 97):
        changed = shown.report[:at] + bytes([shown.report[at] ^ 0x11]) + shown.report[at + 1 :]
        found = judged(gpus(), (structs.replace(shown, report=changed), *switched()[1:]))
        assert found & {"SwitchSignatureInvalid", "SwitchReportMalformed"}, at


def test_a_switchs_report_cut_at_any_length() -> None:
    report = switched()[0].report
    for cut in range(len(report)):
        with pytest.raises(MalformedReport):
            switch_report.parse(report[:cut])
    shown = structs.replace(switched()[0], report=report[:-1])
    assert "SwitchReportMalformed" in judged(gpus(), (shown, *switched()[1:]))


def test_certificates_and_a_report_that_do_not_belong_together() -> None:
    swapped = SwitchEvidence(switched()[0].report, switched(OTHER)[0].chain)
    assert judged(gpus(), (swapped, *switched()[1:])) == {"SwitchSignatureInvalid"}
    card = SwitchEvidence(switched()[0].report, gpus()[0].chain)
    assert {"SwitchUnknown", "SwitchSignatureInvalid"} <= judged(gpus(), (card, *switched()[1:]))
    pem = switched()[0].chain
    for chain in (b"", pem * 2, pem[: len(pem) // 2], b"\xff" * 70_000):
        shown = SwitchEvidence(switched()[0].report, chain)
        assert "SwitchChainMalformed" in judged(gpus(), (shown, *switched()[1:])), chain[:40]


def test_another_chip_and_certificates_out_of_time() -> None:
    for switch, some in (
        (SWITCHES.switch("LR_10"), {"SwitchUnknown"}),
        (SWITCHES.switch(ends=NOW - DAY / 2), {"CertificateExpired"}),
        (SWITCHES.switch(starts=NOW + DAY), {"CertificateNotYetValid"}),
    ):
        board, collateral = with_switch(switch)
        assert judged(gpus(), (board.switch(0, switch_nonce()), *switched()[1:]), collateral) == some


def test_a_revoked_switch() -> None:
    brom, provisioner = BOARD.switches[2].chain[1:3]
    name = f"nvidia/ocsp/{brom.fingerprint}.der"
    revoked = NVIDIA.good(brom, provisioner, status=ocsp.OCSPCertStatus.REVOKED)
    assert judged(gpus(), switched(), Collateral({**COLLATERAL.items, name: revoked})) == {"Revoked"}
    without = Collateral({kept: raw for kept, raw in COLLATERAL.items.items() if kept != name})
    assert judged(gpus(), switched(), without) == {"CollateralMissing"}


@pytest.mark.parametrize(
    ("minimum", "some"), [("96.10.6D.00.02", {"SwitchBiosTooOld"}), (BIOS, set()), ("96.10.55", set())]
)
def test_an_old_bios(minimum: str, some: set[str]) -> None:
    terms = structs.replace(PPCIE, minimum_switch_bios=minimum)
    assert judged(gpus(), switched(), gpu=terms) == some


def test_reference_measurements_of_a_bios() -> None:
    for raw, some in (
        (SWITCHES.rim(golden=(b"\7" * 48,) * 64), {"SwitchMeasurementMismatch"}),
        (SWITCHES.rim(version="96.10.55.00.01"), {"RimMismatch"}),
        (SWITCHES.rim(product="GH100"), {"RimMismatch"}),
        (SWITCHES.rim().replace(b"0c" * 48, b"0d" * 48), {"CollateralMalformed"}),
    ):
        assert judged(gpus(), switched(), Collateral({**COLLATERAL.items, RIM_NAME: raw})) == some, some
    without = Collateral({name: raw for name, raw in COLLATERAL.items.items() if name != RIM_NAME})
    assert judged(gpus(), switched(), without) == {"CollateralMissing"}


def test_too_many_switches_are_not_read() -> None:
    many = structs.replace(bound(gpus(), ()), switches=switched() * 5)
    (reason,) = judge(many, POLICY, COLLATERAL, AT).reasons
    assert (reason.code, "20 NVSwitches" in reason.message) == ("Malformed", True)


def test_a_verifier_that_knows_no_switches_refuses() -> None:
    """An older one drops the list as an unknown field, and then the CPU signed something else."""
    raw = msgspec.json.decode(bundles.encode(bound(gpus(), switched())))
    del raw["switches"]
    found = bundles.decode(msgspec.json.encode(raw))
    assert codes(judge(found, POLICY, COLLATERAL)) == {"BindingMismatch", "SwitchEvidenceMissing"}
