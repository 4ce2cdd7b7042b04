"""Receipts: one form, one key, one chain."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as some
from joserfc import jws
from joserfc.jwk import OKPKey
from msgspec import structs, to_builtins

from cocoon.api.money import Price, Usage
from cocoon.api.receipts import Claims, ReceiptModel
from cocoon.api.trust import Trust
from cocoon.attest import receipts

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
CLAIMS = Claims(
    iss=receipts.thumbprint(PUBLIC),
    sub="cluster/job",
    jti="1",
    iat=20,
    attempt=1,
    outcome="Succeeded",
    namespace="tenant",
    name="job",
    provider="provider",
    payee="UQpayee",
    model=ReceiptModel("echo", "ab"),
    input_sha256="01",
    output_sha256="02",
    usage=Usage(items=7),
    price=Price(per_million_items="1500000"),
    budget="",
    minimum_trust=Trust.TEST,
    spec_sha256="03",
    cost="10",
    started=10,
    finished=20,
    evidence_sha256="ee",
    trust=Trust.TEST,
    seq=0,
    prev="ee",
)
RECEIPT = receipts.sign(CLAIMS, KEY)


def signed(header: dict[str, Any], payload: bytes) -> str:
    """A well-signed JWS with any header and payload."""
    parts = [json.dumps(header).encode(), payload]
    body = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return (body + b"." + base64.urlsafe_b64encode(KEY.sign(body)).rstrip(b"=")).decode()


def chained(count: int) -> list[str]:
    chain: list[str] = []
    for number in range(count):
        prev = receipts.link(chain[-1]) if chain else "ee"
        chain.append(receipts.sign(structs.replace(CLAIMS, seq=number, prev=prev), KEY))
    return chain


def test_what_was_signed_is_what_is_read() -> None:
    assert receipts.open_receipt(RECEIPT, PUBLIC) == CLAIMS
    decoded = jws.deserialize_compact(
        RECEIPT, OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": _b64(PUBLIC)}), algorithms=["Ed25519"]
    )
    assert json.loads(decoded.payload) == to_builtins(CLAIMS)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_the_thumbprint_is_rfc_8037s() -> None:
    key = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert receipts.thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


PAYLOAD = json.dumps(to_builtins(CLAIMS)).encode()
HEADER = {"alg": "Ed25519", "typ": "cocoon-receipt+jwt"}


def test_the_tests_own_signer_is_right() -> None:
    assert receipts.open_receipt(signed(HEADER, PAYLOAD), PUBLIC) == CLAIMS


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        ("", "no JWS"),
        ("a.b", "no JWS"),
        (RECEIPT + "=", "base64url"),
        (RECEIPT + "." + RECEIPT, "no JWS"),
        (RECEIPT.replace(".", "..", 1), "no JWS"),
        ("." + RECEIPT.partition(".")[2], "base64url"),
        ("a" * 20_000, "characters"),
        (signed({**HEADER, "kid": "x"}, PAYLOAD), "header"),
        (signed({**HEADER, "alg": "EdDSA"}, PAYLOAD), "header"),
        (signed({**HEADER, "alg": "none"}, PAYLOAD), "header"),
        (signed({"alg": "Ed25519"}, PAYLOAD), "header"),
        (signed(HEADER, b"[]"), "no JSON object"),
        (signed(HEADER, b"{}"), "not the expected"),
        (signed(HEADER, PAYLOAD[:-1] + b',"more":1}'), "not the expected"),
        (signed(HEADER, PAYLOAD[:-1] + b',"cost":"99"}'), "twice"),
        (signed(HEADER, PAYLOAD.replace(b'"attempt": 1', b'"attempt": "1"')), "can't be read"),
        (signed(HEADER, PAYLOAD.replace(b'"Succeeded"', b'"Won"')), "can't be read"),
        (signed(HEADER, b"[" * 9_000), "can't be read"),
    ],
)
def test_anything_else_is_refused_with_a_reason(receipt: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        receipts.open_receipt(receipt, PUBLIC)


def test_another_key_did_not_sign_it() -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(ValueError, match="not signed by this key"):
        receipts.open_receipt(RECEIPT, other)


@given(some.integers(0, len(RECEIPT) - 1), some.characters(codec="utf-8"))
def test_no_changed_character_is_accepted(position: int, character: str) -> None:
    changed = RECEIPT[:position] + character + RECEIPT[position + 1 :]
    if changed != RECEIPT:
        with pytest.raises(ValueError, match="receipt"):
            receipts.open_receipt(changed, PUBLIC)


def test_a_chain_without_gaps_is_right() -> None:
    chain = chained(5)
    assert receipts.check_chain(chain, PUBLIC) == []
    assert receipts.check_chain(chain[2:], PUBLIC) == []
    assert receipts.check_chain([], PUBLIC) == []


@pytest.mark.parametrize("chosen", [(0, 2), (1, 0), (0, 0), (0, 1, 3)])
def test_a_chain_with_a_gap_is_not(chosen: tuple[int, ...]) -> None:
    chain = chained(4)
    assert receipts.check_chain([chain[number] for number in chosen], PUBLIC)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"seq": 2}, "is missing"), ({"evidence_sha256": "ef"}, "evidence changes"), ({"iat": 19}, "time goes back")],
)
def test_each_link_is_checked_by_itself(changes: dict[str, Any], reason: str) -> None:
    after = structs.replace(CLAIMS, **({"seq": 1, "prev": receipts.link(RECEIPT)} | changes))
    (wrong,) = receipts.check_chain([RECEIPT, receipts.sign(after, KEY)], PUBLIC)
    assert reason in wrong


def test_a_chain_begins_with_its_evidence() -> None:
    stray = receipts.sign(structs.replace(CLAIMS, prev="00"), KEY)
    assert "must name its evidence" in receipts.check_chain([stray], PUBLIC)[0]
    assert "not signed" in receipts.check_chain([RECEIPT], b"x" * 32)[0]


@pytest.mark.parametrize(
    ("changes", "owed"),
    [
        ({}, 10),
        ({"budget": "9"}, 9),
        ({"budget": "11"}, 10),
        ({"outcome": "Interrupted"}, 0),
        ({"outcome": "Cancelled"}, 10),
        ({"price": Price()}, 0),
    ],
)
def test_what_is_owed(changes: dict[str, Any], owed: int) -> None:
    claims = structs.replace(CLAIMS, **changes)
    assert receipts.owed(claims) == owed
    assert receipts.check_arithmetic(structs.replace(claims, cost=str(owed))) == []
    assert receipts.check_arithmetic(structs.replace(claims, cost=str(owed + 1)))


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": "-1"},
        {"cost": "1e3"},
        {"usage": Usage(items=-7), "cost": "0"},
        {"started": 21},
        {"iat": 19},
        {"price": Price(per_million_items="x")},
    ],
)
def test_arithmetic_that_is_wrong(changes: dict[str, Any]) -> None:
    assert receipts.check_arithmetic(structs.replace(CLAIMS, **changes))
