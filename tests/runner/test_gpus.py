"""GPUs and NVSwitches that only Triton has, asked through a real Triton."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest
from msgspec import structs

from cocoon.api.evidence import GpuEvidence, SwitchEvidence
from cocoon.attest.collect import SoftwareCollector
from cocoon.attest.hardware import HardwareCollector
from cocoon.attest.nvml import Nvml
from cocoon.attest.tsm import TeeFailure, Tsm
from cocoon.runner.gpus import TritonGpus, TritonSwitches, through_triton
from cocoon.runner.triton_grpc import GrpcTriton
from tests.runner import fake_nscq, fake_pynvml
from tests.runner.fake_triton import FakeTriton
from tests.triton_fixtures import TritonServer, running_triton

NONCE = bytes(range(32))
ANSWERED = tuple(GpuEvidence(bytes([gpu]) + NONCE, b"chain" + bytes([gpu])) for gpu in range(2))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TritonServer]:
    with running_triton(
        tmp_path, arguments=("--grpc-restricted-protocol=model-repository:cocoon-control=key",)
    ) as found:
        yield found


@pytest.mark.triton
async def test_both_gpus_answer_this_very_nonce_and_after_a_restart_again(server: TritonServer) -> None:
    async with GrpcTriton(server.grpc_url, "key") as triton:
        gpus = TritonGpus(triton, server.model_repository, fake_pynvml)
        assert await gpus.evidence(NONCE) == ANSWERED
        assert (await gpus.evidence(NONCE[::-1]))[1].report == b"\1" + NONCE[::-1]
        server.restart()
        assert await gpus.evidence(NONCE) == ANSWERED


@pytest.mark.triton
async def test_switches_answer_beside_gpus_and_say_what_is_wrong(server: TritonServer, tmp_path: Path) -> None:
    async with GrpcTriton(server.grpc_url, "key") as triton:
        found = await TritonSwitches(triton, server.model_repository, fake_nscq).evidence(NONCE)
        assert found == tuple(SwitchEvidence(b"%d" % number + NONCE, b"chain%d" % number) for number in range(4))
        assert await TritonGpus(triton, server.model_repository, fake_pynvml).evidence(NONCE) == ANSWERED
        await triton.unload("cocoon-switch-evidence")
        open_still = changed(fake_nscq, tmp_path, "MODE = 3", "MODE = 1")
        with pytest.raises(
            TeeFailure, match=r"NVSwitches can't be asked through Triton: .*0 is not locked in protected"
        ):
            await TritonSwitches(triton, server.model_repository, open_still).evidence(NONCE)


@pytest.mark.triton
async def test_a_triton_without_the_switches_library(server: TritonServer) -> None:
    async with GrpcTriton(server.grpc_url, "key") as triton:
        with pytest.raises(TeeFailure, match=r"through Triton: .*have libnvidia-nscq of the driver's version"):
            await TritonSwitches(triton, server.model_repository).evidence(NONCE)


def changed(module: ModuleType, folder: Path, old: str, new: str) -> ModuleType:
    """A copy of the library with something changed in it."""
    path = folder / "changed_library.py"
    assert module.__file__
    path.write_text(Path(module.__file__).read_text().replace(old, new))
    spec = importlib.util.spec_from_file_location("changed_library", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.triton
async def test_what_is_wrong_with_the_gpus_is_told_in_a_sentence(server: TritonServer, tmp_path: Path) -> None:
    async with GrpcTriton(server.grpc_url, "key") as triton:
        off = changed(fake_pynvml, tmp_path, "FEATURE = 1", "FEATURE = 0")
        with pytest.raises(TeeFailure, match="Confidential computing is off on the GPUs: label their node"):
            await TritonGpus(triton, server.model_repository, off).evidence(NONCE)


def test_only_hardware_that_has_no_gpus_of_its_own_asks_through_triton(tmp_path: Path) -> None:
    triton = FakeTriton()
    guest = HardwareCollector(tee="tdx", cpu=Tsm())
    found = through_triton(guest, triton, tmp_path, 1)
    assert isinstance(found, HardwareCollector)
    assert isinstance(found.gpus, TritonGpus)
    assert isinstance(found.switches, TritonSwitches)
    assert through_triton(guest, triton, tmp_path, 0) is guest
    with_nvml = structs.replace(guest, gpus=Nvml())
    assert through_triton(with_nvml, triton, tmp_path, 1) is with_nvml
    software = SoftwareCollector()
    assert through_triton(software, triton, tmp_path, 1) is software


async def test_a_triton_that_is_away(tmp_path: Path) -> None:
    triton = FakeTriton()
    with pytest.raises(TeeFailure, match="GPUs can't be asked through Triton"):
        await TritonGpus(triton, tmp_path, fake_pynvml).evidence(NONCE)
    with pytest.raises(TeeFailure, match="NVSwitches can't be asked through Triton"):
        await TritonSwitches(triton, tmp_path, fake_nscq).evidence(NONCE)
