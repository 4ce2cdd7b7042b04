"""A runner beside a real Triton."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cocoon.runner.triton_grpc import GrpcTriton
from tests.runner import kit
from tests.triton_fixtures import TritonServer


@pytest.fixture
async def operator(private_triton: TritonServer, tmp_path: Path) -> AsyncIterator[kit.Operator]:
    """A runner whose Triton the test may kill."""
    chosen = kit.settings(tmp_path, COCOON_TRITON_GRPC=private_triton.grpc_url)
    async with GrpcTriton(chosen.triton_grpc) as triton, kit.running(chosen, triton) as operator:
        yield operator
