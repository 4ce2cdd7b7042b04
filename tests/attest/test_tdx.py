"""TDX: genuine quotes are believed under a policy that accepts them, and whatever is wrong is said by name."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from cocoon.api.evidence import Bundle
from cocoon.api.provider import Measurement
from cocoon.api.trust import Trust
from cocoon.attest.collateral import Collateral
from cocoon.attest.policy import Policy, TdxTerms
from cocoon.attest.verify import is_undecided
from tests.attest.evidence import about, bundle, codes, judge, under
from tests.attest.makers.certificates import AT, DAY, NOW
from tests.attest.makers.intel import MR_TD, RTMRS, Intel, Platform, intel

INTEL = intel()
PLATFORM = INTEL.platform()
GUEST = Measurement(mr_td=MR_TD.hex(), rtmrs=tuple(value.hex() for value in RTMRS), mr_config_id="00" * 48)
POLICY = under(INTEL.root.fingerprint, guests=(GUEST,))
PUBLISHED = INTEL.published()


def shown(platform: Platform = PLATFORM, endorsements: bytes = PUBLISHED, **fields: Any) -> Bundle:
    return bundle("tdx", INTEL.quote(platform, about(), **fields), endorsements)


def under_terms(**terms: Any) -> Policy:
    return structs.replace(POLICY, tdx=TdxTerms(**terms))


def test_a_genuine_quote_is_believed_until_its_collateral_ends() -> None:
    verdict = judge(shown(), structs.replace(POLICY, maximum_age=1e9))
    assert (codes(verdict), verdict.trust) == (set(), Trust.TEST)
    assert verdict.not_after == AT + 30 * 86_400


def test_a_verdict_ends_with_the_enclave_s_identity_if_that_ends_first() -> None:
    verdict = judge(
        shown(endorsements=INTEL.published(enclave_ends=NOW + DAY)), structs.replace(POLICY, maximum_age=1e9)
    )
    assert (codes(verdict), verdict.not_after) == (set(), AT + 86_400)


def test_production_refuses_test_roots() -> None:
    production = Policy(guests=(GUEST,))
    assert codes(judge(shown(), production)) == {"RootUntrusted", "TrustTooLow"}
    known = structs.replace(production, test_roots=frozenset({INTEL.root.fingerprint}))
    assert codes(judge(shown(), known)) == {"TestRootRefused", "TrustTooLow"}


@pytest.mark.parametrize(
    ("fields", "some"),
    [
        ({"attributes": bytes.fromhex("0100001000000000")}, {"DebugGuest"}),
        ({"mr_td": bytes(48)}, {"MeasurementUnknown"}),
        ({"mr_config_id": b"\1" * 48}, {"GuestMismatch"}),
        ({"rtmrs": (*RTMRS[:3], bytes(48))}, {"GuestMismatch"}),
        ({"qe_svn": 1}, {"QuoteInvalid"}),
        ({"tee_tcb_svn": bytes(16)}, {"QuoteInvalid"}),
    ],
)
def test_each_fault_of_the_guest_is_named(fields: dict[str, Any], some: set[str]) -> None:
    assert codes(judge(shown(**fields), POLICY)) == some


def test_of_several_listed_guests_with_the_same_image_one_must_match() -> None:
    other = Measurement(mr_td=MR_TD.hex(), rtmrs=("11" * 48,))
    assert codes(judge(shown(), structs.replace(POLICY, guests=(other, GUEST)))) == set()
    assert codes(judge(shown(), structs.replace(POLICY, guests=(other, other)))) == {"GuestMismatch"}


def test_the_message_says_which_register_differs() -> None:
    reason = judge(shown(rtmrs=(RTMRS[0], bytes(48), *RTMRS[2:])), POLICY).reasons[0]
    assert "RTMR1" in reason.message
    assert "RTMR0" not in reason.message


@pytest.mark.parametrize(
    ("published", "terms", "some"),
    [
        ({"status": "OutOfDate"}, {}, {"TcbStatus"}),
        ({"status": "OutOfDate"}, {"statuses": ("UpToDate", "OutOfDate")}, set()),
        ({"status": "Revoked"}, {"statuses": ("UpToDate",)}, {"TcbRevoked"}),
        ({"tcb_date": "2020-01-01T00:00:00Z"}, {"minimum_tcb_date": 1.6e9}, {"TcbTooOld"}),
        ({"tcb_date": "2024-01-01T00:00:00Z"}, {"minimum_tcb_date": 1.6e9}, set()),
        ({"advisories": ("INTEL-SA-1", "INTEL-SA-2")}, {"rejected_advisories": ("INTEL-SA-2",)}, {"AdvisoryRejected"}),
        ({"evaluation": 16}, {"minimum_evaluation": 17}, {"CollateralTooOld"}),
        ({}, {"minimum_evaluation": 17}, set()),
        ({"ends": NOW - DAY / 48}, {}, {"CollateralStale"}),
        ({"issued": NOW + DAY}, {}, {"CollateralNotYetValid"}),
        ({"revoked": (PLATFORM.pck.certificate.serial_number,)}, {}, {"QuoteInvalid"}),
        ({"revoked_authorities": (INTEL.between.certificate.serial_number,)}, {}, {"QuoteInvalid"}),
    ],
)
def test_what_intel_publishes_counts(published: dict[str, Any], terms: dict[str, Any], some: set[str]) -> None:
    found = shown(endorsements=INTEL.published(**published))
    assert codes(judge(found, under_terms(**terms))) == some


def test_every_reason_is_given_at_once() -> None:
    found = shown(mr_td=bytes(48), endorsements=INTEL.published(status="OutOfDate", evaluation=1, advisories=("A",)))
    terms = under_terms(
        minimum_tcb_date=AT, minimum_evaluation=2, rejected_advisories=("A",), platform_ids=frozenset(), allow_smt=False
    )
    assert codes(judge(structs.replace(found, payee="UQother"), terms)) == {
        "BindingMismatch", "MeasurementUnknown", "TcbStatus", "TcbTooOld", "CollateralTooOld", "AdvisoryRejected",
        "PlatformUnknown", "SmtAllowed",
    }  # fmt: skip


def test_only_machines_on_the_list() -> None:
    mine = under_terms(platform_ids=frozenset({PLATFORM.instance.hex()}))
    assert codes(judge(shown(), mine)) == set()
    assert codes(judge(shown(INTEL.platform()), mine)) == {"PlatformUnknown"}


def test_parts_of_other_machines_do_not_fit() -> None:
    one, other = INTEL.quote(PLATFORM, about()), INTEL.quote(INTEL.platform(), about(), mr_td=bytes(48))
    mixed = one[:632] + other[632:]
    assert codes(judge(bundle("tdx", mixed, PUBLISHED), POLICY)) == {"QuoteInvalid"}
    abroad = intel("AABBCCDDEEFF")
    assert codes(judge(shown(endorsements=abroad.published()), POLICY)) == {"RootUntrusted"}
    both = under(INTEL.root.fingerprint, abroad.root.fingerprint, guests=(GUEST,))
    assert codes(judge(shown(endorsements=abroad.published()), both)) == {"QuoteInvalid"}


def test_the_verifiers_own_collateral_goes_first() -> None:
    bare, old = shown(endorsements=b""), INTEL.collateral(status="OutOfDate")
    assert codes(judge(bare, POLICY, INTEL.collateral())) == set()
    assert codes(judge(shown(), POLICY, old)) == {"TcbStatus"}
    missing = Collateral({}, {"intel/00906ED50000/platform.json": "HTTP status 503"})
    verdict = judge(bare, POLICY, missing)
    assert codes(verdict) == {"CollateralMissing"}
    assert "intel/00906ED50000/platform.json is missing: HTTP status 503" in verdict.reasons[0].message


def test_only_a_verdict_that_lacks_nothing_but_collateral_is_undecided() -> None:
    assert is_undecided(judge(shown(endorsements=b""), POLICY))
    wrong = judge(shown(endorsements=b"", mr_td=bytes(48)), POLICY)
    assert codes(wrong) == {"CollateralMissing", "MeasurementUnknown"}
    assert not is_undecided(wrong)
    assert not is_undecided(judge(shown(), POLICY))


@pytest.mark.parametrize("raw", [b"{}", b"[" * 100_000, b"\xff", b"null"])
def test_collateral_that_is_none(raw: bytes) -> None:
    assert codes(judge(shown(endorsements=raw), POLICY)) == {"CollateralMalformed"}


def test_collateral_with_a_deep_chain_is_not_followed() -> None:
    deep = PUBLISHED.replace(
        b'"pck_crl_issuer_chain": "', b'"pck_crl_issuer_chain": "' + b"-----BEGIN CERTIFICATE-----\\n" * 40
    )
    assert codes(judge(shown(endorsements=deep), POLICY)) == {"CollateralMalformed"}


def test_a_quote_of_another_kind_is_none() -> None:
    quote = bytearray(INTEL.quote(PLATFORM, about()))
    for cut in (b"", bytes(quote[:40]), bytes(70_000)):
        assert codes(judge(bundle("tdx", cut, PUBLISHED), POLICY)) == {"QuoteMalformed"}
    quote[4] = 0  # an SGX quote
    assert codes(judge(bundle("tdx", bytes(quote), PUBLISHED), POLICY)) == {"QuoteMalformed"}


def test_two_vendors_do_not_share_a_root() -> None:
    assert Intel().root.fingerprint != INTEL.root.fingerprint
