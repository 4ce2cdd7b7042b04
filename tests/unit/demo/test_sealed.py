"""The demo's sealed job, without a cluster: what is sealed, and that a byte is changed where it matters."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.api.trust import Trust
from cocoon.attest import sealing, terms
from cocoon.attest.age import armor, wrapping
from cocoon.attest.age import header as headers
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.payload import Opener
from demo import keyring, lines, sealed, tampering

VALUES = {"MINILM_SHA256": "0" * 64}


def test_the_sentence_is_in_the_input_and_never_the_same() -> None:
    first, second = sealed.secret(VALUES), sealed.secret(VALUES)
    assert first.sentence in first.plain
    assert first.sentence != second.sentence
    assert [lines.name(line) for line in lines.read(first.plain)] == ["1", "2", "3", "secret"]


def test_the_keyrings_terms_are_terms() -> None:
    read = terms.read(json.dumps(keyring.values()["keyring"]["terms"]))
    assert (read.runners.trust, read.keyrings.trust) == (Trust.TEST, Trust.TEST)


def opened(text: str, key: X25519PrivateKey) -> bytes:
    found = headers.split(armor.decode(text.encode()))
    assert found is not None
    opener = Opener(wrapping.unwrap(headers.parse(found[0]), [key]).file_key)
    return opener.push(found[1]) + opener.finish()


def test_a_changed_sealed_input_has_its_header_and_does_not_open() -> None:
    key, plain = X25519PrivateKey.generate(), sealed.secret(VALUES).plain.encode()
    head, sealer = sealing.begin_output(key.public_key().public_bytes_raw())
    text = armor.encode(head + sealer.push(plain) + sealer.finish()).decode()
    assert opened(text, key) == plain
    changed = tampering.in_armor(text)
    assert sum(one != other for one, other in zip(text, changed, strict=True)) == 1
    with pytest.raises(AgeError) as caught:
        opened(changed, key)
    assert caught.value.stage == "payload"


@pytest.mark.parametrize(("raw", "after", "changed"), [(b"xyz", 1, b"xAz"), (b"--A-", 0, b"--B-")])
def test_one_byte_is_flipped(raw: bytes, after: int, changed: bytes) -> None:
    assert tampering.flipped(raw, after) == changed
