"""The demo believes evidence and signatures, and nothing else."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cocoon.api.evidence import NONCE_BYTES, Bundle, Keys
from cocoon.api.money import Price, Usage
from cocoon.api.receipts import Claims, ReceiptModel
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest.collect import SoftwareCollector
from cocoon.attest.receipts import link, sign, thumbprint
from demo import receipts
from demo.errors import DemoError

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
PAYEE = "0:" + "1" * 64


@pytest.fixture
async def bundle() -> Bundle:
    keys = Keys(tls=bytes(32), receipt=PUBLIC, sealing=bytes(32))
    return await SoftwareCollector().collect(bytes(NONCE_BYTES), keys, PAYEE)


def claims(bundle: Bundle, **changes: Any) -> Claims:
    now, evidence = int(time.time()), bundles.digest(bundle)
    good = Claims(
        iss=thumbprint(PUBLIC),
        sub="cluster/uid",
        jti="1",
        iat=now,
        attempt=1,
        outcome="Succeeded",
        namespace="n",
        name="j",
        provider="p",
        payee=PAYEE,
        model=ReceiptModel("m", "0" * 64),
        input_sha256="0" * 64,
        output_sha256="0" * 64,
        usage=Usage(items=2),
        price=Price(per_million_items="1000000"),
        budget="",
        minimum_trust=Trust.TEST,
        spec_sha256="0" * 64,
        cost="2",
        started=now,
        finished=now,
        evidence_sha256=evidence,
        trust=Trust.TEST,
        seq=0,
        prev=evidence,
    )
    return msgspec.structs.replace(good, **changes)


def opened(bundle: Bundle, receipt: str) -> receipts.Verified:
    return receipts.open_with_evidence(receipt, lambda _: bundles.encode(bundle))


def test_a_receipt_that_evidence_vouches_for_is_right(bundle: Bundle) -> None:
    found = opened(bundle, sign(claims(bundle), KEY))
    assert receipts.complaints(found) == []
    assert receipts.broken_chains([found]) == []


def test_a_receipt_by_another_key_is_wrong(bundle: Bundle) -> None:
    with pytest.raises(DemoError, match="not signed by this key"):
        opened(bundle, sign(claims(bundle), Ed25519PrivateKey.generate()))


def test_a_receipt_without_evidence_is_wrong(bundle: Bundle) -> None:
    with pytest.raises(DemoError, match="no evidence"):
        receipts.open_with_evidence(sign(claims(bundle), KEY), lambda _: None)


def test_other_evidence_than_the_receipt_names_is_wrong(bundle: Bundle) -> None:
    with pytest.raises(DemoError, match="instead of"):
        opened(bundle, sign(claims(bundle, evidence_sha256="f" * 64), KEY))


def test_a_receipt_that_costs_too_much_is_wrong(bundle: Bundle) -> None:
    assert receipts.complaints(opened(bundle, sign(claims(bundle, cost="3"), KEY)))


def test_a_receipt_that_pays_somebody_else_is_wrong(bundle: Bundle) -> None:
    assert receipts.complaints(opened(bundle, sign(claims(bundle, payee="0:" + "2" * 64), KEY)))


def test_a_withheld_receipt_is_noticed(bundle: Bundle) -> None:
    first = sign(claims(bundle), KEY)
    second = sign(claims(bundle, seq=1, prev=link(first)), KEY)
    third = sign(claims(bundle, seq=2, prev=link(second)), KEY)
    every = [opened(bundle, receipt) for receipt in (third, first, second)]
    assert receipts.broken_chains(every) == []
    assert receipts.broken_chains([every[0], every[1]])
