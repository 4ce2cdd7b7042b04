"""GPUs and NVSwitches that only Triton's container has, asked through Triton: by models of ours that ask the driver.

Kata gives device nodes and the driver's libraries to the container that asks for GPUs, and that is Triton's. What comes
back needs no trust in who passed it on: devices sign their reports, and those answer a nonce that no other TEE has
(docs/adr/0015, docs/adr/0017).
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from msgspec import structs

from cocoon.api.evidence import GpuEvidence, SwitchEvidence
from cocoon.attest import nscq_library, nscq_reports, nvml_reports
from cocoon.attest.collect import Collector
from cocoon.attest.hardware import HardwareCollector
from cocoon.attest.tsm import TeeFailure
from cocoon.runner.tensors import decode
from cocoon.runner.triton import Call, Tensor, Triton, TritonError

_CONFIG: Final = """name: "NAME"
backend: "python"
max_batch_size: 0
input { name: "nonce", data_type: TYPE_UINT8, dims: [32] }
output { name: "evidence", data_type: TYPE_STRING, dims: [1] }
instance_group { kind: KIND_CPU, count: 1 }
"""
_MODEL: Final = '''"""Asks devices of this container for evidence; written here by the runner."""
import base64
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import asked
import numpy
import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        nonce = triton.get_input_tensor_by_name(request, "nonce").as_numpy().tobytes()
        try:
            found = asked.reports(asked.library, nonce)
        except asked.Failure as failure:
            return triton.InferenceResponse(error=triton.TritonError(str(failure)))
        text = json.dumps([[base64.b64encode(part).decode() for part in each] for each in found])
        answer = triton.Tensor("evidence", numpy.array([text.encode()], dtype=object))
        return triton.InferenceResponse([answer])
'''


#: What `asked` is for each kind of device.
_GPUS: Final = "import pynvml as library\nfrom nvml_reports import GpuFailure as Failure, reports\n"
_SWITCHES: Final = "import nscq_library as library\nfrom nscq_reports import SwitchFailure as Failure, reports\n"


class _Model:
    """A model of this name in the folder that Triton loads from, which asks devices; `code` is what runs there."""

    def __init__(self, triton: Triton, folder: Path, code: Callable[[], Mapping[str, str]]) -> None:
        self._triton = triton
        self._folder = folder
        self._code = code

    async def ask(self, nonce: bytes, what: str) -> list[tuple[bytes, bytes]]:
        """Reports about these 32 bytes and their certificates. Raises TeeFailure, which says `what` can't be asked."""
        name = self._folder.name
        try:
            if not await self._triton.ready(name):
                await asyncio.to_thread(self._write)  # a volume may be slow
                await self._triton.load(name)
            asked = Call(name, (Tensor("nonce", "UINT8", (len(nonce),), nonce),))
            ((answer,),) = await self._triton.infer(asked)
            return _read(answer)
        except (TritonError, OSError, ValueError) as error:
            raise TeeFailure(f"{what} can't be asked through Triton: {str(error)[:500]}") from None

    def _write(self) -> None:
        files = {"config.pbtxt": _CONFIG.replace("NAME", self._folder.name), "1/model.py": _MODEL}
        files |= {f"1/{name}.py": text for name, text in self._code().items()}
        for name, text in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


class TritonGpus:
    """`Gpus` of cocoon.attest.hardware; `models` is the folder that Triton loads from."""

    def __init__(self, triton: Triton, models: Path, library: ModuleType | None = None) -> None:
        self._model = _Model(triton, models / "cocoon-gpu-evidence", self._code)
        self._library = library

    async def evidence(self, nonce: bytes) -> tuple[GpuEvidence, ...]:
        """Reports about these 32 bytes. Raises TeeFailure."""
        return tuple(GpuEvidence(report, chain) for report, chain in await self._model.ask(nonce, "GPUs"))

    def _code(self) -> Mapping[str, str]:
        library = self._library or importlib.import_module("pynvml")
        return {"asked": _GPUS, "nvml_reports": inspect.getsource(nvml_reports), "pynvml": inspect.getsource(library)}


class TritonSwitches:
    """`Switches` of cocoon.attest.hardware; `models` is the folder that Triton loads from."""

    def __init__(self, triton: Triton, models: Path, library: ModuleType = nscq_library) -> None:
        self._model = _Model(triton, models / "cocoon-switch-evidence", self._code)
        self._library = library

    async def evidence(self, nonce: bytes) -> tuple[SwitchEvidence, ...]:
        """Reports about these 32 bytes. Raises TeeFailure."""
        return tuple(SwitchEvidence(report, chain) for report, chain in await self._model.ask(nonce, "NVSwitches"))

    def _code(self) -> Mapping[str, str]:
        sources = {"nscq_reports": nscq_reports, "nscq_library": self._library}
        return {"asked": _SWITCHES, **{name: inspect.getsource(module) for name, module in sources.items()}}


def through_triton(collector: Collector, triton: Triton, models: Path, gpus: int) -> Collector:
    """The collector; one of hardware asks through Triton for GPUs that the server has and this container has not."""
    if not gpus or not isinstance(collector, HardwareCollector) or collector.gpus is not None:
        return collector
    return structs.replace(collector, gpus=TritonGpus(triton, models), switches=TritonSwitches(triton, models))


def _read(answer: Tensor) -> list[tuple[bytes, bytes]]:
    (text,) = decode("BYTES", answer.content)
    return [(b64decode(report), b64decode(chain)) for report, chain in json.loads(text)]
