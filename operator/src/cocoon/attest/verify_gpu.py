"""The verdict on the GPUs' own evidence."""

from __future__ import annotations

from cocoon.attest.case import Case
from cocoon.attest.findings import Findings


def verify(case: Case, findings: Findings) -> None:
    """Check all GPUs; what is wrong goes to `findings`."""
    if case.policy.require_gpu:
        findings.check(bool(case.bundle.gpus), "GpuEvidenceMissing", "The policy asks for the GPUs' own evidence.")
