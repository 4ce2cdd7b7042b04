"""A GPU's signed measurements: an SPDM 1.1 GET_MEASUREMENTS request and its response, one after the other.

Layout after DMTF DSP0274 1.1; the opaque data after NVIDIA's nvtrust: a list of fields, each a type and a length (2
bytes each, little-endian) and its value. The signature (r and s, 48 bytes each, big-endian) covers all that is before
it.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from msgspec import Struct

from cocoon.api.provider import GpuMode

#: Far beyond any report (about 4 kB).
MAXIMUM_BYTES: Final = 64 << 10
_REQUEST: Final = 37
_SIGNATURE: Final = 96
_DRIVER, _VBIOS, _NVDEC, _CHIP_SKU, _PROJECT, _PROJECT_SKU, _FWID, _CHIP, _MODE = 3, 6, 11, 15, 17, 18, 20, 35, 36
_MODES: Final[dict[bytes, GpuMode]] = {b"\0": "SPT", b"\1": "MPT", b"\2": "PPCIE"}
_NVDEC_OFF: Final = b"\x55"
#: What may stand in a field that becomes part of a file's name.
_PLAIN: Final = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)*")


class MalformedReport(ValueError):
    """The bytes are no report of a GPU; the message says why."""


class Report(Struct, frozen=True, kw_only=True):
    """What a GPU says of itself. `measurements` by index from 0; `mode` is None if the driver is too old to tell it.

    `board` is project, project SKU and chip SKU with underscores between them, as reference measurements name it.
    """

    nonce: bytes
    measurements: dict[int, bytes]
    driver: str
    vbios: str
    board: str
    chip: str
    mode: GpuMode | None
    fwid: bytes
    video_decoder: bool
    signed: int
    r: int
    s: int


def parse(raw: bytes) -> Report:
    """Read a report. Raises MalformedReport."""
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
    return _report(raw, end, measurements, _fields(raw[opaque:end]))


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


def _report(raw: bytes, end: int, measurements: dict[int, bytes], fields: dict[int, bytes]) -> Report:
    mode = fields.get(_MODE)
    return Report(
        nonce=raw[4:36],
        measurements=measurements,
        driver=_text(fields, _DRIVER),
        vbios=_vbios(fields.get(_VBIOS, b"")),
        board="_".join(_text(fields, kind).upper() for kind in (_PROJECT, _PROJECT_SKU, _CHIP_SKU)),
        chip=_text(fields, _CHIP),
        mode=None if mode is None else _known_mode(mode),
        fwid=fields.get(_FWID, b""),
        video_decoder=fields.get(_NVDEC) != _NVDEC_OFF,
        signed=end,
        r=int.from_bytes(raw[end : end + 48], "big"),
        s=int.from_bytes(raw[end + 48 :], "big"),
    )


def _known_mode(raw: bytes) -> GpuMode:
    found = _MODES.get(raw.rstrip(b"\0") or b"\0")
    if found is None:
        raise MalformedReport(f"its mode {raw[:8].hex()} is unknown")
    return found


def _text(fields: dict[int, bytes], kind: int) -> str:
    """A field's text; empty if it is absent. Nothing but letters, digits and inner dots passes."""
    text = fields.get(kind, b"").rstrip(b"\0 ").decode("ascii", "replace").strip()
    if text and (len(text) > 32 or not _PLAIN.fullmatch(text)):
        raise MalformedReport(f"its field {kind} is no plain text")
    return text


def _vbios(raw: bytes) -> str:
    """The version as people write it, 96.00.74.00.01: the field holds it in halves and back to front."""
    if len(raw) != 8:
        return ""
    turned = raw[::-1]
    return ".".join(f"{byte:02X}" for byte in turned[4:] + turned[3:4])
