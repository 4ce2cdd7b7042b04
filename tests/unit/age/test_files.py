from __future__ import annotations

import io
import os

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest.age import header, keys, payload, wrapping
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.header import Stanza
from tests.unit.age.files import parts, public, seal, unseal

SIZES = [0, 1, 1_024, 65_535, 65_536, 65_537, 131_072, 200_000]


@pytest.fixture
def identity() -> X25519PrivateKey:
    return X25519PrivateKey.generate()


def theirs(identity: X25519PrivateKey) -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.from_str(keys.identity_text(identity))


@pytest.mark.parametrize("size", SIZES)
def test_pyrage_opens_what_we_seal(identity: X25519PrivateKey, size: int) -> None:
    content = os.urandom(size)
    file = seal(content, public(identity), extra=[Stanza(("cocoonfleet.io/job-v1",), b'{"id":"1"}')])
    assert pyrage.decrypt(file, [theirs(identity)]) == content


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1_000, 65_552, 300_000])
def test_we_open_what_pyrage_seals(identity: X25519PrivateKey, size: int, step: int) -> None:
    content = os.urandom(size)
    file = pyrage.encrypt(content, [theirs(identity).to_public()])
    assert unseal(file, identity, step=step) == content


def test_a_new_header_leaves_the_payload_alone(identity: X25519PrivateKey) -> None:
    content, other = os.urandom(100_000), X25519PrivateKey.generate()
    raw, rest = parts(pyrage.encrypt(content, [theirs(identity).to_public()]))
    file_key = wrapping.unwrap(header.parse(raw), [identity]).file_key
    fresh = wrapping.build(file_key, [wrapping.wrap(file_key, public(other))])
    assert pyrage.decrypt(fresh + rest, [theirs(other)]) == content
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(fresh + rest, [theirs(identity)])


def test_any_recipient_may_open_and_says_which_key_did(identity: X25519PrivateKey) -> None:
    other, stranger = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    grease = Stanza(("x-grease", "!~"), os.urandom(100))
    file = seal(b"x", public(identity), public(other), extra=[grease])
    parsed = header.parse(parts(file)[0])
    assert wrapping.unwrap(parsed, [stranger, other]).identity == 1
    assert unseal(file, identity) == b"x"
    with pytest.raises(AgeError) as caught:
        wrapping.unwrap(parsed, [stranger])
    assert caught.value.stage == "no match"


def test_a_point_of_low_order_is_no_recipient() -> None:
    with pytest.raises(AgeError, match="low order"):
        wrapping.wrap(wrapping.new_file_key(), bytes(32))


def test_an_edited_stanza_is_noticed(identity: X25519PrivateKey) -> None:
    file = seal(b"x", public(identity), extra=[Stanza(("cocoonfleet.io/job-v1",), b"releases: 1")])
    edited = file.replace(header.encode64(b"releases: 1"), header.encode64(b"releases: 9"))
    assert edited != file
    with pytest.raises(AgeError) as caught:
        unseal(edited, identity)
    assert caught.value.stage == "mac"


@pytest.mark.parametrize("at", [0, 15, 16, 40, 65_567, 65_568, 65_600, -17, -1])
def test_a_flipped_bit_anywhere_in_the_payload(identity: X25519PrivateKey, at: int) -> None:
    raw, rest = parts(seal(os.urandom(100_000), public(identity)))
    broken = bytearray(rest)
    broken[at] ^= 1
    with pytest.raises(AgeError) as caught:
        unseal(raw + bytes(broken), identity)
    assert caught.value.stage == "payload"


@pytest.mark.parametrize("keep", [0, 5, 16, 31, 32, 16 + 65_552, 16 + 65_552 + 10, 16 + 2 * 65_552])
def test_a_cut_file(identity: X25519PrivateKey, keep: int) -> None:
    raw, rest = parts(seal(os.urandom(2 * 65_536 + 5), public(identity)))
    assert keep < len(rest)
    with pytest.raises(AgeError) as caught:
        unseal(raw + rest[:keep], identity)
    assert caught.value.stage == "payload"


def test_chunks_in_another_order(identity: X25519PrivateKey) -> None:
    raw, rest = parts(seal(os.urandom(3 * 65_536), public(identity)))
    nonce, first, second, third = rest[:16], rest[16:65_568], rest[65_568:131_120], rest[131_120:]
    assert unseal(raw + nonce + first + second + third, identity)
    for order in ((second, first, third), (first, third), (first, first, second, third), (first, second, third, third)):
        with pytest.raises(AgeError):
            unseal(raw + nonce + b"".join(order), identity)


def test_one_files_header_with_anothers_payload(identity: X25519PrivateKey) -> None:
    one, other = parts(seal(b"one", public(identity))), parts(seal(b"two", public(identity)))
    with pytest.raises(AgeError):
        unseal(one[0] + other[1], identity)


def test_nothing_but_one_part_is_held_back(identity: X25519PrivateKey) -> None:
    sealer, opener = payload.Sealer(bytes(16)), payload.Opener(bytes(16))
    content = out = 0
    for _ in range(200):
        content += 100_000
        out += len(opener.push(sealer.push(bytes(100_000))))
        assert content - out <= 3 * payload.CHUNK
    assert out + len(opener.push(sealer.finish())) + len(opener.finish()) == content


def test_a_stream_of_pyrage_through_a_file_object(identity: X25519PrivateKey) -> None:
    sink = io.BytesIO()
    pyrage.decrypt_io(io.BytesIO(seal(b"abc" * 50_000, public(identity))), sink, [theirs(identity)])
    assert sink.getvalue() == b"abc" * 50_000
