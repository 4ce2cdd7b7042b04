"""Every field of a provider's policy reaches the verifiers."""

from __future__ import annotations

from typing import Any

import pytest

from cocoon.api.provider import AttestationPolicy
from cocoon.api.trust import Trust
from cocoon.attest.policy import GpuTerms, Policy, SnpTerms, TcbFloor, TdxTerms
from cocoon.fleet.attestation_terms import Roots, policy_of
from cocoon.fleet.observe.provider import provider
from tests.scenario import builders

CHIP, MACHINE = "ab" * 64, "cd" * 16


def terms(**policy: Any) -> Policy:
    body = builders.provider("dc1", ["minilm"])
    body["metadata"] |= {
        "uid": "u",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    body["spec"]["confidential"] |= {"policy": policy, "reattestEvery": "30m", "requireGPU": True}
    return policy_of(provider(body, allow_test_roots=True), Roots(allowed=True, fingerprints=frozenset({"aa"})), gpus=8)


def test_the_defaults_are_strict() -> None:
    found = terms()
    assert (found.trust, found.maximum_age, found.require_gpu, found.gpus) == (Trust.TEST, 3600.0, True, 8)
    assert (found.allow_test_roots, found.test_roots) == (True, frozenset({"aa"}))
    assert (found.tdx, found.snp, found.gpu) == (TdxTerms(), SnpTerms(), GpuTerms())
    assert found.require_revocation


def test_all_of_it() -> None:
    found = terms(
        minimumTcbDate="2026-01-02",
        allowedTcbStatuses=["UpToDate", "SWHardeningNeeded"],
        minimumTcbEvaluation=17,
        rejectedAdvisories=["INTEL-SA-1"],
        minimumAmdTcb=[{"product": "Turin", "fmc": 1, "bootloader": 2, "tee": 3, "snp": 4, "microcode": 5}],
        platformIds=[CHIP, MACHINE],
        requireRevocationCheck=False,
        measurements=[{"mrTd": "11" * 48}],
        gpu={
            "minimumDriverVersion": "580.1",
            "minimumVbiosVersion": "96.00",
            "minimumSwitchBiosVersion": "96.10",
            "allowedArchitectures": ["HOPPER"],
            "allowedModes": ["PPCIE"],
        },
    )
    assert found.tdx == TdxTerms(
        statuses=("UpToDate", "SWHardeningNeeded"),
        minimum_tcb_date=1_767_312_000.0,
        rejected_advisories=("INTEL-SA-1",),
        minimum_evaluation=17,
        platform_ids=frozenset({MACHINE}),
    )
    floor = TcbFloor(fmc=1, bootloader=2, tee=3, snp=4, microcode=5)
    assert found.snp == SnpTerms(floors={"Turin": floor}, chip_ids=frozenset({CHIP}))
    assert found.gpu == GpuTerms(
        minimum_driver="580.1",
        minimum_vbios="96.00",
        minimum_switch_bios="96.10",
        architectures=("HOPPER",),
        modes=("PPCIE",),
    )
    assert not found.require_revocation
    assert [guest.mr_td for guest in found.guests] == ["11" * 48]


def test_listing_machines_of_one_kind_accepts_none_of_the_other() -> None:
    found = terms(platformIds=[CHIP])
    assert found.tdx.platform_ids == frozenset()


def test_a_date_that_is_none_accepts_nothing() -> None:
    assert terms(minimumTcbDate="soon").tdx.minimum_tcb_date == float("inf")


def test_no_field_is_forgotten() -> None:
    """A field that is added to the policy must be added to `test_all_of_it`, and then here."""
    assert set(AttestationPolicy.__struct_fields__) == {
        "minimum_tcb_date", "allowed_tcb_statuses", "minimum_tcb_evaluation", "rejected_advisories", "minimum_amd_tcb",
        "platform_ids", "require_revocation_check", "measurements", "gpu",
    }  # fmt: skip


@pytest.mark.parametrize("policy", [{}, {"gpu": {}}])
def test_empty_is_default(policy: dict[str, Any]) -> None:
    assert terms(**policy) == terms()
