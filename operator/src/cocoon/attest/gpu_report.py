"""What a GPU says of itself in its signed measurements (cocoon.attest.spdm), beside what every such device says.

The numbers of the fields are those of NVIDIA's nvtrust. Field 22 lists the switch behind each NVLink by its identifier,
back to front of how the switch itself writes it; a GPU does not tell its own.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from cocoon.api.provider import GpuMode
from cocoon.attest import spdm
from cocoon.attest.spdm import Fields, MalformedReport, Message

_DRIVER, _VBIOS, _NVDEC, _CHIP_SKU, _PROJECT, _PROJECT_SKU, _SWITCHES, _CHIP, _MODE = 3, 6, 11, 15, 17, 18, 22, 35, 36
_MODES: Final[dict[bytes, GpuMode]] = {b"\0": "SPT", b"\1": "MPT", b"\2": "PPCIE"}
_NVDEC_OFF: Final = b"\x55"


class GpuReport(Message, frozen=True, kw_only=True):
    """`mode` is None if the driver is too old to tell it; `switches` are the identifiers (hex) of those connected.

    `board` is project, project SKU and chip SKU with underscores between them, as reference measurements name it.
    """

    driver: str
    vbios: str
    board: str
    chip: str
    mode: GpuMode | None
    video_decoder: bool
    switches: frozenset[str]


def parse(raw: bytes) -> GpuReport:
    """Read a report. Raises MalformedReport."""
    message, fields = spdm.parse(raw)
    mode = fields.get(_MODE)
    return GpuReport(
        **asdict(message),
        driver=spdm.text(fields, _DRIVER),
        vbios=_vbios(fields.get(_VBIOS, b"")),
        board="_".join(spdm.text(fields, kind).upper() for kind in (_PROJECT, _PROJECT_SKU, _CHIP_SKU)),
        chip=spdm.text(fields, _CHIP),
        mode=None if mode is None else _known_mode(mode),
        video_decoder=fields.get(_NVDEC) != _NVDEC_OFF,
        switches=_switches(fields),
    )


def _known_mode(raw: bytes) -> GpuMode:
    found = _MODES.get(raw.rstrip(b"\0") or b"\0")
    if found is None:
        raise MalformedReport(f"its mode {raw[:8].hex()} is unknown")
    return found


def _switches(fields: Fields) -> frozenset[str]:
    return frozenset(each[::-1].hex() for each in spdm.identifiers(fields.get(_SWITCHES, b""), _SWITCHES))


def _vbios(raw: bytes) -> str:
    """The version as people write it, 96.00.74.00.01: the field holds it in halves and back to front."""
    if len(raw) != 8:
        return ""
    turned = raw[::-1]
    return ".".join(f"{byte:02X}" for byte in turned[4:] + turned[3:4])
