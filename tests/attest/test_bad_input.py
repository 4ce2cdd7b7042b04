"""Whatever is done to evidence, it is refused with a reason: bytes flipped, every length, fields of another machine.

Reports are signed as a whole, so the sweeps over them are exhaustive where a check is cheap, and go in steps where it
is not. What surrounds the signed parts (PEM text, padding) may change as long as nothing that it says does.
"""

from __future__ import annotations

import time
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from msgspec import structs

from cocoon.api.evidence import MAXIMUM_BYTES, Bundle, GpuEvidence, SwitchEvidence
from cocoon.attest import bundle as bundles
from cocoon.attest import certificates, gpu_report, snp_report, spdm
from cocoon.attest.collateral import Collateral
from cocoon.attest.needs import more_needs, needs
from cocoon.attest.policy import Policy
from cocoon.attest.verify import verify
from tests.attest.evidence import KEYS, NONCE, about, bundle, codes, gpu_nonce, judge, switch_nonce, under
from tests.attest.makers.amd import amd
from tests.attest.makers.certificates import AT
from tests.attest.makers.hgx import switches
from tests.attest.makers.intel import intel
from tests.attest.makers.nvidia import nvidia

INTEL, GENOA, NVIDIA = intel(), amd(), nvidia()
POLICY = under(INTEL.root.fingerprint, GENOA.root.fingerprint, *NVIDIA.fingerprints, require_revocation=False)
#: The header and the report of a TDX quote, which its first signature covers.
QUOTE_SIGNED = 632
#: Report data, measurement, host data, the three TCBs with the chip between them, signature.
SNP_FIELDS = [
    (0x50, 0x90), (0x90, 0xC0), (0xC0, 0xE0), (0x180, 0x188), (0x1A0, 0x1E0), (0x1E0, 0x1E8), (0x1F0, 0x1F8),
    (0x2A0, 0x330),
]  # fmt: skip
FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def tdx() -> Bundle:
    return bundle("tdx", INTEL.quote(INTEL.platform(), about()), INTEL.published())


@cache
def snp() -> Bundle:
    chip = GENOA.chip()
    return bundle("snp", GENOA.report(chip, about()), GENOA.endorsements(chip))


@cache
def gpu() -> GpuEvidence:
    return NVIDIA.evidence(NVIDIA.gpu(), gpu_nonce())


@cache
def switch() -> SwitchEvidence:
    return switches().board(gpus=1).switch(0, switch_nonce())


@cache
def with_gpu() -> tuple[Bundle, Collateral]:
    card = NVIDIA.gpu()
    shown = (NVIDIA.evidence(card, gpu_nonce()),)
    chip = GENOA.chip()
    return bundle("snp", GENOA.report(chip, about(shown)), GENOA.endorsements(chip), shown), NVIDIA.collateral(card)


def flipped(raw: bytes, at: int, by: int = 1) -> bytes:
    return raw[:at] + bytes([raw[at] ^ by]) + raw[at + 1 :]


def refused(found: Bundle, policy: Policy = POLICY, collateral: Collateral | None = None) -> set[str]:
    verdict = judge(found, policy, collateral or Collateral())
    assert not verdict.trusted
    assert verdict.not_after == AT
    return codes(verdict)


def test_the_untouched_are_trusted() -> None:
    """Else the sweeps would show nothing."""
    assert codes(judge(tdx(), POLICY)) == set()
    assert codes(judge(snp(), POLICY)) == set()
    assert codes(judge(*with_gpu()[:1], POLICY, with_gpu()[1])) == set()


def test_every_byte_of_an_snp_report() -> None:
    raw = snp().cpu
    for at in range(len(raw)):
        assert refused(structs.replace(snp(), cpu=flipped(raw, at, 0x80)))


def test_every_byte_that_a_tdx_quote_signs_and_many_of_the_rest() -> None:
    raw = tdx().cpu
    for at in range(QUOTE_SIGNED):
        assert refused(structs.replace(tdx(), cpu=flipped(raw, at)))
    for at in range(QUOTE_SIGNED, len(raw), 7):
        judge(structs.replace(tdx(), cpu=flipped(raw, at)), POLICY)


def test_bytes_of_a_gpus_report() -> None:
    """All but those within one measurement, of which every fifth."""
    raw, leaf = gpu().report, certificates.read_pem(gpu().chain)[0]
    for at in (*range(100), *range(100, 3_600, 5), *range(3_600, len(raw))):
        changed = flipped(raw, at)
        try:
            report = gpu_report.parse(changed)
        except spdm.MalformedReport:
            continue
        assert not certificates.is_signed(leaf, report.r, report.s, changed[: report.signed])


def test_every_length() -> None:
    for cut in range(len(snp().cpu)):
        with pytest.raises(snp_report.MalformedReport):
            snp_report.parse(snp().cpu[:cut])
    for cut in range(0, len(tdx().cpu), 5):
        assert refused(structs.replace(tdx(), cpu=tdx().cpu[:cut]))
    for cut in range(len(gpu().report)):
        with pytest.raises(spdm.MalformedReport):
            gpu_report.parse(gpu().report[:cut])
    for cut in range(0, len(tdx().endorsements), 101):
        assert refused(structs.replace(tdx(), endorsements=tdx().endorsements[: cut or 1]))


@pytest.mark.parametrize(("start", "end"), SNP_FIELDS)
def test_fields_of_another_snp_machine(start: int, end: int) -> None:
    other = GENOA.report(
        GENOA.chip(tcb=bytes((8, 1, 0, 0, 0, 0, 22, 71))), b"x" * 64, measurement=b"\7" * 48, host_data=b"\7" * 32
    )
    mixed = snp().cpu[:start] + other[start:end] + snp().cpu[end:]
    assert mixed != snp().cpu
    assert "SignatureInvalid" in refused(structs.replace(snp(), cpu=mixed))


