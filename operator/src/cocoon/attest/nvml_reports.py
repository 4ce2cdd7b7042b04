"""What is asked of NVIDIA's management library, on its own: this file also runs inside Triton (cocoon.runner.gpus).

So it imports nothing but the standard library; `nvml` is the module `pynvml`, or what stands in for it.
"""

import ctypes
from typing import Any


class GpuFailure(Exception):
    """GPUs can't be asked; the message is a sentence that says what to do."""


def reports(nvml: Any, nonce: bytes) -> list[tuple[bytes, bytes]]:  # noqa: ANN401 - a module without types
    """A report and a certificate chain of each GPU, about these 32 bytes. Raises GpuFailure."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise GpuFailure(f"GPUs can't be asked ({error}): check the NVIDIA driver of this guest.") from None
    try:
        _check_mode(nvml)
        count = nvml.nvmlDeviceGetCount()
        if not count:
            raise GpuFailure("The driver knows no GPU: check that the Pod was given one.")
        return [_one(nvml, index, nonce) for index in range(count)]
    except nvml.NVMLError as error:
        raise GpuFailure(f"A GPU did not attest itself ({error}): check its driver and VBIOS.") from None
    finally:
        nvml.nvmlShutdown()


def _check_mode(nvml: Any) -> None:  # noqa: ANN401 - a module without types
    state = nvml.nvmlSystemGetConfComputeState()
    if state.ccFeature != nvml.NVML_CC_SYSTEM_FEATURE_ENABLED and not _is_protected_pcie(nvml):
        raise GpuFailure("Confidential computing is off on the GPUs: label their node nvidia.com/cc.mode=on.")
    if state.devToolsMode != nvml.NVML_CC_SYSTEM_DEVTOOLS_MODE_OFF:
        raise GpuFailure("The GPUs are in developer mode, which lets tools read them: set their mode to on.")


def _is_protected_pcie(nvml: Any) -> bool:  # noqa: ANN401 - a module without types
    """Whether that mode is on, which NVIDIA's own verifier takes for enough where the feature itself reads as off."""
    settings = nvml.c_nvmlSystemConfComputeSettings_v1_t()
    try:
        nvml.nvmlSystemGetConfComputeSettings(ctypes.byref(settings))
    except nvml.NVMLError:
        return False  # a driver that knows no such mode
    return bool(settings.multiGpuMode == nvml.NVML_CC_SYSTEM_MULTIGPU_PROTECTED_PCIE)


def _one(nvml: Any, index: int, nonce: bytes) -> tuple[bytes, bytes]:  # noqa: ANN401 - a module without types
    device = nvml.nvmlDeviceGetHandleByIndex(index)
    report = nvml.nvmlDeviceGetConfComputeGpuAttestationReport(device, nonce)
    chain = nvml.nvmlDeviceGetConfComputeGpuCertificate(device)
    return (
        bytes(report.attestationReport[: report.attestationReportSize]),
        bytes(chain.attestationCertChain[: chain.attestationCertChainSize]),
    )
