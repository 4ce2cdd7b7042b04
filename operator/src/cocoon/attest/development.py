"""The development TEE: a stand-in for a CPU quote, for machines that have none.

A statement is signed by a platform key, which a root certifies. The root's private key is printed here, so anybody can
make such statements: they prove nothing, carry trust=Test wherever they go, and a policy has to allow them by name.
Everything else about a development bundle (nonce, keys, payee, expiry) goes through the code that real ones go through.

    endorsements = platform public key (32) | root's signature (64) over prefixed(domain, platform key)
    cpu          = platform's signature (64) | statement (JSON)
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from cocoon.api.evidence import Bundle
from cocoon.api.trust import Trust
from cocoon.attest.bundle import report_data
from cocoon.attest.case import Case
from cocoon.attest.findings import Findings
from cocoon.attest.policy import Policy
from cocoon.attest.preimage import prefixed

#: Public on purpose.
ROOT_SEED: Final = hashlib.sha256(b"cocoon fleet development root, for tests only").digest()
PLATFORM_DOMAIN: Final = "cocoon/development-platform/v1"
STATEMENT_DOMAIN: Final = "cocoon/development-statement/v1"
LIFETIME: Final = 86_400.0
#: How far the clocks of a TEE and its verifier may differ, in seconds.
CLOCK_SKEW: Final = 300.0
_SIGNATURE: Final = 64
_KEY: Final = 32


class Statement(Struct, frozen=True):
    """What a development platform says; times in seconds since 1970."""

    report_data: bytes
    measurement: str
    issued: float
    expires: float


def root() -> Ed25519PrivateKey:
    """The development root that everybody has."""
    return Ed25519PrivateKey.from_private_bytes(ROOT_SEED)


def certify(platform: Ed25519PublicKey, by: Ed25519PrivateKey) -> bytes:
    """The platform's endorsement, 96 bytes."""
    key = platform.public_bytes_raw()
    return key + by.sign(prefixed(PLATFORM_DOMAIN, key))


def state(statement: Statement, platform: Ed25519PrivateKey) -> bytes:
    """The signed statement, as it stands in a bundle's `cpu`."""
    body = msgspec.json.encode(statement)
    return platform.sign(prefixed(STATEMENT_DOMAIN, body)) + body


def verify(case: Case, findings: Findings) -> None:
    """Check a development bundle's statement and chain; what is wrong goes to `findings`."""
    bundle, policy, now = case.bundle, case.policy, case.now
    findings.trust = Trust.TEST
    findings.check(
        policy.allow_test_roots,
        "TestRootRefused",
        "The evidence leads to the development root, which anybody can hold; only test roots allowed by name admit it.",
    )
    platform = _platform(bundle.endorsements, findings)
    statement = _statement(bundle.cpu, platform, findings)
    if statement is not None:
        _check(statement, bundle, policy, now, findings)


def _platform(endorsements: bytes, findings: Findings) -> Ed25519PublicKey | None:
    if not findings.check(
        len(endorsements) == _KEY + _SIGNATURE, "ChainMalformed", "The development platform's certificate is malformed."
    ):
        return None
    key, signature = endorsements[:_KEY], endorsements[_KEY:]
    signed = _signed(root().public_key(), signature, prefixed(PLATFORM_DOMAIN, key))
    findings.check(signed, "ChainUntrusted", "The development root has not certified this platform.")
    return Ed25519PublicKey.from_public_bytes(key)


def _statement(cpu: bytes, platform: Ed25519PublicKey | None, findings: Findings) -> Statement | None:
    signature, body = cpu[:_SIGNATURE], cpu[_SIGNATURE:]
    if platform is not None:
        signed = _signed(platform, signature, prefixed(STATEMENT_DOMAIN, body))
        findings.check(signed, "SignatureInvalid", "The statement is not signed by the platform it names.")
    try:
        return msgspec.json.decode(body, type=Statement)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        findings.refuse("StatementMalformed", "The development statement can't be read.")
        return None


def _check(statement: Statement, bundle: Bundle, policy: Policy, now: float, findings: Findings) -> None:
    bound = hmac.compare_digest(statement.report_data, report_data(bundle))
    findings.check(bound, "BindingMismatch", "The statement is not about this nonce, these keys and this wallet.")
    fresh = statement.issued <= now + CLOCK_SKEW
    findings.check(fresh, "NotYetValid", "The statement was issued in the future; check the clocks of both machines.")
    findings.check(now < statement.expires, "Expired", "The statement has expired; ask for evidence again.")
    listed = bool(policy.measurements or policy.guests)
    known = not listed or statement.measurement in policy.measurements
    findings.check(known, "MeasurementUnknown", f"The policy does not list measurement {statement.measurement[:96]!r}.")
    findings.expires(statement.expires)


def _signed(key: Ed25519PublicKey, signature: bytes, body: bytes) -> bool:
    try:
        key.verify(signature, body)
    except InvalidSignature:
        return False
    return True
