"""Whether GPUs and NVSwitches in protected PCIe mode make one whole machine, with nobody unknown in between.

There NVLink carries data in the clear, so all that it leads to must be attested: eight GPUs and four switches, as
NVIDIA's own verifier has it (nvtrust, ppcie-verifier). Each GPU names the switches behind its links: they must be
exactly those that show evidence. Each switch names the GPUs on its ports: as many as show evidence, and all switches
the same. A GPU's report does not tell its own identifier, so that the GPUs on the ports are those that show evidence
follows from the other direction: they are connected to these switches, and there is no further one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cocoon.api.evidence import Bundle
from cocoon.attest.findings import Findings
from cocoon.attest.verify_gpu import Gpu
from cocoon.attest.verify_switch import Switch

#: What an HGX board of Hopper has.
GPUS: Final = 8
SWITCHES: Final = 4


def check(bundle: Bundle, gpus: Sequence[Gpu], switches: Sequence[Switch], findings: Findings) -> None:
    """Note what is missing, unknown or connected to something else; `gpus` and `switches` are those that were read."""
    if not any(gpu.report.mode == "PPCIE" for gpu in gpus):
        text = "There is evidence of NVSwitches, and no GPU is in protected PCIe mode: nothing vouches for them."
        findings.check(not bundle.switches, "SwitchUnexpected", text)
        return
    text = f"Protected PCIe takes all {GPUS} GPUs of a board; there is evidence of {len(bundle.gpus)}."
    findings.check(len(bundle.gpus) == GPUS, "GpuCount", text)
    if not findings.check(bool(bundle.switches), "SwitchEvidenceMissing", _BARE):
        return
    text = f"There is evidence of {len(bundle.switches)} NVSwitches instead of {SWITCHES}."
    findings.check(len(bundle.switches) == SWITCHES, "SwitchCount", text)
    _check_links(gpus, switches, findings)
    _check_ports(len(bundle.gpus), switches, findings)


_BARE: Final = (
    "The GPUs are in protected PCIe mode, where NVLink is in the clear, and no NVSwitch shows evidence: give the guest "
    f"the board's {SWITCHES} switches and their library (libnvidia-nscq), or set the mode to on."
)


def _check_links(gpus: Sequence[Gpu], switches: Sequence[Switch], findings: Findings) -> None:
    shown = frozenset(switch.report.identifier for switch in switches)
    for gpu in gpus:
        unknown, missing = sorted(gpu.report.switches - shown), sorted(shown - gpu.report.switches)
        text = f"{gpu.name} is connected to NVSwitches without evidence ({', '.join(unknown[:8])})."
        findings.check(not unknown, "SwitchTopology", text)
        text = f"{gpu.name} is not connected to NVSwitches that show evidence ({', '.join(missing[:8])})."
        findings.check(not missing, "SwitchTopology", text)


def _check_ports(gpus: int, switches: Sequence[Switch], findings: Findings) -> None:
    for switch in switches:
        connected = len(switch.report.gpus)
        text = f"{switch.name} is connected to {connected} GPUs; there is evidence of {gpus}."
        findings.check(connected == gpus, "SwitchTopology", text)
    alike = len({switch.report.gpus for switch in switches}) <= 1
    findings.check(alike, "SwitchTopology", "The NVSwitches are not all connected to the same GPUs.")
