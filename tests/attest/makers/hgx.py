"""A whole HGX board of Hopper in protected PCIe mode, under a test root: eight GPUs, four NVSwitches, all connected."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from cocoon.api.evidence import GpuEvidence, SwitchEvidence
from cocoon.attest.collateral import Collateral
from tests.attest.makers.certificates import Authority, Wish, certify, p384
from tests.attest.makers.nvidia import MEASUREMENTS, Gpu, Nvidia, nvidia, packed, signed

BIOS = "96.10.6D.00.01"
#: Real reports hold so many, all of them of the BIOS.
SWITCH_MEASUREMENTS = MEASUREMENTS[:31]
RIM_NAME = f"nvidia/rim/NV_SWITCH_BIOS_5612_0002_890_{BIOS.replace('.', '')}.xml"


class Switch(Struct, frozen=True):
    """One NVSwitch: its chain from the leaf up, its identifier, the id of its firmware."""

    chain: tuple[Authority, ...]
    identifier: bytes
    fwid: bytes

    @property
    def pem(self) -> bytes:
        return b"".join(each.pem for each in self.chain)


class Hgx(Struct, frozen=True):
    """A board; `names` are the identifiers of its GPUs, which only the switches tell."""

    gpus: tuple[Gpu, ...]
    names: tuple[bytes, ...]
    switches: tuple[Switch, ...]

    def gpu(self, number: int, nonce: bytes, **fields: Any) -> GpuEvidence:
        """A GPU's evidence; each of its 18 links goes to a switch, whose identifier it writes back to front."""
        links = b"".join(self.switches[link % len(self.switches)].identifier[::-1] for link in range(18))
        return nvidia().evidence(self.gpus[number], nonce, **{"mode": b"\2\0", "switches": links, **fields})

    def switch(self, number: int, nonce: bytes, changed: Mapping[int, bytes | None] | None = None) -> SwitchEvidence:
        """A switch's evidence; `changed` are fields of its opaque data by type, None leaves one out."""
        switch = self.switches[number]
        fields: dict[int, bytes | None] = {
            6: BIOS.encode() + b"\0",
            12: bytes(124),
            22: switch.identifier,
            23: b"\xff" * 8,
            24: bytes([number]),
            25: b"\1",
            26: b"".join(self.names) + bytes(port % 8 for port in range(64)),
            **(changed or {}),
        }
        opaque = packed({kind: value for kind, value in sorted(fields.items()) if value is not None})
        return SwitchEvidence(signed(switch.chain[0].key, nonce, SWITCH_MEASUREMENTS, opaque), switch.pem)


class Switches:
    """The authorities for NVSwitches, under NVIDIA's one root for devices."""

    def __init__(self, vendor: Nvidia) -> None:
        self.vendor = vendor
        self.identity = certify("TEST LS_10 Identity", p384(), vendor.root)
        self.provisioner = certify("TEST LS_10 Provisioner ICA 1", p384(), self.identity)

    def switch(self, chip: str = "LS_10", **wish: Any) -> Switch:
        """A switch; `wish` is what its leaf should hold besides."""
        fwid = os.urandom(48)
        brom = certify(f"{chip} A01 FSP BROM", p384(), self.provisioner)
        holds = [("2.23.133.5.4.1", b"\x30\x34\xa6\x32\x30\x30" + fwid)]
        leaf = certify(f"{chip} A01 FSP FMC LF", p384(), brom, Wish(ca=False, extensions=holds, **wish))
        return Switch((leaf, brom, self.provisioner, self.identity, self.vendor.root), os.urandom(8), fwid)

    def board(self, *, gpus: int = 8, switches: int = 4) -> Hgx:
        """A board with so many devices."""
        made = tuple(self.vendor.gpu() for _ in range(gpus))
        names = tuple(os.urandom(8) for _ in range(gpus)) + (bytes(8),) * (8 - gpus)
        return Hgx(made, names, tuple(self.switch() for _ in range(switches)))

    def rim(self, **wish: Any) -> bytes:
        """Signed reference measurements of a BIOS; `wish` is that of `Nvidia.rim`, and `version`."""
        version = wish.pop("version", BIOS)
        return self.vendor.rim(version, range(len(SWITCH_MEASUREMENTS)), **{"product": "TEST switch", **wish})

    def collateral(self, *boards: Hgx) -> Collateral:
        """All that a verdict on these boards takes."""
        items = dict(self.vendor.collateral(*(gpu for board in boards for gpu in board.gpus)).items)
        items[RIM_NAME] = self.rim()
        for switch in (switch for board in boards for switch in board.switches):
            for subject, issuer in zip(switch.chain[1:], switch.chain[2:], strict=False):
                name = f"nvidia/ocsp/{subject.fingerprint}.der"
                if name not in items:
                    items[name] = self.vendor.good(subject, issuer)
        return Collateral(items)


@cache
def switches() -> Switches:
    """One vendor for a test run."""
    return Switches(nvidia())
