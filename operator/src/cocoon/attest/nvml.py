"""The GPUs' own evidence from NVIDIA's management library.

`nvidia-ml-py` is imported when it is used: machines without NVIDIA GPUs need neither it nor a driver.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any, Final

from cocoon.api.evidence import GpuEvidence
from cocoon.attest.nvml_reports import GpuFailure, reports
from cocoon.attest.tsm import TeeFailure

NONCE_BYTES: Final = 32


class Nvml:
    """Asks all GPUs of this machine. `library` is the module `pynvml`, or what stands in for it."""

    def __init__(self, library: Any = None) -> None:  # noqa: ANN401 - a module without types
        self._library = library

    def is_there(self) -> bool:
        """Whether there is a driver with at least one GPU."""
        try:
            nvml = self._load()
            nvml.nvmlInit()
        except Exception:  # noqa: BLE001 - whatever is wrong, there is no GPU to be asked
            return False
        try:
            return bool(nvml.nvmlDeviceGetCount())
        finally:
            nvml.nvmlShutdown()

    async def evidence(self, nonce: bytes) -> tuple[GpuEvidence, ...]:
        """A report and a chain of each GPU, about these 32 bytes. Raises TeeFailure."""
        return await asyncio.to_thread(self._ask, nonce)  # a GPU takes up to seconds, and the library blocks

    def _load(self) -> Any:  # noqa: ANN401 - a module without types
        if self._library is None:
            self._library = importlib.import_module("pynvml")
        return self._library

    def _ask(self, nonce: bytes) -> tuple[GpuEvidence, ...]:
        try:
            nvml = self._load()
        except ImportError:
            raise TeeFailure("GPUs can't be asked: install nvidia-ml-py in the runner's image.") from None
        try:
            return tuple(GpuEvidence(report, chain) for report, chain in reports(nvml, nonce))
        except GpuFailure as error:
            raise TeeFailure(str(error)) from None
