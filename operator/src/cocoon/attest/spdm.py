"""A device's signed measurements: an SPDM 1.1 GET_MEASUREMENTS request and its response, one after the other.

Layout after DMTF DSP0274 1.1; the opaque data after NVIDIA's nvtrust: a list of fields, each a type and a length (2
bytes each, little-endian) and its value. GPUs and NVSwitches share this form and number their fields differently
(gpu_report, switch_report). The signature (r and s, 48 bytes each, big-endian) covers all that is before it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

#: Far beyond any report (about 4 kB).
MAXIMUM_BYTES: Final = 64 << 10
_REQUEST: Final = 37
_SIGNATURE: Final = 96
_FWID: Final = 20
#: Public device identifiers name devices to one another; where nothing is connected stand zeros.
PDI_BYTES: Final = 8
#: What may stand in a field that becomes part of a file's name.
_PLAIN: Final = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)*")

Fields = Mapping[int, bytes]


class MalformedReport(ValueError):
    """The bytes are no report of such a device; the message says why."""


class Message(Struct, frozen=True, kw_only=True):
    """What every such device says: `measurements` by index from 0, and the id of its firmware, empty if untold.

    The signature (`r`, `s`) is over the first `signed` bytes.
    """

    nonce: bytes
    measurements: dict[int, bytes]
    fwid: bytes
    signed: int
    r: int
    s: int


def parse(raw: bytes) -> tuple[Message, Fields]:
    """Read a report, and the fields of its opaque data by their type. Raises MalformedReport."""
    if not _REQUEST + 42 + _SIGNATURE <= len(raw) <= MAXIMUM_BYTES:
        raise MalformedReport(f"it has {len(raw)} bytes")
    if raw[1] != 0xE0 or raw[_REQUEST + 1] != 0x60:
        raise MalformedReport("it is no GET_MEASUREMENTS request with its response")
    end = len(raw) - _SIGNATURE
    record = _REQUEST + 8
    opaque = record + int.from_bytes(raw[_REQUEST + 5 : record], "little") + 34
    if opaque > end or opaque + int.from_bytes(raw[opaque - 2 : opaque], "little") != end:
        raise MalformedReport("its lengths do not add up")
    measurements = _measurements(raw[record : opaque - 34], raw[_REQUEST + 4])
    fields = _fields(raw[opaque:end])
    return _message(raw, end, measurements, fields), fields


def _message(raw: bytes, end: int, measurements: dict[int, bytes], fields: Fields) -> Message:
    return Message(
        nonce=raw[4:36],
        measurements=measurements,
        fwid=fields.get(_FWID, b""),
        signed=end,
        r=int.from_bytes(raw[end : end + 48], "big"),
        s=int.from_bytes(raw[end + 48 :], "big"),
    )


def _measurements(record: bytes, count: int) -> dict[int, bytes]:
    """Blocks of index, specification, size and a DMTF measurement: type, size, value."""
    found: dict[int, bytes] = {}
    at = 0
    for _ in range(count):
        if at + 7 > len(record):
            raise MalformedReport("a measurement is cut off")
        index, specification, size, _, length = struct.unpack_from("<BBHBH", record, at)
        fits = specification == 1 and length == size - 3 and at + 4 + size <= len(record)
        if not fits or index == 0 or index - 1 in found:
            raise MalformedReport(f"its measurement {index} is malformed or stands there twice")
        found[index - 1] = record[at + 7 : at + 4 + size]
        at += 4 + size
    if at != len(record):
        raise MalformedReport("there is more behind its measurements")
    return found


def _fields(opaque: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(opaque):
        if at + 4 > len(opaque):
            raise MalformedReport("a field is cut off")
        kind, size = struct.unpack_from("<HH", opaque, at)
        if at + 4 + size > len(opaque) or kind in found:
            raise MalformedReport(f"its field {kind} is malformed or stands there twice")
        found[kind] = opaque[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def text(fields: Fields, kind: int) -> str:
    """A field's text; empty if it is absent. Nothing but letters, digits and inner dots passes."""
    found = fields.get(kind, b"").rstrip(b"\0 ").decode("ascii", "replace").strip()
    if found and (len(found) > 32 or not _PLAIN.fullmatch(found)):
        raise MalformedReport(f"its field {kind} is no plain text")
    return found


def identifiers(raw: bytes, kind: int) -> tuple[bytes, ...]:
    """The identifiers in a list of them, as they stand, without those of nothing. Raises MalformedReport."""
    if len(raw) % PDI_BYTES:
        raise MalformedReport(f"its field {kind} is no list of identifiers")
    found = (raw[at : at + PDI_BYTES] for at in range(0, len(raw), PDI_BYTES))
    return tuple(each for each in found if any(each))
