from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocoon.api.ton_address import (
    Address,
    AddressError,
    WrongAlphabet,
    WrongChecksum,
    WrongLength,
    WrongTag,
    WrongWorkchain,
    parse_address,
)

ZERO = bytes(32)
ADDRESSES = st.builds(
    Address, st.sampled_from((0, -1)), st.binary(min_size=32, max_size=32), st.booleans(), st.booleans()
)
BITS = st.integers(0, 36 * 8 - 1)


def friendly(body: bytes) -> str:
    """Any 34 bytes with the right checksum."""
    return base64.urlsafe_b64encode(body + binascii.crc_hqx(body, 0).to_bytes(2)).decode()


def bitwise_crc(body: bytes) -> int:
    """CRC-16/XMODEM by its definition: divide by x^16 + x^12 + x^5 + 1, bit by bit."""
    remainder = 0
    for byte in body:
        remainder ^= byte << 8
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x1021 if remainder & 0x8000 else 0)
        remainder &= 0xFFFF
    return remainder


@pytest.mark.parametrize(
    ("tag", "bounceable", "test_only"),
    [(0x11, True, False), (0x51, False, False), (0x91, True, True), (0xD1, False, True)],
)
@pytest.mark.parametrize(("byte", "workchain"), [(0x00, 0), (0xFF, -1)])
def test_the_layout(tag: int, bounceable: bool, test_only: bool, byte: int, workchain: int) -> None:
    body = bytes([tag, byte]) + ZERO
    text = base64.urlsafe_b64encode(body + bitwise_crc(body).to_bytes(2)).decode()
    address = Address(workchain, ZERO, bounceable, test_only)
    assert parse_address(text) == address
    assert address.friendly() == text


@pytest.mark.parametrize(
    ("bounceable", "test_only", "workchain", "start"),
    [
        (True, False, 0, "EQ"),
        (False, False, 0, "UQ"),
        (True, True, 0, "kQ"),
        (False, True, 0, "0Q"),
        (True, False, -1, "Ef"),
    ],
)
def test_the_beginnings_that_people_know(bounceable: bool, test_only: bool, workchain: int, start: str) -> None:
    assert Address(workchain, ZERO, bounceable, test_only).friendly().startswith(start)


@given(ADDRESSES, st.booleans())
def test_friendly_there_and_back(address: Address, url_safe: bool) -> None:
    text = address.friendly(url_safe=url_safe)
    assert len(text) == 48
    assert parse_address(text) == address


@given(ADDRESSES)
def test_raw_there_and_back(address: Address) -> None:
    read = parse_address(address.raw())
    assert read.same_account(address)
    assert (read.bounceable, read.test_only) == (True, False)
    assert parse_address(address.raw().upper()) == read


@given(ADDRESSES)
def test_the_checksum_is_the_crc_of_the_definition(address: Address) -> None:
    content = base64.urlsafe_b64decode(address.friendly())
    assert int.from_bytes(content[-2:]) == bitwise_crc(content[:-2])


@given(ADDRESSES, BITS)
def test_a_flipped_bit_is_noticed(address: Address, bit: int) -> None:
    content = bytearray(base64.urlsafe_b64decode(address.friendly()))
    content[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WrongChecksum):
        parse_address(base64.urlsafe_b64encode(content).decode())


@given(ADDRESSES, BITS, BITS)
def test_two_flipped_bits_are_noticed(address: Address, first: int, second: int) -> None:
    content = bytearray(base64.urlsafe_b64decode(address.friendly()))
    content[first // 8] ^= 1 << first % 8
    content[second // 8] ^= 1 << second % 8
    text = base64.urlsafe_b64encode(content).decode()
    if first == second:
        assert parse_address(text) == address
        return
    with pytest.raises(WrongChecksum):
        parse_address(text)


@given(ADDRESSES, st.integers(0, 46))
def test_two_swapped_characters_are_noticed(address: Address, place: int) -> None:
    text = address.friendly()
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if swapped == text:
        return
    with pytest.raises(WrongChecksum):
        parse_address(swapped)


@pytest.mark.parametrize("tag", sorted(set(range(256)) - {0x11, 0x51, 0x91, 0xD1}))
def test_no_other_tag(tag: int) -> None:
    with pytest.raises(WrongTag, match=f"0x{tag:02x}"):
        parse_address(friendly(bytes([tag, 0]) + ZERO))


@pytest.mark.parametrize("byte", sorted(set(range(256)) - {0x00, 0xFF}))
def test_no_other_workchain(byte: int) -> None:
    with pytest.raises(WrongWorkchain):
        parse_address(friendly(bytes([0x11, byte]) + ZERO))


GOOD = Address(0, ZERO).friendly()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", WrongLength),
        (GOOD[:-1], WrongLength),
        (GOOD + "A", WrongLength),
        (GOOD + "\n", WrongLength),
        (" " + GOOD, WrongLength),
        ("owner.ton", WrongLength),
        (GOOD[:-1] + "=", WrongAlphabet),
        (GOOD[:-1] + "\n", WrongAlphabet),
        (GOOD[:-1] + " ", WrongAlphabet),
        (GOOD[:-1] + "é", WrongAlphabet),
        (GOOD[:-2] + "-/", WrongAlphabet),
        (GOOD[:-2] + "+_", WrongAlphabet),
        (GOOD[:-1] + ("A" if GOOD[-1] != "A" else "B"), WrongChecksum),
        (GOOD.swapcase(), WrongChecksum),
        ("0:", WrongLength),
        ("0:" + "0" * 63, WrongLength),
        ("0:" + "0" * 65, WrongLength),
        ("0:" + "g" * 64, WrongAlphabet),
        ("0:" + "0" * 64 + "\n", WrongAlphabet),
        ("0:" + "0" * 62 + "\u0660\u0660", WrongAlphabet),
        (":" + "0" * 64, WrongAlphabet),
        ("00:" + "0" * 64, WrongAlphabet),
        ("-0:" + "0" * 64, WrongAlphabet),
        ("+0:" + "0" * 64, WrongAlphabet),
        ("0x0:" + "0" * 64, WrongAlphabet),
        ("1:" + "0" * 64, WrongWorkchain),
        ("-2:" + "0" * 64, WrongWorkchain),
        ("255:" + "0" * 64, WrongWorkchain),
    ],
)
def test_each_mistake_has_its_own_error(text: str, error: type[AddressError]) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert type(caught.value) is error
    assert caught.value.code == error.__name__
    assert str(caught.value).endswith(".")


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    try:
        parse_address(text)
    except AddressError as error:
        assert len(str(error)) < 700  # noqa: PT017 - either outcome is right, and the error's size is checked


def test_one_account_in_its_many_forms() -> None:
    forms = [Address(0, ZERO, bounceable, test_only) for bounceable in (True, False) for test_only in (True, False)]
    assert len({form.friendly() for form in forms}) == 4
    assert {form.raw() for form in forms} == {"0:" + "00" * 32}
    assert all(form.same_account(forms[0]) for form in forms)
    assert not Address(-1, ZERO).same_account(forms[0])
    assert not Address(0, b"\1" * 32).same_account(forms[0])
