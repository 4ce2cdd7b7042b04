"""TON addresses, as wallets show them and raw, checked before anything is paid to them.

A transfer to a mistyped address is lost, so every way in which an address can be wrong has its own error and sentence.
The user-friendly form (TEP-2) is base64, in either alphabet, of 36 bytes:

    tag 1 | workchain 1, signed | account 32, big-endian | CRC-16/XMODEM of these 34, big-endian 2
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from msgspec import Struct

HASH_BYTES: Final = 32
_FRIENDLY_CHARACTERS: Final = 48
_BOUNCEABLE: Final = 0x11
_NON_BOUNCEABLE: Final = 0x51
_TEST_ONLY: Final = 0x80
_WORKCHAINS: Final = (0, -1)
_STANDARD: Final = re.compile(r"[A-Za-z0-9+/]*")
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]*")
_RAW: Final = re.compile(r"(0|-?[1-9][0-9]{0,9}):([0-9a-fA-F]*)")


class AddressError(ValueError):
    """A text is not a TON address; the message is a sentence that says what to do. `code` is its constant name."""

    code = "InvalidAddress"


class WrongLength(AddressError):
    """Neither 48 characters nor `workchain:` and 64 hex digits."""

    code = "WrongLength"


class WrongAlphabet(AddressError):
    """Characters of neither base64 alphabet, or of both at once."""

    code = "WrongAlphabet"


class WrongChecksum(AddressError):
    """The last two bytes are not the CRC of the others."""

    code = "WrongChecksum"


class WrongTag(AddressError):
    """The first byte is none of the four tags."""

    code = "WrongTag"


class WrongWorkchain(AddressError):
    """Neither the basechain (0) nor the masterchain (-1)."""

    code = "WrongWorkchain"


class Address(Struct, frozen=True):
    """One account. `hash` has 32 bytes; `workchain` is 0 (basechain) or -1 (masterchain).

    `bounceable` and `test_only` are how its owner wrote it, and not part of the account: see `same_account`. The raw
    form says neither; it is read as bounceable, as the chain's own tools do.
    """

    workchain: int
    hash: bytes
    bounceable: bool = True
    test_only: bool = False

    def raw(self) -> str:
        """Such as `0:` and 64 lower-case hex digits; the same for every way to write the account."""
        return f"{self.workchain}:{self.hash.hex()}"

    def friendly(self, *, url_safe: bool = True) -> str:
        """48 characters, with this address's own flags."""
        tag = (_BOUNCEABLE if self.bounceable else _NON_BOUNCEABLE) | (_TEST_ONLY if self.test_only else 0)
        body = bytes([tag, self.workchain & 0xFF]) + self.hash
        encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
        return encode(body + _checksum(body)).decode()

    def same_account(self, other: Address) -> bool:
        """Whether both lead to the same account, however they are written."""
        return (self.workchain, self.hash) == (other.workchain, other.hash)


def parse_address(text: str) -> Address:
    """Read either form. Raises the subclass of AddressError that says what is wrong."""
    return _parse_raw(text) if ":" in text else _parse_friendly(text)


def _parse_raw(text: str) -> Address:
    found = _RAW.fullmatch(text)
    if not found:
        raise WrongAlphabet(f"{_quoted(text)} is not a raw TON address: write 0: and 64 hex digits.")
    digits = found[2]
    if len(digits) != 2 * HASH_BYTES:
        raise WrongLength(
            f"{_quoted(text)} has {len(digits)} hex digits after the colon instead of 64: copy all of it."
        )
    return Address(_workchain(int(found[1]), text), bytes.fromhex(digits))


def _parse_friendly(text: str) -> Address:
    if len(text) != _FRIENDLY_CHARACTERS:
        raise WrongLength(f"{_quoted(text)} has {len(text)} characters instead of 48: copy all of the address.")
    content = _decode(text)
    body, checksum = content[:-2], content[-2:]
    if _checksum(body) != checksum:
        raise WrongChecksum(f"The checksum of {_quoted(text)} is wrong: a character was mistyped; copy it again.")
    flags = _flags(body[0], text)
    workchain = _workchain(int.from_bytes(body[1:2], signed=True), text)
    return Address(workchain, body[2:], *flags)


def _decode(text: str) -> bytes:
    if _URL_SAFE.fullmatch(text):
        return base64.urlsafe_b64decode(text)
    if _STANDARD.fullmatch(text):
        return base64.b64decode(text)
    raise WrongAlphabet(
        f"{_quoted(text)} is not base64: an address has letters, digits, and either - and _ or + and /; copy it again."
    )


def _flags(tag: int, text: str) -> tuple[bool, bool]:
    """Whether it is bounceable and whether it is test-only."""
    kind = tag & ~_TEST_ONLY
    if kind not in (_BOUNCEABLE, _NON_BOUNCEABLE):
        raise WrongTag(f"{_quoted(text)} begins with tag 0x{tag:02x}, which no account has: it is no wallet's address.")
    return kind == _BOUNCEABLE, bool(tag & _TEST_ONLY)


def _workchain(number: int, text: str) -> int:
    if number not in _WORKCHAINS:
        raise WrongWorkchain(
            f"{_quoted(text)} is on workchain {number}, which does not exist: give an address on 0 or -1."
        )
    return number


def _checksum(body: bytes) -> bytes:
    """CRC-16/XMODEM: polynomial 0x1021, initial value 0, nothing reflected."""
    return binascii.crc_hqx(body, 0).to_bytes(2)


def _quoted(text: str) -> str:
    return repr(text[:70])
