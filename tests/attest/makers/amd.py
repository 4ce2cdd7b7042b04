"""AMD SEV-SNP under a test root: chips of each product line, their certificates, their reports."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from msgspec import Struct

from cocoon.attest.collateral import Collateral
from tests.attest.makers.certificates import Authority, Wish, certify, integer, p384, raw_signature, revoke

OID = "1.3.6.1.4.1.3704.1"
#: Family and model by product line.
CPUIDS = {"Milan": (0x19, 0x01), "Genoa": (0x19, 0x11), "Turin": (0x1A, 0x02)}
MEASUREMENT = b"\x44" * 48
TCB = {
    "Milan": bytes((3, 0, 0, 0, 0, 0, 8, 115)),
    "Genoa": bytes((9, 0, 0, 0, 0, 0, 23, 72)),
    "Turin": bytes((1, 2, 0, 3, 0, 0, 0, 70)),
}
PLACES = {"3.1": 0, "3.2": 1, "3.3": 6, "3.8": 7}
TURIN_PLACES = {"3.9": 0, "3.1": 1, "3.2": 2, "3.3": 3, "3.8": 7}


class Chip(Struct, frozen=True):
    """A processor at one TCB; `kind` says whose key signs."""

    line: str
    kind: str
    leaf: Authority
    chip_id: bytes
    tcb: bytes


class Amd:
    """A root and an intermediate for one product line. AMD's keys are RSA-4096; 2048 is faster and as good here."""

    def __init__(self, line: str = "Genoa") -> None:
        self.line = line
        self.root = certify(f"TEST ARK-{line}", _rsa())
        self.between = {kind: certify(f"TEST SEV-{kind}-{line}", _rsa(), self.root) for kind in ("vcek", "vlek")}

    def chip(self, kind: str = "vcek", tcb: bytes | None = None, wish: dict[str, Any] | None = None) -> Chip:
        line, level, chip_id = self.line, tcb or TCB[self.line], os.urandom(64)
        named = b"\x16" + bytes([len(line) + 3]) + f"{line}-B1".encode()
        extensions: list[tuple[str, bytes]] = [(f"{OID}.2", named)]
        places = TURIN_PLACES if line == "Turin" else PLACES
        extensions += [(f"{OID}.{oid}", integer(level[at])) for oid, at in places.items()]
        if kind == "vcek":
            extensions.append((f"{OID}.4", chip_id[:8] if line == "Turin" else chip_id))
        leaf = certify(
            f"SEV-{kind.upper()}", p384(), self.between[kind], Wish(ca=False, extensions=extensions, **(wish or {}))
        )
        return Chip(line, kind, leaf, chip_id, level)

    def endorsements(self, chip: Chip) -> bytes:
        return chip.leaf.pem + self.above(chip.kind)

    def above(self, kind: str = "vcek") -> bytes:
        return self.between[kind].pem + self.root.pem

    def crl(self, serials: Sequence[int] = (), **wish: Any) -> bytes:
        return revoke(self.root, serials, **wish)

    def collateral(self, crl: bytes | None = None) -> Collateral:
        found = self.crl() if crl is None else crl
        return Collateral({f"amd/{self.line}/{kind}/crl.der": found for kind in ("vcek", "vlek")})

    def report(self, chip: Chip, report_data: bytes, **fields: Any) -> bytes:
        """A signed report; `fields` are those of `_body`."""
        body = _body(chip, report_data, Fields(**fields))
        key: ec.EllipticCurvePrivateKey = chip.leaf.key
        return body + raw_signature(key, body, 72, "little") + bytes(1184 - 0x2A0 - 144)


class Fields(Struct, frozen=True, kw_only=True):
    """What a report says besides the nonce and the chip."""

    version: int = 3
    policy: int = 0x30000
    vmpl: int = 0
    measurement: bytes = MEASUREMENT
    host_data: bytes = bytes(32)
    reported: bytes | None = None
    committed: bytes | None = None
    launch: bytes | None = None
    signer: int | None = None


def _body(chip: Chip, report_data: bytes, fields: Fields) -> bytes:
    body = bytearray(0x2A0)
    signer = fields.signer if fields.signer is not None else {"vcek": 0, "vlek": 1}[chip.kind]
    struct.pack_into("<IIQ", body, 0, fields.version, 0, fields.policy)
    struct.pack_into("<II", body, 0x30, fields.vmpl, 1)
    struct.pack_into("<I", body, 0x48, signer << 2)
    body[0x38:0x40] = chip.tcb
    body[0x50:0x90], body[0x90:0xC0], body[0xC0:0xE0] = report_data, fields.measurement, fields.host_data
    body[0x180:0x188] = fields.reported or chip.tcb
    if fields.version > 2:
        body[0x188:0x18A] = bytes(CPUIDS[chip.line])
    body[0x1A0:0x1E0] = chip.chip_id
    body[0x1E0:0x1E8], body[0x1F0:0x1F8] = fields.committed or chip.tcb, fields.launch or chip.tcb
    return bytes(body)


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def amd(line: str = "Genoa") -> Amd:
    """One vendor of each product line for a test run: RSA keys are slow to make."""
    return Amd(line)
