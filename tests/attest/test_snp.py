"""SEV-SNP: genuine reports of each product line are believed, and whatever is wrong is said by name."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from cocoon.api.evidence import Bundle
from cocoon.api.provider import Measurement
from cocoon.api.trust import Trust
from cocoon.attest.collateral import Collateral
from cocoon.attest.policy import Policy, SnpTerms, TcbFloor
from tests.attest.evidence import about, bundle, codes, judge, under
from tests.attest.makers.amd import MEASUREMENT, Amd, Chip, amd
from tests.attest.makers.certificates import AT, DAY, NOW, p384

GENOA = amd()
CHIP = GENOA.chip()
POLICY = under(GENOA.root.fingerprint, measurements=(MEASUREMENT.hex(),))


def shown(vendor: Amd = GENOA, chip: Chip = CHIP, endorsed: Chip | None = None, **fields: Any) -> Bundle:
    return bundle("snp", vendor.report(chip, about(), **fields), vendor.endorsements(endorsed or chip))


@pytest.mark.parametrize("line", ["Milan", "Genoa", "Turin"])
@pytest.mark.parametrize("kind", ["vcek", "vlek"])
def test_genuine_reports_are_believed(line: str, kind: str) -> None:
    vendor = amd(line)
    policy = under(vendor.root.fingerprint, measurements=(MEASUREMENT.hex(),))
    verdict = judge(shown(vendor, vendor.chip(kind)), policy, vendor.collateral())
    assert (codes(verdict), verdict.trust) == (set(), Trust.TEST)


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_all_versions_are_read(version: int) -> None:
    assert codes(judge(shown(version=version), POLICY, GENOA.collateral())) == set()


def test_production_refuses_test_roots() -> None:
    collateral = GENOA.collateral()
    production = Policy(measurements=(MEASUREMENT.hex(),))
    assert codes(judge(shown(), production, collateral)) == {"RootUntrusted", "TrustTooLow"}
    known = structs.replace(production, test_roots=frozenset({GENOA.root.fingerprint}))
    assert codes(judge(shown(), known, collateral)) == {"TestRootRefused", "TrustTooLow"}
    lax = structs.replace(production, allow_test_roots=True, trust=Trust.TEST)
    assert codes(judge(shown(), lax, collateral)) == {"RootUntrusted"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"policy": 0xB0000}, "DebugGuest"),
        ({"policy": 0x70000}, "MigrationAgent"),
        ({"vmpl": 1}, "PrivilegeTooLow"),
        ({"measurement": bytes(48)}, "MeasurementUnknown"),
        ({"version": 9}, "ReportMalformed"),
        ({"signer": 7}, "SignerUnknown"),
        ({"reported": bytes((8, 0, 0, 0, 0, 0, 23, 72))}, "TcbMismatch"),
    ],
)
def test_each_fault_is_named(fields: dict[str, Any], code: str) -> None:
    assert codes(judge(shown(**fields), POLICY, GENOA.collateral())) == {code}


def test_every_reason_is_given_at_once() -> None:
    wrong = shown(policy=0xF0000, vmpl=3, measurement=bytes(48))
    wrong = structs.replace(wrong, payee="UQother")
    strict = structs.replace(POLICY, snp=SnpTerms(chip_ids=frozenset(), floors={"Milan": TcbFloor()}, allow_smt=False))
    assert codes(judge(wrong, strict)) == {
        "DebugGuest", "MigrationAgent", "SmtAllowed", "PrivilegeTooLow", "MeasurementUnknown", "BindingMismatch",
        "PlatformUnknown", "ProductNotAllowed", "CollateralMissing",
    }  # fmt: skip


@pytest.mark.parametrize("which", ["committed", "launch"])
def test_old_firmware_is_refused_wherever_it_shows(which: str) -> None:
    floors = SnpTerms(floors={"Genoa": TcbFloor(bootloader=9, snp=23, microcode=72)})
    policy = structs.replace(POLICY, snp=floors)
    assert codes(judge(shown(), policy, GENOA.collateral())) == set()
    old: dict[str, Any] = {which: bytes((9, 0, 0, 0, 0, 0, 22, 72))}
    verdict = judge(shown(**old), policy, GENOA.collateral())
    assert codes(verdict) == {"TcbTooOld"}
    assert f"The {which} TCB" in verdict.reasons[0].message
    assert "snp 22 < 23" in verdict.reasons[0].message


def test_floors_know_where_turin_keeps_its_levels() -> None:
    turin = amd("Turin")
    terms = SnpTerms(floors={"Turin": TcbFloor(fmc=1, bootloader=2, snp=3, microcode=70)})
    policy = under(turin.root.fingerprint, measurements=(MEASUREMENT.hex(),), snp=terms)
    assert codes(judge(shown(turin, turin.chip()), policy, turin.collateral())) == set()
    older = turin.chip(tcb=bytes((0, 2, 0, 3, 0, 0, 0, 70)))
    assert codes(judge(shown(turin, older), policy, turin.collateral())) == {"TcbTooOld"}


def test_golden_values_are_compared_as_a_whole() -> None:
    guests = (Measurement(launch_measurement=MEASUREMENT.hex(), host_data="aa" * 32),)
    policy = structs.replace(POLICY, measurements=(), guests=guests)
    assert codes(judge(shown(host_data=b"\xaa" * 32), policy, GENOA.collateral())) == set()
    assert codes(judge(shown(), policy, GENOA.collateral())) == {"GuestMismatch"}


def test_an_empty_list_of_measurements_accepts_no_guest_of_hardware() -> None:
    nothing = structs.replace(POLICY, measurements=(), trust=Trust.HARDWARE)
    assert codes(judge(shown(), nothing, GENOA.collateral())) == {"NoMeasurements", "TrustTooLow"}
    assert codes(judge(shown(), structs.replace(nothing, trust=Trust.TEST), GENOA.collateral())) == set()


def test_parts_of_other_machines_do_not_fit() -> None:
    other = GENOA.chip()
    assert codes(judge(shown(endorsed=other), POLICY, GENOA.collateral())) == {"SignatureInvalid", "ChipMismatch"}
    milan = amd("Milan")
    swapped = structs.replace(shown(), endorsements=milan.endorsements(milan.chip()))
    assert {"RootUntrusted", "ProductMismatch", "SignatureInvalid"} <= codes(judge(swapped, POLICY, milan.collateral()))


def test_only_machines_on_the_list() -> None:
    mine = structs.replace(POLICY, snp=SnpTerms(chip_ids=frozenset({CHIP.chip_id.hex()})))
    assert codes(judge(shown(), mine, GENOA.collateral())) == set()
    assert codes(judge(shown(chip=GENOA.chip()), mine, GENOA.collateral())) == {"PlatformUnknown"}


def test_time() -> None:
    ending = GENOA.chip(wish={"ends": NOW + DAY})
    verdict = judge(shown(chip=ending), structs.replace(POLICY, maximum_age=1e9), GENOA.collateral())
    assert verdict.not_after == AT + 86_400
    assert "CertificateExpired" in codes(judge(shown(chip=ending), POLICY, GENOA.collateral(), AT + 2 * 86_400))
    coming = GENOA.chip(wish={"starts": NOW + DAY})
    assert codes(judge(shown(chip=coming), POLICY, GENOA.collateral())) == {"CertificateNotYetValid"}


def test_revocation() -> None:
    serials = [GENOA.between["vcek"].certificate.serial_number]
    assert codes(judge(shown(), POLICY, GENOA.collateral(GENOA.crl(serials)))) == {"Revoked"}
    assert codes(judge(shown(), POLICY, GENOA.collateral(amd("Milan").crl()))) == {"CollateralForged"}
    stale = GENOA.collateral(GENOA.crl(ends=NOW - DAY / 48))
    assert codes(judge(shown(), POLICY, stale)) == {"CollateralStale"}
    assert codes(judge(shown(), POLICY, GENOA.collateral(b"no list"))) == {"CollateralMalformed"}
    assert codes(judge(shown(), POLICY)) == {"CollateralMissing"}
    assert codes(judge(shown(), structs.replace(POLICY, require_revocation=False))) == set()


def test_the_verifiers_own_copies_are_enough() -> None:
    bare = structs.replace(shown(), endorsements=b"")
    leaf = f"amd/Genoa/vcek/{CHIP.chip_id.hex()}-{CHIP.tcb.hex()}.der"
    items = {leaf: CHIP.leaf.der, "amd/Genoa/vcek/chain.pem": GENOA.above(), **GENOA.collateral().items}
    assert codes(judge(bare, POLICY, Collateral(items))) == set()
    without = Collateral({name: raw for name, raw in items.items() if name != leaf}, {leaf: "HTTP status 404"})
    verdict = judge(bare, POLICY, without)
    assert codes(verdict) == {"CollateralMissing"}
    assert "HTTP status 404" in verdict.reasons[0].message
    del items["amd/Genoa/vcek/chain.pem"]
    assert codes(judge(bare, POLICY, Collateral(items))) == {"CollateralMissing"}
    vlek = structs.replace(shown(chip=GENOA.chip("vlek")), endorsements=b"")
    assert codes(judge(vlek, POLICY, Collateral(items))) == {"ChainMissing"}


def test_chains_are_read_within_bounds() -> None:
    for endorsements in (CHIP.leaf.pem * 9, b"-----BEGIN CERTIFICATE-----" * 3_000, b"\xff" * 70_000, b"no chain"):
        found = structs.replace(shown(), endorsements=endorsements)
        assert codes(judge(found, POLICY, GENOA.collateral())) == {"ChainMalformed"}
    four = CHIP.leaf.pem + GENOA.between["vcek"].pem + GENOA.above()
    assert codes(judge(structs.replace(shown(), endorsements=four), POLICY, GENOA.collateral())) == {"ChainMalformed"}


def test_a_key_that_no_authority_certified_is_refused() -> None:
    forged = Chip("Genoa", "vcek", structs.replace(CHIP.leaf, key=p384()), CHIP.chip_id, CHIP.tcb)
    assert codes(judge(shown(chip=forged), POLICY, GENOA.collateral())) == {"SignatureInvalid"}
    turned = structs.replace(shown(), endorsements=CHIP.leaf.pem + GENOA.root.pem + GENOA.between["vcek"].pem)
    assert "ChainInvalid" in codes(judge(turned, POLICY, GENOA.collateral()))
