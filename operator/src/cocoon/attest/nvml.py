"""The GPUs' own evidence from NVIDIA's management library.

`nvidia-ml-py` is imported when it is used: machines without NVIDIA GPUs need neither it nor a driver.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any, Final

from cocoon.api.evidence import GpuEvidence
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
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            raise TeeFailure(f"GPUs can't be asked ({error}): check the NVIDIA driver of this guest.") from None
        try:
            _check_mode(nvml)
            count = nvml.nvmlDeviceGetCount()
            if not count:
                raise TeeFailure("The driver knows no GPU: check that the Pod was given one.")
            return tuple(_one(nvml, index, nonce) for index in range(count))
        except nvml.NVMLError as error:
            raise TeeFailure(f"A GPU did not attest itself ({error}): check its driver and VBIOS.") from None
        finally:
            nvml.nvmlShutdown()


def _check_mode(nvml: Any) -> None:  # noqa: ANN401 - a module without types
    state = nvml.nvmlSystemGetConfComputeState()
    if state.ccFeature != nvml.NVML_CC_SYSTEM_FEATURE_ENABLED:
        raise TeeFailure("Confidential computing is off on the GPUs: label their node nvidia.com/cc.mode=on.")
    if state.devToolsMode != nvml.NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF:
        raise TeeFailure("The GPUs are in developer mode, which lets tools read them: set their mode to on.")


def _one(nvml: Any, index: int, nonce: bytes) -> GpuEvidence:  # noqa: ANN401 - a module without types
    device = nvml.nvmlDeviceGetHandleByIndex(index)
    report = nvml.nvmlDeviceGetConfComputeGpuAttestationReport(device, nonce)
    chain = nvml.nvmlDeviceGetConfComputeGpuCertificate(device)
    return GpuEvidence(
        bytes(report.attestationReport[: report.attestationReportSize]),
        bytes(chain.attestationCertChain[: chain.attestationCertChainSize]),
    )