#: Half of each of two public keys is no key at all, unless chance puts the point on the curve.
NOT_SIGNED_SO = {"QuoteInvalid", "QuoteMalformed"}


@pytest.mark.parametrize("width", [16, 48, 64])
def test_fields_of_another_tdx_machine(width: int) -> None:
    other = INTEL.quote(INTEL.platform(), b"x" * 64, mr_td=b"\7" * 48, rtmrs=(b"\7" * 48,) * 4, mr_config_id=b"\7" * 48)
    for start in range(48, QUOTE_SIGNED, width):
        mixed = tdx().cpu[:start] + other[start : start + width] + tdx().cpu[start + width :]
        assert mixed == tdx().cpu or NOT_SIGNED_SO & refused(structs.replace(tdx(), cpu=mixed))


def test_parts_of_another_bundle() -> None:
    found, collateral = with_gpu()
    changes = {
        "gpus": (NVIDIA.evidence(NVIDIA.gpu(), gpu_nonce()),),
        "payee": "UQthief",
        "nonce": b"m" * 32,
        "keys": structs.replace(KEYS, sealing=b"x" * 32),
        "cpu": snp().cpu,
    }
    for name, value in changes.items():
        assert "BindingMismatch" in refused(structs.replace(found, **{name: value}), collateral=collateral), name
    assert "RoleMismatch" in refused(structs.replace(found, role="keyring"), collateral=collateral)
    for tee in ("tdx", "development"):
        refused(structs.replace(found, tee=tee), collateral=collateral)


def test_a_hundred_megabytes_are_not_read() -> None:
    began = time.process_time()
    for raw in (b"x" * 100_000_000, b'{"cpu":"' + b"A" * 100_000_000 + b'"}', bytes(MAXIMUM_BYTES + 1)):
        verdict = verify(raw, NONCE, POLICY, AT)
        assert codes(verdict) == {"Malformed"}
        assert len(verdict.reasons[0].message) < 300
    assert time.process_time() - began < 5


def test_the_largest_bundle_that_is_read_is_judged_in_bounded_time() -> None:
    """Sixteen GPUs or switches whose reports and chains are as large as the bundle allows."""
    began = time.process_time()
    pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for chain in (pem * 300, pem * 8, gpu().chain, b"\0" * 20_000):
        shown = tuple(GpuEvidence(b"\x11\xe0" * 10_000, chain) for _ in range(16))
        between = tuple(SwitchEvidence(b"\x11\xe0" * 10_000, chain) for _ in range(16))
        refused(structs.replace(snp(), gpus=shown))
        refused(structs.replace(snp(), switches=between))
    assert time.process_time() - began < 10


@FEW
@given(some.data())
def test_no_change_makes_the_verifiers_fail(data: some.DataObject) -> None:
    """Any part cut, stretched, flipped or filled with anything: refused or the same, never an exception."""
    found, collateral = with_gpu() if data.draw(some.booleans()) else (tdx(), Collateral())
    name = data.draw(
        some.sampled_from(["cpu", "endorsements", "report", "chain"] if found.gpus else ["cpu", "endorsements"])
    )
    old = getattr(found.gpus[0] if name in ("report", "chain") else found, name)
    at = data.draw(some.integers(0, len(old)))
    new = old[:at] + data.draw(some.binary(max_size=40)) + old[at + data.draw(some.integers(0, 400)) :]
    if name in ("report", "chain"):
        changed = structs.replace(found, gpus=(structs.replace(found.gpus[0], **{name: new}),))
    else:
        changed = structs.replace(found, **{name: new})
    verdict = verify(bundles.encode(changed), NONCE, POLICY, AT, collateral)
    assert verdict.trusted == (not verdict.reasons)
    if name != "endorsements" and new != old and (name != "cpu" or new[:QUOTE_SIGNED] != old[:QUOTE_SIGNED]):
        assert not verdict.trusted
    needs(changed)


@FEW
@given(some.data())
def test_no_change_of_a_switchs_evidence_makes_the_verifiers_fail(data: some.DataObject) -> None:
    name = data.draw(some.sampled_from(["report", "chain"]))
    old = getattr(switch(), name)
    at = data.draw(some.integers(0, len(old)))
    new = old[:at] + data.draw(some.binary(max_size=40)) + old[at + data.draw(some.integers(0, 400)) :]
    changed = structs.replace(snp(), switches=(structs.replace(switch(), **{name: new}),))
    refused(changed)
    needs(changed)


@FEW
@given(some.data())
def test_no_collateral_makes_the_verifiers_fail(data: some.DataObject) -> None:
    found, collateral = with_gpu()
    name = data.draw(some.sampled_from(sorted(collateral.items)))
    old = collateral.items[name]
    at = data.draw(some.integers(0, len(old)))
    new = old[:at] + data.draw(some.binary(max_size=20)) + old[at + data.draw(some.integers(0, 60)) :]
    changed = Collateral({**collateral.items, name: new})
    verdict = judge(found, POLICY, changed)
    assert verdict.trusted == (not verdict.reasons)
    more_needs(changed)


@FEW
@given(cpu=some.binary(max_size=1_300), endorsements=some.binary(max_size=200), tee=some.sampled_from(["tdx", "snp"]))
def test_anything_at_all(cpu: bytes, endorsements: bytes, tee: str) -> None:
    found = structs.replace(snp(), tee=tee, cpu=cpu, endorsements=endorsements)
    refused(found)
    assert needs(found) is not None
