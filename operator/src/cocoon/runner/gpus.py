"""GPUs that only Triton's container has, asked through Triton: by a model of ours that asks the driver.

Kata gives device nodes and the driver's library to the container that asks for GPUs, and that is Triton's. What comes
back needs no trust in who passed it on: GPUs sign their reports, and those answer a nonce that no other TEE has
(docs/adr/0015).
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from msgspec import structs

from cocoon.api.evidence import GpuEvidence
from cocoon.attest import nvml_reports
from cocoon.attest.collect import Collector
from cocoon.attest.hardware import HardwareCollector
from cocoon.attest.tsm import TeeFailure
from cocoon.runner.tensors import decode
from cocoon.runner.triton import Call, Tensor, Triton, TritonError

NAME: Final = "cocoon-gpu-evidence"
_CONFIG: Final = f"""name: "{NAME}"
backend: "python"
max_batch_size: 0
input {{ name: "nonce", data_type: TYPE_UINT8, dims: [32] }}
output {{ name: "evidence", data_type: TYPE_STRING, dims: [1] }}
instance_group {{ kind: KIND_CPU, count: 1 }}
"""
_MODEL: Final = '''"""Asks the GPUs of this container for evidence; written here by the runner."""
import base64
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import numpy
import nvml_reports
import pynvml
import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        nonce = triton.get_input_tensor_by_name(request, "nonce").as_numpy().tobytes()
        try:
            found = nvml_reports.reports(pynvml, nonce)
        except nvml_reports.GpuFailure as failure:
            return triton.InferenceResponse(error=triton.TritonError(str(failure)))
        text = json.dumps([[base64.b64encode(part).decode() for part in each] for each in found])
        answer = triton.Tensor("evidence", numpy.array([text.encode()], dtype=object))
        return triton.InferenceResponse([answer])
'''


class TritonGpus:
    """`Gpus` of cocoon.attest.hardware; `models` is the folder that Triton loads from."""

    def __init__(self, triton: Triton, models: Path, library: ModuleType | None = None) -> None:
        self._triton = triton
        self._folder = models / NAME
        self._library = library

    async def evidence(self, nonce: bytes) -> tuple[GpuEvidence, ...]:
        """Reports about these 32 bytes. Raises TeeFailure."""
        try:
            if not await self._triton.ready(NAME):
                await asyncio.to_thread(self._write)  # a volume may be slow
                await self._triton.load(NAME)
            asked = Call(NAME, (Tensor("nonce", "UINT8", (len(nonce),), nonce),))
            ((answer,),) = await self._triton.infer(asked)
            return _read(answer)
        except (TritonError, OSError, ValueError) as error:
            raise TeeFailure(f"GPUs can't be asked through Triton: {str(error)[:500]}") from None

    def _write(self) -> None:
        for name, text in self._files().items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _files(self) -> Mapping[str, str]:
        library = self._library or importlib.import_module("pynvml")
        return {
            "config.pbtxt": _CONFIG,
            "1/model.py": _MODEL,
            "1/nvml_reports.py": inspect.getsource(nvml_reports),
            "1/pynvml.py": inspect.getsource(library),
        }


def through_triton(collector: Collector, triton: Triton, models: Path, gpus: int) -> Collector:
    """The collector; one of hardware asks through Triton for GPUs that the server has and this container has not."""
    if not gpus or not isinstance(collector, HardwareCollector) or collector.gpus is not None:
        return collector
    return structs.replace(collector, gpus=TritonGpus(triton, models))


def _read(answer: Tensor) -> tuple[GpuEvidence, ...]:
    (text,) = decode("BYTES", answer.content)
    return tuple(GpuEvidence(b64decode(report), b64decode(chain)) for report, chain in json.loads(text))
