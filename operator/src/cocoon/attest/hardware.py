"""Collecting evidence on real hardware: the GPUs first, as the CPU vouches for what they said.

NVSwitches are asked if a GPU is in protected PCIe mode: then, and only then, verifiers want their evidence.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from cocoon.api.evidence import FORMAT, Bundle, GpuEvidence, Keys, Role, SwitchEvidence, Tee
from cocoon.api.trust import Trust
from cocoon.attest import gpu_report
from cocoon.attest.bundle import Devices, bind, gpu_nonce, switch_nonce
from cocoon.attest.collect import Collector, SoftwareCollector
from cocoon.attest.nscq import Nscq
from cocoon.attest.nvml import Nvml
from cocoon.attest.spdm import MalformedReport
from cocoon.attest.tsm import CpuReport, TeeFailure, Tsm

#: `auto` takes a TEE where there is one, and the software stand-in elsewhere if test roots are allowed.
Choice = Literal["auto", "tee", "software"]


def read_choice(text: str) -> Choice:
    """Raises ValueError."""
    choices: dict[str, Choice] = {"auto": "auto", "tee": "tee", "software": "software"}
    if text not in choices:
        raise ValueError(f"{text!r} is not auto, tee or software")
    return choices[text]


class Cpu(Protocol):
    """What makes the CPU's report."""

    async def report(self, data: bytes) -> CpuReport:
        """A report about these 64 bytes. Raises TeeFailure."""


class Gpus(Protocol):
    """What makes the GPUs' reports."""

    async def evidence(self, nonce: bytes) -> tuple[GpuEvidence, ...]:
        """Reports about these 32 bytes. Raises TeeFailure."""


class Switches(Protocol):
    """What makes the NVSwitches' reports."""

    async def evidence(self, nonce: bytes) -> tuple[SwitchEvidence, ...]:
        """Reports about these 32 bytes. Raises TeeFailure."""


class HardwareCollector(Struct, frozen=True, kw_only=True):
    """Evidence of a TDX or SEV-SNP guest, of its GPUs, if it has any, and of the switches between them."""

    tee: Tee
    cpu: Cpu
    gpus: Gpus | None = None
    switches: Switches | None = None
    role: Role = "runner"
    trust: Trust = Trust.HARDWARE

    async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
        """A fresh bundle. Raises TeeFailure, which is an OSError."""
        asked = gpu_nonce(self.role, nonce, keys, payee)
        gpus = await self.gpus.evidence(asked) if self.gpus is not None else ()
        asked = switch_nonce(self.role, nonce, keys, payee)
        switches = await self.switches.evidence(asked) if self.switches is not None and _rest_on_switches(gpus) else ()
        found = await self.cpu.report(bind(self.role, nonce, keys, payee, Devices(gpus, switches)))
        return Bundle(
            format=FORMAT,
            role=self.role,
            nonce=nonce,
            keys=keys,
            payee=payee,
            tee=found.tee,
            cpu=found.report,
            endorsements=found.endorsements,
            gpus=gpus,
            switches=switches,
        )


def _rest_on_switches(gpus: tuple[GpuEvidence, ...]) -> bool:
    """Whether one says that it is in protected PCIe mode; what can't be read is the verifier's to complain of."""
    for gpu in gpus:
        try:
            if gpu_report.parse(gpu.report).mode == "PPCIE":
                return True
        except MalformedReport:
            continue
    return False


async def choose(
    choice: Choice, *, test_roots: bool, role: Role = "runner", tsm: Tsm | None = None, nvml: Nvml | None = None
) -> Collector:
    """The collector of this machine. Raises TeeFailure if there is none that may be used."""
    cpu, gpus = tsm or Tsm(), nvml or Nvml()
    if choice == "tee" or (choice == "auto" and cpu.is_there()):
        first = await cpu.report(bytes(64))  # also shows early, and in the log, that the TEE works
        if not gpus.is_there():
            return HardwareCollector(tee=first.tee, cpu=cpu, role=role)
        return HardwareCollector(tee=first.tee, cpu=cpu, gpus=gpus, switches=Nscq(), role=role)
    if not test_roots:
        where = "This machine is no TDX or SEV-SNP guest (configfs-tsm is not there)."
        raise TeeFailure(f"{where} Development evidence needs COCOON_TEST_ROOTS=true.")
    return SoftwareCollector(role=role)
