"""Two GPUs that answer with what they were asked; runs inside Triton, so it imports nothing of ours."""

import ctypes
from types import SimpleNamespace
from typing import Any

NVML_CC_SYSTEM_FEATURE_ENABLED = 1
NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF = 0
NVML_CC_SYSTEM_MULTIGPU_PROTECTED_PCIE = 1
#: Changed in a copy of this file.
FEATURE = 1


class NVMLError(Exception):
    """What the library raises."""


class c_nvmlSystemConfComputeSettings_v1_t(ctypes.Structure):  # noqa: N801 - the library's name
    """What the driver fills in, as far as it is looked at."""

    _fields_ = (("multiGpuMode", ctypes.c_uint),)


def nvmlSystemGetConfComputeSettings(settings: Any) -> None:  # noqa: N802 - a pointer; the library's name
    """No mode for several GPUs."""
    settings._obj.multiGpuMode = 0


def nvmlInit() -> None:  # noqa: N802 - the library's name
    """Nothing."""


def nvmlShutdown() -> None:  # noqa: N802 - the library's name
    """Nothing."""


def nvmlDeviceGetCount() -> int:  # noqa: N802 - the library's name
    """Two."""
    return 2


def nvmlDeviceGetHandleByIndex(index: int) -> int:  # noqa: N802 - the library's name
    """The number itself."""
    return index


def nvmlSystemGetConfComputeState() -> SimpleNamespace:  # noqa: N802 - the library's name
    """On, if FEATURE is."""
    return SimpleNamespace(ccFeature=FEATURE, devToolsMode=0)


def nvmlDeviceGetConfComputeGpuAttestationReport(device: int, nonce: bytes) -> SimpleNamespace:  # noqa: N802 - the library's name
    """A buffer that is longer than what is in it."""
    report = [device, *nonce, *bytes(9)]
    return SimpleNamespace(attestationReport=report, attestationReportSize=33)


def nvmlDeviceGetConfComputeGpuCertificate(device: int) -> SimpleNamespace:  # noqa: N802 - the library's name
    """The same."""
    return SimpleNamespace(attestationCertChain=[*b"chain", device, *bytes(9)], attestationCertChainSize=6)
