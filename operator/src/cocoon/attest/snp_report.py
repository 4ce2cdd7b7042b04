"""The attestation report of AMD SEV-SNP, versions 2 to 5 (SEV Secure Nested Paging Firmware ABI, document 56860).

1,184 bytes, little-endian; the signature covers the first 672. A TCB version is 8 bytes whose meaning depends on the
product line: Milan and Genoa hold bootloader, TEE, SNP and microcode in bytes 0, 1, 6 and 7; Turin holds FMC,
bootloader, TEE, SNP and microcode in bytes 0, 1, 2, 3 and 7.
"""

from __future__ import annotations

import struct
from typing import Final

from msgspec import Struct

from cocoon.attest.policy import TcbFloor

BYTES: Final = 1_184
SIGNED: Final = 0x2A0
VERSIONS: Final = (2, 3, 4, 5)
#: What signed a report, by its number.
SIGNERS: Final = {0: "vcek", 1: "vlek"}
_COMPONENT: Final = 72
_LAYOUT: Final = {"bootloader": 0, "tee": 1, "snp": 6, "microcode": 7}
_TURIN: Final = {"fmc": 0, "bootloader": 1, "tee": 2, "snp": 3, "microcode": 7}


class MalformedReport(ValueError):
    """The bytes are no report; the message says why."""


class Report(Struct, frozen=True, kw_only=True):
    """The fields that a verdict rests on. `family` and `model` are 0 in version 2, which names no processor."""

    version: int
    guest_policy: int
    vmpl: int
    signer: int
    family: int
    model: int
    report_data: bytes
    measurement: bytes
    host_data: bytes
    reported_tcb: bytes
    committed_tcb: bytes
    launch_tcb: bytes
    chip_id: bytes
    r: int
    s: int


def parse(raw: bytes) -> Report:
    """Read a report. Raises MalformedReport for anything that is none or whose form is unknown."""
    if len(raw) != BYTES:
        raise MalformedReport(f"it has {len(raw)} bytes instead of {BYTES}")
    (version,), (algorithm,) = struct.unpack_from("<I", raw, 0), struct.unpack_from("<I", raw, 0x34)
    if version not in VERSIONS:
        raise MalformedReport(f"its version {version} is unknown")
    if algorithm != 1:
        raise MalformedReport("it is not signed with ECDSA P-384")
    if any(raw[SIGNED + 2 * _COMPONENT :]):
        raise MalformedReport("there are bytes behind its signature")
    return _fields(raw, version)


def _fields(raw: bytes, version: int) -> Report:
    vmpl, key = struct.unpack_from("<I", raw, 0x30)[0], struct.unpack_from("<I", raw, 0x48)[0]
    return Report(
        version=version,
        guest_policy=struct.unpack_from("<Q", raw, 0x08)[0],
        vmpl=vmpl,
        signer=key >> 2 & 7,
        family=raw[0x188] if version > 2 else 0,
        model=raw[0x189] if version > 2 else 0,
        report_data=raw[0x50:0x90],
        measurement=raw[0x90:0xC0],
        host_data=raw[0xC0:0xE0],
        reported_tcb=raw[0x180:0x188],
        committed_tcb=raw[0x1E0:0x1E8],
        launch_tcb=raw[0x1F0:0x1F8],
        chip_id=raw[0x1A0:0x1E0],
        r=int.from_bytes(raw[SIGNED : SIGNED + _COMPONENT], "little"),
        s=int.from_bytes(raw[SIGNED + _COMPONENT : SIGNED + 2 * _COMPONENT], "little"),
    )


def product(report: Report) -> str:
    """The product line by the report's CPUID: Milan, Genoa, Turin, or empty if it is unknown.

    Version 2 names no processor; only firmware of Milan and early Genoa writes it.
    """
    if report.family == 0x19 and report.model <= 0x0F:
        return "Milan"
    if report.family == 0x19 and (0x10 <= report.model <= 0x1F or 0xA0 <= report.model <= 0xAF):
        return "Genoa"  # with Bergamo and Siena, which share its keys
    return "Turin" if report.family == 0x1A and report.model <= 0x1F else ""


def levels(tcb: bytes, line: str) -> TcbFloor:
    """A TCB version (8 bytes) of a product line, by component."""
    layout = _TURIN if line == "Turin" else _LAYOUT
    return TcbFloor(**{name: tcb[at] for name, at in layout.items()})


def chip(report: Report, line: str) -> bytes:
    """The chip's id as its certificate and AMD's service name it: 64 bytes, on Turin 8."""
    return report.chip_id[:8] if line == "Turin" else report.chip_id
