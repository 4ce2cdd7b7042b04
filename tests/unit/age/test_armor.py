from __future__ import annotations

import os

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest.age import armor, keys
from cocoon.attest.age.failures import AgeError
from tests.unit.age.files import public, seal


@pytest.mark.parametrize("size", [0, 1, 2, 3, 47, 48, 49, 96, 1_000])
def test_armor_comes_back_and_its_size_is_known(size: int) -> None:
    content = os.urandom(size)
    text = armor.encode(content)
    assert len(text) == armor.armored_size(size)
    if size:
        assert armor.decode(text) == armor.decode(b"\r\n " + text.replace(b"\n", b"\r\n") + b"\n\n") == content
        assert armor.is_armored(text)


def test_pyrage_opens_our_armor_and_we_its() -> None:
    identity = X25519PrivateKey.generate()
    theirs = pyrage.x25519.Identity.from_str(keys.identity_text(identity))
    assert pyrage.decrypt(armor.encode(seal(b"abc", public(identity))), [theirs]) == b"abc"
    text = pyrage.encrypt(b"abc", [theirs.to_public()], armored=True)
    assert armor.encode(armor.decode(text)) == text


GOOD = armor.encode(bytes(range(100)))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        GOOD[1:],
        GOOD[:-3],
        armor.BEGIN,
        GOOD.replace(b"\n", b" \n"),
        GOOD.replace(b"\n", b"\n\n", 1),
        GOOD.replace(b"A", b"!", 1),
        GOOD.replace(b"AAEC", b"AAE", 1),
        GOOD.replace(b"==\n", b"\n"),
        b"x" + GOOD,
        GOOD + b"x",
    ],
)
def test_what_is_no_armor(text: bytes) -> None:
    with pytest.raises(AgeError) as caught:
        armor.decode(text)
    assert caught.value.stage == "armor"
