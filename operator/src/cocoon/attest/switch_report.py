"""What an NVSwitch (LS10) says of itself in its signed measurements (cocoon.attest.spdm).

The numbers of the fields are those of NVIDIA's nvtrust (attestation_sdk, nv_switch_verifier): 6 is the BIOS version as
text, 22 the switch's own identifier, 26 the identifiers of eight GPUs and then, per port, which of them is behind it.
Position, disabled ports and lock status are there too; how the last is written NVIDIA does not say, so it is not read.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from cocoon.attest import spdm
from cocoon.attest.spdm import Fields, MalformedReport, Message

_BIOS, _OWN, _GPUS = 6, 22, 26
#: How many GPUs the field has room for.
GPUS: Final = 8
#: The one board that there is: project, its SKU and the chip's. Reports do not tell it; nvtrust takes it as given, too.
BOARD: Final = "5612_0002_890"


class SwitchReport(Message, frozen=True, kw_only=True):
    """`identifier` is its own, `gpus` are those of the GPUs connected (hex)."""

    bios: str
    identifier: str
    gpus: frozenset[str]


def parse(raw: bytes) -> SwitchReport:
    """Read a report. Raises MalformedReport."""
    message, fields = spdm.parse(raw)
    return SwitchReport(
        **asdict(message), bios=spdm.text(fields, _BIOS), identifier=_identifier(fields), gpus=_gpus(fields)
    )


def _identifier(fields: Fields) -> str:
    found = fields.get(_OWN, b"")
    if len(found) != spdm.PDI_BYTES or not any(found):
        raise MalformedReport("it does not say which switch it is of")
    return found.hex()


def _gpus(fields: Fields) -> frozenset[str]:
    raw = fields.get(_GPUS, b"")[: GPUS * spdm.PDI_BYTES]
    if len(raw) != GPUS * spdm.PDI_BYTES:
        raise MalformedReport("it does not say which GPUs are connected")
    return frozenset(each.hex() for each in spdm.identifiers(raw, _GPUS))
