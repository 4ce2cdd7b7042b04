"""Messages of the highload wallet: byte for byte, and back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from ton_core import Cell

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.highload import (
    CODE,
    MAXIMUM_TRANSFERS,
    OWN_MESSAGE_VALUE,
    QUERY_IDS,
    BadBatch,
    Batch,
    HighloadWallet,
    Transfer,
    batch_message,
    message_hash,
    query_id,
    wallet_of,
)
from cocoon.ton.payment_comment import BadPaymentId

KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
WALLET = wallet_of(KEY)
NOW = 1_790_000_000
ONE = (Transfer(Address(0, b"\1" * 32), NanoTon(10**9), "payment-1"),)
BATCH = Batch(query_id(0), NOW, ONE)


def test_the_code_is_the_official_one() -> None:
    """The hash that the contract's authors publish: github.com/ton-blockchain/highload-wallet-contract-v3."""
    assert CODE.hash.hex() == "11acad7955844090f283bf238bc1449871f783e7cc0979408d3f4859483e8525"


def test_the_address_follows_from_key_subwallet_and_timeout() -> None:
    assert WALLET.address.friendly() == "UQCXElmDOyYKHpzN43kYKkcEj9do2POfT-hxuVJlbX_qbO1B"
    others = [
        HighloadWallet(WALLET.public_key, subwallet=1),
        HighloadWallet(WALLET.public_key, timeout=60),
        HighloadWallet(bytes(32)),
    ]
    assert len({wallet.address.hash for wallet in (WALLET, *others)}) == 4


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert batch_message(WALLET, KEY, BATCH) == batch_message(WALLET, KEY, BATCH)
    assert message_hash(batch_message(WALLET, KEY, BATCH)).hex() == (
        "44da221d5d13110bef9ddb893e783d48e2b6465cd8195a33fd1e81b62130d166"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"query_id": query_id(1)},
        {"created_at": NOW + 1},
        {"deploy": True},
        {"own_message_value": OWN_MESSAGE_VALUE + 1},
        {"transfers": (*ONE, *ONE)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_arguments_give_other_bytes(change: dict[str, Any]) -> None:
    assert batch_message(WALLET, KEY, msgspec.structs.replace(BATCH, **change)) != batch_message(WALLET, KEY, BATCH)


def test_the_signature_is_over_the_signed_part() -> None:
    body = Cell.one_from_boc(batch_message(WALLET, KEY, BATCH)).refs[0]
    KEY.public_key().verify(body.data[:64], body.refs[0].hash)


def test_a_full_batch_fits_into_a_message() -> None:
    transfers = tuple(Transfer(Address(0, n.to_bytes(32)), NanoTon(10**15), "x" * 28) for n in range(MAXIMUM_TRANSFERS))
    message = batch_message(WALLET, KEY, Batch(query_id(QUERY_IDS - 1), NOW, transfers, deploy=True))
    assert len(message) < 65_535


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"transfers": ()}, "1 to 254"),
        ({"transfers": ONE * 255}, "1 to 254"),
        ({"transfers": (Transfer(Address(0, b"\1" * 32), NanoTon(0)),)}, "above 0"),
        ({"transfers": (Transfer(Address(0, b"\1" * 32), NanoTon(-1)),)}, "above 0"),
        ({"own_message_value": NanoTon(19_999_999)}, "20000000"),
        ({"query_id": 1023}, "no query id"),
        ({"query_id": 8192 << 10}, "no query id"),
        ({"query_id": -1}, "no query id"),
    ],
)
def test_a_batch_that_would_burn_its_query_id_is_not_signed(change: dict[str, Any], why: str) -> None:
    with pytest.raises(BadBatch, match=why):
        batch_message(WALLET, KEY, msgspec.structs.replace(BATCH, **change))


def test_another_wallets_key_signs_nothing() -> None:
    with pytest.raises(BadBatch, match="not this wallet's"):
        batch_message(WALLET, Ed25519PrivateKey.generate(), BATCH)


@pytest.mark.parametrize("payment", ["x" * 29, "line\nbreak", "für", "\x00"])
def test_a_payment_id_that_would_not_survive_a_bounce_is_refused(payment: str) -> None:
    with pytest.raises(BadPaymentId):
        batch_message(WALLET, KEY, Batch(query_id(0), NOW, (Transfer(Address(0, b"\1" * 32), NanoTon(1), payment),)))


@settings(max_examples=50)
@given(st.integers(0, QUERY_IDS - 1), st.integers(0, QUERY_IDS - 1))
def test_query_ids_are_different_and_usable(one: int, other: int) -> None:
    assert (query_id(one) == query_id(other)) == (one == other)
    assert query_id(one) & 1023 < 1023
    assert query_id(one) >> 10 < 8192


def test_query_ids_end() -> None:
    assert query_id(QUERY_IDS - 1) == 8191 << 10 | 1021
    for number in (-1, QUERY_IDS):
        with pytest.raises(BadBatch):
            query_id(number)
