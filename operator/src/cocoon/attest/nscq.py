"""The NVSwitches' own evidence from NVIDIA's library for them, which the driver brings."""

from __future__ import annotations

import asyncio
from typing import Any

from cocoon.api.evidence import SwitchEvidence
from cocoon.attest import nscq_library
from cocoon.attest.nscq_reports import SwitchFailure, reports
from cocoon.attest.tsm import TeeFailure


class Nscq:
    """Asks all NVSwitches of this machine. `library` is the module `nscq_library`, or what stands in for it."""

    def __init__(self, library: Any = nscq_library) -> None:  # noqa: ANN401 - a module, or what stands in for it
        self._library = library

    async def evidence(self, nonce: bytes) -> tuple[SwitchEvidence, ...]:
        """A report and a chain of each switch, about these 32 bytes. Raises TeeFailure."""
        try:
            found = await asyncio.to_thread(reports, self._library, nonce)  # the library blocks
        except SwitchFailure as error:
            raise TeeFailure(str(error)) from None
        return tuple(SwitchEvidence(report, chain) for report, chain in found)
