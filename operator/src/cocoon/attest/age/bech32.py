"""Bech32 (BIP 173) without its limit of 90 characters, which is how age writes its keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cocoon.attest.age.failures import AgeError

_CHARACTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM: Final = 6
_LONGEST: Final = 200


def encode(prefix: str, content: bytes) -> str:
    """`prefix`1CONTENT with its checksum, in lower case."""
    values = _regroup(content, 8, 5, pad=True)
    check = _polymod([*_expand(prefix), *values, *[0] * _CHECKSUM]) ^ 1
    values += [check >> 5 * (_CHECKSUM - 1 - i) & 31 for i in range(_CHECKSUM)]
    return prefix + "1" + "".join(_CHARACTERS[value] for value in values)


def decode(text: str, prefix: str, size: int = 32) -> bytes:
    """The `size` bytes of a string with this prefix. Raises AgeError for anything else, mixed case included."""
    lower = text.lower()
    if text not in (lower, text.upper()) or not lower.startswith(f"{prefix}1") or len(text) > _LONGEST:
        raise AgeError("key", f"This is no {prefix}1… string.")
    values = [_CHARACTERS.find(character) for character in lower[len(prefix) + 1 :]]
    if -1 in values or len(values) < _CHECKSUM or _polymod([*_expand(prefix), *values]) != 1:
        raise AgeError("key", f"The {prefix}1… string has a wrong checksum: it was not copied whole.")
    content = bytes(_regroup(values[:-_CHECKSUM], 5, 8, pad=False))
    if len(content) != size or encode(prefix, content) != lower:
        raise AgeError("key", f"The {prefix}1… string does not hold {size} bytes.")
    return content


def _regroup(values: Iterable[int], width: int, into: int, *, pad: bool) -> list[int]:
    held, bits, out = 0, 0, []
    for value in values:
        held, bits = (held << width | value) & 0xFFF, bits + width
        while bits >= into:
            bits -= into
            out.append(held >> bits & (1 << into) - 1)
    if pad and bits:
        out.append(held << (into - bits) & (1 << into) - 1)
    return out


def _expand(prefix: str) -> list[int]:
    return [ord(character) >> 5 for character in prefix] + [0] + [ord(character) & 31 for character in prefix]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate(_GENERATOR):
            check ^= generator if top >> i & 1 else 0
    return check
