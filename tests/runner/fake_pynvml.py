"""Two GPUs that answer with what they were asked; runs inside Triton, so it imports nothing of ours."""

from types import SimpleNamespace

NVML_CC_SYSTEM_FEATURE_ENABLED = 1
NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF = 0
#: Changed in a copy of this file.
FEATURE = 1


class NVMLError(Exception):
    """What the library raises."""


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
