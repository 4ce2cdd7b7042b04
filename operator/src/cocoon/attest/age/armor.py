"""ASCII armor: an age file as text (RFC 7468, strict), for where only text fits, such as a field of an API object."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cocoon.attest.age.failures import AgeError

BEGIN: Final = b"-----BEGIN AGE ENCRYPTED FILE-----"
END: Final = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS: Final = 64


def is_armored(beginning: bytes) -> bool:
    """Whether a file that begins so is armored."""
    return beginning.lstrip().startswith(b"-----BEGIN")


def armored_size(size: int) -> int:
    """How many bytes a file of this size takes in armor."""
    text = -(-size // 3) * 4
    return len(BEGIN) + 1 + text + -(-text // _COLUMNS) + len(END) + 1


def encode(content: bytes) -> bytes:
    """The file in armor, with a line feed at its end."""
    text = base64.b64encode(content)
    lines = [text[i : i + _COLUMNS] for i in range(0, len(text), _COLUMNS)]
    return b"\n".join([BEGIN, *lines, END, b""])


def decode(text: bytes) -> bytes:
    """The file; white space around the armor and either kind of line end are allowed. Raises AgeError."""
    first, *lines = text.strip(b" \t\r\n").replace(b"\r\n", b"\n").split(b"\n")
    if first != BEGIN or not lines or lines.pop() != END:
        raise AgeError("armor", f"The armor does not begin with {BEGIN.decode()} or does not end as it must.")
    if any(len(line) != _COLUMNS for line in lines[:-1]) or not all(0 < len(line) <= _COLUMNS for line in lines[-1:]):
        raise AgeError("armor", f"The armor is not in lines of {_COLUMNS} characters.")
    body = b"".join(lines)
    try:
        content = base64.b64decode(body, validate=True)
    except binascii.Error:
        raise AgeError("armor", "The armor holds something that is no base64.") from None
    if base64.b64encode(content) != body:
        raise AgeError("armor", "The armor's base64 is not in its one canonical form.")
    return content
