"""A runner beside a real Triton, or beside a fake one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cocoon.api.runner import ModelAssignment
from cocoon.runner.triton_grpc import GrpcTriton
from tests.runner import https_files, kit
from tests.runner.fake_triton import FakeTriton
from tests.triton_fixtures import TritonServer


@pytest.fixture
async def operator(private_triton: TritonServer, tmp_path: Path) -> AsyncIterator[kit.Operator]:
    """A runner whose Triton the test may kill."""
    chosen = kit.settings(tmp_path, COCOON_TRITON_GRPC=private_triton.grpc_url)
    async with GrpcTriton(chosen.triton_grpc) as triton, kit.running(chosen, triton) as operator:
        yield operator


@pytest.fixture
def fake() -> FakeTriton:
    return FakeTriton()


@pytest.fixture
async def files() -> AsyncIterator[https_files.Files]:
    async with https_files.serving() as files:
        yield files


#: Settings of a runner that may open the test's own HTTPS server.
OPEN = {"COCOON_ALLOW_PRIVATE_ADDRESSES": "true", "COCOON_CA_BUNDLE": https_files.IDENTITY.certificate.decode()}


@pytest.fixture
async def quick(fake: FakeTriton, tmp_path: Path) -> AsyncIterator[kit.Operator]:
    """A runner beside a fake Triton, which may open addresses of this machine."""
    async with kit.running(kit.settings(tmp_path, **OPEN), fake) as operator:
        yield operator


@pytest.fixture
async def echo(quick: kit.Operator, tmp_path: Path) -> ModelAssignment:
    """The echo model, ready at `quick`."""
    model = kit.offer(tmp_path, kit.MODELS / "echo")
    assert (await quick.load(model)).state == "Ready"
    return model
