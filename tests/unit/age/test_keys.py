from __future__ import annotations

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest.age import bech32, keys
from cocoon.attest.age.failures import AgeError


def test_keys_are_written_as_age_writes_them() -> None:
    for _ in range(50):
        theirs = pyrage.x25519.Identity.generate()
        ours = keys.identity_key(str(theirs))
        assert keys.identity_text(ours) == str(theirs)
        assert keys.recipient_text(ours.public_key().public_bytes_raw()) == str(theirs.to_public())
        assert keys.recipient_key(str(theirs.to_public())) == ours.public_key().public_bytes_raw()


GOOD = keys.recipient_text(X25519PrivateKey.generate().public_key().public_bytes_raw())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "age1",
        GOOD[:-1],
        GOOD + "q",
        GOOD[:-1] + ("q" if GOOD[-1] != "q" else "p"),
        GOOD[:9].upper() + GOOD[9:],
        GOOD[4:],
        " " + GOOD,
        GOOD + "\n",
        GOOD.replace("1", "1b", 1),
        bech32.encode("age", bytes(31)),
        bech32.encode("age", bytes(33)),
        bech32.encode("tge", bytes(32)),
        "age1" + "q" * 5_000,
        "AGE1İ" + GOOD[5:],
    ],
)
def test_what_is_no_recipient(text: str) -> None:
    with pytest.raises(AgeError) as caught:
        keys.recipient_key(text)
    assert caught.value.stage == "key"


def test_upper_case_is_the_same_key() -> None:
    assert keys.recipient_key(GOOD.upper()) == keys.recipient_key(GOOD)


def test_an_epoch_names_a_recipient_and_nothing_else() -> None:
    assert keys.epoch(bytes(32)) == keys.epoch(bytes(32)) != keys.epoch(bytes(31) + b"\x01")
    assert len(keys.epoch(bytes(32))) == 16
