"""Evidence: whatever is changed in a bundle, the verifier says so and never fails."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as some
from msgspec import structs

from cocoon.api.evidence import MAXIMUM_BYTES, Bundle, GpuEvidence, Keys, Verdict
from cocoon.api.trust import Trust
from cocoon.attest import bundle, development
from cocoon.attest.collect import SoftwareCollector
from cocoon.attest.policy import Policy
from cocoon.attest.preimage import prefixed
from cocoon.attest.verify import verify

NOW = 1_000_000.0
NONCE = b"n" * 32
KEYS = Keys(b"t" * 32, b"r" * 32, b"s" * 32)
ALLOWED = Policy(trust=Trust.TEST, allow_test_roots=True)
PLATFORM = Ed25519PrivateKey.from_private_bytes(b"p" * 32)


def collected(**changes: Any) -> Bundle:
    collector = SoftwareCollector(now=lambda: NOW, platform=PLATFORM, **changes)
    return asyncio.run(collector.collect(NONCE, KEYS, "UQpayee"))


GENUINE = collected()
RAW = bundle.encode(GENUINE)


def judged(found: Bundle, policy: Policy = ALLOWED, now: float = NOW) -> Verdict:
    return verify(bundle.encode(found), NONCE, policy, now)


def codes(verdict: Verdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


def test_genuine_development_evidence_is_trusted_as_test() -> None:
    verdict = verify(RAW, NONCE, ALLOWED, NOW)
    assert (verdict.trusted, verdict.trust, verdict.reasons) == (True, Trust.TEST, ())
    assert verdict.not_after == NOW + ALLOWED.maximum_age
    assert verdict.evidence == bundle.digest(GENUINE)


def test_production_policies_refuse_every_development_bundle() -> None:
    assert codes(judged(GENUINE, Policy())) == {"TestRootRefused", "TrustTooLow"}
    assert codes(judged(GENUINE, Policy(trust=Trust.TEST))) == {"TestRootRefused"}
    assert codes(judged(GENUINE, Policy(allow_test_roots=True))) == {"TrustTooLow"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"role": "keyring"}, "RoleMismatch"),
        ({"nonce": b"m" * 32}, "NonceMismatch"),
        ({"payee": "UQother"}, "BindingMismatch"),
        ({"keys": Keys(b"x" * 32, b"r" * 32, b"s" * 32)}, "BindingMismatch"),
        ({"keys": Keys(b"t" * 32, b"x" * 32, b"s" * 32)}, "BindingMismatch"),
        ({"keys": Keys(b"t" * 32, b"r" * 32, b"x" * 32)}, "BindingMismatch"),
        ({"gpus": (GpuEvidence(b"report", b"chain"),)}, "BindingMismatch"),
        ({"tee": "tdx"}, "QuoteMalformed"),
        ({"tee": "snp"}, "ReportMalformed"),
        ({"endorsements": b""}, "ChainMalformed"),
        ({"endorsements": bytes(96)}, "ChainUntrusted"),
        ({"cpu": b""}, "StatementMalformed"),
        ({"cpu": bytes(64) + GENUINE.cpu[64:]}, "SignatureInvalid"),
        ({"format": "cocoon-evidence/2"}, "Malformed"),
        ({"nonce": b"n"}, "Malformed"),
        ({"keys": Keys(b"", b"r" * 32, b"s" * 32)}, "Malformed"),
        ({"gpus": (GpuEvidence(b"", b""),) * 17}, "Malformed"),
    ],
)
def test_each_change_is_named(changes: dict[str, Any], code: str) -> None:
    verdict = judged(structs.replace(GENUINE, **changes))
    assert not verdict.trusted
    assert code in codes(verdict)
    assert verdict.not_after == NOW


def test_every_reason_is_given_at_once() -> None:
    wrong = structs.replace(GENUINE, role="keyring", payee="UQother", endorsements=bytes(96))
    verdict = verify(bundle.encode(wrong), b"m" * 32, Policy(payee="UQpayee", require_gpu=True), NOW + 10**6)
    assert codes(verdict) >= {
        "RoleMismatch", "NonceMismatch", "PayeeMismatch", "TrustTooLow", "TestRootRefused", "GpuEvidenceMissing",
        "ChainUntrusted", "SignatureInvalid", "BindingMismatch", "Expired",
    }  # fmt: skip
    assert all(reason.message.endswith(".") for reason in verdict.reasons)


def test_a_stolen_platform_key_under_another_root_is_refused() -> None:
    other = development.certify(PLATFORM.public_key(), Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    assert codes(judged(structs.replace(GENUINE, endorsements=other))) == {"ChainUntrusted"}


def test_time() -> None:
    assert codes(judged(GENUINE, now=NOW + development.LIFETIME)) == {"Expired"}
    assert codes(judged(GENUINE, now=NOW - development.CLOCK_SKEW - 1)) == {"NotYetValid"}
    assert judged(GENUINE, now=NOW + development.LIFETIME - 60).not_after == NOW + development.LIFETIME
    long = structs.replace(ALLOWED, maximum_age=10.0)
    assert judged(GENUINE, long).not_after == NOW + 10


def test_measurements() -> None:
    assert judged(GENUINE, structs.replace(ALLOWED, measurements=("development",))).trusted
    assert codes(judged(GENUINE, structs.replace(ALLOWED, measurements=("other",)))) == {"MeasurementUnknown"}


def test_the_digest_is_the_same_for_all_bundles_of_one_start() -> None:
    later = asyncio.run(SoftwareCollector(now=lambda: NOW + 5).collect(b"m" * 32, KEYS, "UQpayee"))
    assert bundle.digest(later) == bundle.digest(GENUINE)
    assert bundle.digest(structs.replace(later, payee="UQother")) != bundle.digest(GENUINE)
    assert bundle.digest(structs.replace(later, tee="tdx")) != bundle.digest(GENUINE)


def test_a_bundle_survives_its_wire_form() -> None:
    assert bundle.decode(RAW) == GENUINE


@given(some.binary(max_size=2_000))
def test_no_bytes_make_the_verifier_fail(raw: bytes) -> None:
    assert not verify(raw, NONCE, ALLOWED, NOW).trusted


@given(some.integers(0, len(RAW) - 1), some.integers(1, 255))
def test_no_changed_byte_is_trusted(position: int, change: int) -> None:
    changed = bytearray(RAW)
    changed[position] ^= change
    verdict = verify(bytes(changed), NONCE, ALLOWED, NOW)
    assert not verdict.trusted or bundle.decode(bytes(changed)) == GENUINE


@given(some.integers(0, len(RAW)))
def test_no_part_of_a_bundle_is_trusted(length: int) -> None:
    assert not verify(RAW[:length], NONCE, ALLOWED, NOW).trusted or length == len(RAW)


@given(some.recursive(some.none() | some.booleans() | some.floats() | some.text(), some.lists, max_leaves=5))
def test_statements_of_any_form_do_not_make_it_fail(value: object) -> None:
    body = msgspec.json.encode(value)
    signed = PLATFORM.sign(prefixed(development.STATEMENT_DOMAIN, body)) + body
    assert not judged(structs.replace(GENUINE, cpu=signed)).trusted


def test_a_bundle_that_is_too_large_is_not_read() -> None:
    verdict = verify(b" " * MAXIMUM_BYTES + RAW, NONCE, ALLOWED, NOW)
    assert codes(verdict) == {"Malformed"}
    deep = b"[" * 200_000
    assert codes(verify(deep, NONCE, ALLOWED, NOW)) == {"Malformed"}
