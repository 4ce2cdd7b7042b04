from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cocoon.attest.age import header, wrapping
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.header import MAXIMUM_BYTES, MAXIMUM_STANZAS, Stanza
from tests.unit.age.files import public

IDENTITY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = bytes(16)
SMALL = Stanza(("cocoonfleet.io/job-v1",), b"{}")


def build(*stanzas: Stanza) -> bytes:
    return wrapping.build(KEY, stanzas)


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 95, 96, 200])
def test_stanzas_come_back_as_they_were(size: int) -> None:
    stanza = Stanza(("kind", "a!", "~b"), os.urandom(size))
    parsed = header.parse(build(stanza, SMALL))
    assert parsed.stanzas == (stanza, SMALL)
    assert wrapping.build(KEY, parsed.stanzas) == parsed.raw


def test_a_header_is_split_from_its_payload_however_it_arrives() -> None:
    file = build(SMALL) + b"\n--- payload"
    at = len(build(SMALL))
    for size in range(at):
        assert header.split(file[:size]) is None
    for size in range(at, len(file) + 1):
        assert header.split(file[:size]) == (file[:at], file[at:size])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"age-encryption.org/v1\n",
        b"age-encryption.org/v1",
        b"age-encryption.org/v2" + build(SMALL)[21:],
        build(SMALL)[:-1],
        build(SMALL) + b"x",
        build(SMALL) + b"\n",
        build(SMALL).replace(b"\n", b"\r\n"),
        build(SMALL).replace(b"-> ", b"->", 1),
        build(SMALL).replace(b"-> ", b"->  ", 1),
        build(SMALL).replace(b"e30\n", b"e30=\n"),
        build(SMALL).replace(b"e30\n", b"e31\n"),
        build(SMALL).replace(b"e30\n", b"e30"),
        build(SMALL).replace(b"e30\n", b"e30\ne30\n"),
        build(SMALL).replace(b"e30\n", b"!!!\n"),
        build(SMALL).replace(b"--- ", b"---"),
        build(SMALL).replace(b"--- ", b"---  "),
        build(),
        build(Stanza(("scrypt", "A" * 22, "18"), bytes(32)), SMALL),
        build(*[SMALL] * (MAXIMUM_STANZAS + 1)),
        build(Stanza(("a",), bytes(MAXIMUM_BYTES))),
        build(Stanza(("é",), b"")),
        build(Stanza(("a", ""), b"")),
    ],
)
def test_what_is_no_header(raw: bytes) -> None:
    with pytest.raises(AgeError) as caught:
        header.parse(raw)
    assert caught.value.stage == "header"


@pytest.mark.parametrize(
    "beginning", [b"PK\x03\x04", b"age-encryption.org/v1\r\n", b"age-encryption.org/v1\n-> x\n" + b"A" * MAXIMUM_BYTES]
)
def test_what_can_be_no_age_file_is_refused_before_it_ends(beginning: bytes) -> None:
    with pytest.raises(AgeError):
        header.split(beginning)


@pytest.mark.parametrize(
    "stanza",
    [
        Stanza(("X25519",), bytes(32)),
        Stanza(("X25519", "AAAA"), bytes(32)),
        Stanza(("X25519", "A" * 43), bytes(31)),
        Stanza(("X25519", "A" * 43, "A"), bytes(32)),
        Stanza(("X25519", "A" * 43), bytes(32)),  # a share of low order
        Stanza(("X25519", "!" * 43), bytes(32)),
    ],
)
def test_malformed_x25519_stanzas(stanza: Stanza) -> None:
    with pytest.raises(AgeError) as caught:
        wrapping.unwrap(header.parse(build(stanza)), [IDENTITY])
    assert caught.value.stage == "header"


GOOD = build(wrapping.wrap(KEY, public(IDENTITY)), SMALL)


@given(st.data())
def test_every_mutation_is_refused_and_crashes_nothing(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    until = data.draw(st.integers(at, min(len(GOOD), at + 40)))
    mutated = GOOD[:at] + data.draw(st.binary(max_size=40)) + GOOD[until:]
    if mutated == GOOD:
        return
    try:
        found = header.split(mutated)
        assert found is None or found[0] == GOOD or wrapping.unwrap(header.parse(found[0]), [IDENTITY]) is None
    except AgeError:
        return


@given(st.binary(max_size=300))
def test_bytes_that_nobody_wrote(raw: bytes) -> None:
    for candidate in (raw, b"age-encryption.org/v1\n" + raw, b"age-encryption.org/v1\n-> X25519 " + raw):
        try:
            wrapping.unwrap(header.parse(candidate), [IDENTITY])
        except AgeError:
            continue
        raise AssertionError(candidate)
