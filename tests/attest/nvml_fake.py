"""NVIDIA's management library as far as confidential GPUs use it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

from cocoon.api.evidence import GpuEvidence


class FakeNvml:
    """Stands in for the module pynvml; buffers are longer than what is in them, as the real ones are."""

    class NVMLError(Exception):
        """What the library raises."""

    NVML_CC_SYSTEM_FEATURE_ENABLED: ClassVar[int] = 1
    NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF: ClassVar[int] = 0
    NVML_CC_SYSTEM_MULTIGPU_PROTECTED_PCIE: ClassVar[int] = 1

    class c_nvmlSystemConfComputeSettings_v1_t(ctypes.Structure):  # noqa: N801 - the library's name
        """What the driver fills in, as far as it is looked at."""

        _fields_ = (("multiGpuMode", ctypes.c_uint),)

    def __init__(self, sign: Callable[[int, bytes], GpuEvidence], count: int) -> None:
        self.sign, self.count = sign, count
        self.open, self.feature, self.developing, self.together, self.broken = 0, 1, 0, 0, ""

    def nvmlInit(self) -> None:  # noqa: N802 - the library's name
        if self.broken == "driver":
            raise self.NVMLError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802 - the library's name
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - the library's name
        return self.count

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802 - the library's name
        return index

    def nvmlSystemGetConfComputeState(self) -> SimpleNamespace:  # noqa: N802 - the library's name
        return SimpleNamespace(ccFeature=self.feature, devToolsMode=self.developing)

    def nvmlSystemGetConfComputeSettings(self, settings: Any) -> None:  # noqa: N802 - a pointer; the library's name
        if self.broken == "settings":
            raise self.NVMLError("Function Not Found")
        settings._obj.multiGpuMode = self.together

    def nvmlDeviceGetConfComputeGpuAttestationReport(  # noqa: N802 - the library's name
        self, device: int, nonce: bytes
    ) -> SimpleNamespace:
        if self.broken == "report":
            raise self.NVMLError("Timeout")
        assert len(nonce) == 32
        self._last = self.sign(device, nonce)
        report = self._last.report
        return SimpleNamespace(attestationReport=[*report, *bytes(99)], attestationReportSize=len(report))

    def nvmlDeviceGetConfComputeGpuCertificate(self, device: int) -> SimpleNamespace:  # noqa: N802 - the library's name
        chain = self._last.chain
        return SimpleNamespace(attestationCertChain=[*chain, *bytes(99)], attestationCertChainSize=len(chain))
