"""An age file's header: stanzas, each of which may hold the file's key for somebody, under one MAC.

    age-encryption.org/v1
    -> X25519 SHARE              arguments, separated by single spaces
    BODY                         unpadded base64 in lines of 64; the last one is shorter, and may be empty
    --- MAC

Reading is strict: one header has one form, so that its digest can be signed for.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from msgspec import Struct

from cocoon.attest.age.failures import AgeError

VERSION: Final = b"age-encryption.org/v1"
#: Room for our policy stanza and for what tools add at random, and little enough to be parsed at once.
MAXIMUM_BYTES: Final = 16 << 10
#: Each X25519 stanza costs its reader a key exchange.
MAXIMUM_STANZAS: Final = 20
COLUMNS: Final = 64
_MAC_LINE: Final = 4 + 43


class Stanza(Struct, frozen=True):
    """One recipient's part, or one that only some readers understand: its arguments and a body."""

    arguments: tuple[str, ...]
    body: bytes

    @property
    def kind(self) -> str:
        """What decides who understands it."""
        return self.arguments[0]

    def encode(self) -> bytes:
        """As it stands in a header."""
        text = encode64(self.body)
        lines = [text[i : i + COLUMNS] for i in range(0, len(text) + 1, COLUMNS)]
        return b"-> " + " ".join(self.arguments).encode() + b"\n" + b"\n".join(lines) + b"\n"


class Header(Struct, frozen=True):
    """A parsed header. `raw` is all of it, from the version line to the line feed after the MAC."""

    stanzas: tuple[Stanza, ...]
    mac: bytes
    raw: bytes

    @property
    def covered(self) -> bytes:
        """What the MAC is over: up to and including the three hyphens."""
        return self.raw[: -(_MAC_LINE + 1) + 3]


def encode64(content: bytes) -> bytes:
    """Base64 without padding."""
    return base64.b64encode(content).rstrip(b"=")


def decode64(text: bytes) -> bytes:
    """Unpadded, canonical base64. Raises AgeError."""
    try:
        content = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise AgeError("header", "The header holds something that is no base64.") from None
    if encode64(content) != text:
        raise AgeError("header", "The header holds base64 that is not in its one canonical form.")
    return content


def split(beginning: bytes) -> tuple[bytes, bytes] | None:
    """A file's beginning as its raw header and what of the payload follows; None if more is needed to tell.

    Raises AgeError as soon as it can be no header.
    """
    first = VERSION + b"\n"
    if not beginning.startswith(first[: len(beginning)]):
        raise AgeError("header", "This is no age file: it does not begin with the format's name.")
    mac = beginning.find(b"\n---")
    end = beginning.find(b"\n", mac + 1) if mac >= 0 else -1
    if end >= 0 and end < MAXIMUM_BYTES:
        return beginning[: end + 1], beginning[end + 1 :]
    if len(beginning) >= MAXIMUM_BYTES:
        raise AgeError("header", f"The header has more than {MAXIMUM_BYTES} bytes.")
    return None


def parse(raw: bytes) -> Header:
    """Exactly one whole header. Raises AgeError."""
    if len(raw) > MAXIMUM_BYTES:
        raise AgeError("header", f"The header has more than {MAXIMUM_BYTES} bytes.")
    *lines, rest = raw.split(b"\n")
    if rest or len(lines) < 2 or lines[0] != VERSION:
        raise AgeError("header", "The header is cut, or of another version than age-encryption.org/v1.")
    stanzas, at = [], 1
    while lines[at].startswith(b"->"):
        stanza, at = _stanza(lines, at)
        stanzas.append(stanza)
    if at != len(lines) - 1 or not lines[at].startswith(b"--- ") or len(lines[at]) != _MAC_LINE:
        raise AgeError("header", "The header does not end with one MAC line.")
    _check(stanzas)
    return Header(tuple(stanzas), decode64(lines[at][4:]), raw)


def _stanza(lines: list[bytes], at: int) -> tuple[Stanza, int]:
    """The stanza that begins at this line, and the line after it, which exists."""
    arguments = lines[at][3:].split(b" ")
    if lines[at][2:3] != b" " or not all(argument and _visible(argument) for argument in arguments):
        raise AgeError("header", "A stanza's arguments are not visible characters with single spaces between them.")
    body, short = bytearray(), False
    while not short:
        at += 1
        if at >= len(lines) - 1 or len(lines[at]) > COLUMNS:
            raise AgeError("header", f"A stanza's body is not in lines of {COLUMNS} with a shorter one at its end.")
        body += lines[at]
        short = len(lines[at]) < COLUMNS
    return Stanza(tuple(argument.decode() for argument in arguments), decode64(bytes(body))), at + 1


def _visible(argument: bytes) -> bool:
    return all(33 <= character <= 126 for character in argument)


def _check(stanzas: list[Stanza]) -> None:
    if not stanzas or len(stanzas) > MAXIMUM_STANZAS:
        raise AgeError("header", f"The header has {len(stanzas)} stanzas; 1 to {MAXIMUM_STANZAS} are read.")
    if len(stanzas) > 1 and any(stanza.kind == "scrypt" for stanza in stanzas):
        raise AgeError("header", "A stanza for a passphrase must be a header's only one.")
