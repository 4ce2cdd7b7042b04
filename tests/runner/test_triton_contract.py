"""The port's contract, held by the fake and by the real Triton alike."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cocoon.runner.tensors import decode, encode_bytes
from cocoon.runner.triton import Call, LoadFailed, Lost, ModelDown, Tensor, Triton, TritonError
from cocoon.runner.triton_grpc import GrpcTriton
from cocoon.runner.triton_metrics import triton_figures
from tests.runner.fake_triton import FakeTriton
from tests.triton_fixtures import running_triton


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.triton)])
async def triton(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Triton]:
    if request.param == "fake":
        yield FakeTriton()
        return
    flags = ("--grpc-restricted-protocol=model-repository:cocoon-control=key",)
    with running_triton(tmp_path, "echo", "broken", arguments=flags) as server:
        async with GrpcTriton(server.grpc_url, "key") as triton:
            yield triton


def call(*texts: str) -> Call:
    return Call("echo", (Tensor("text", "BYTES", (len(texts),), encode_bytes(texts)),))


async def test_it_loads_and_answers(triton: Triton) -> None:
    assert await triton.live()
    assert not await triton.ready("echo")
    await triton.load("echo")
    assert await triton.ready("echo")
    ((answer,),) = await triton.infer(call("a", "ü"))
    assert (answer.name, answer.shape, decode("BYTES", answer.content)) == ("text", (2,), ["a", "ü"])
    while await triton.executed("echo") < 1:  # the real one counts after it has answered
        pass
    assert await triton.executed("echo") == 1


async def test_it_describes_a_model(triton: Triton) -> None:
    await triton.load("echo")
    signature = await triton.describe("echo")
    assert {(spec.name, spec.datatype, spec.dims, spec.optional) for spec in signature.inputs} == {
        ("text", "BYTES", (-1,), True),
        ("floats", "FP32", (-1,), True),
        ("integers", "INT32", (-1,), True),
    }
    assert (signature.batch, signature.streamed) == (0, False)
    assert signature.parameters["cocoon_text_input"] == "text"


async def test_only_the_outputs_asked_for_come_back(triton: Triton) -> None:
    await triton.load("echo")
    floats = Tensor("floats", "FP32", (1,), struct.pack("<f", 0.5))
    asked = Call("echo", (*call("a").tensors, floats), outputs=("floats",))
    ((answer,),) = await triton.infer(asked)
    assert answer == floats


async def test_a_models_error_is_no_loss(triton: Triton) -> None:
    await triton.load("echo")
    with pytest.raises(TritonError, match="no such luck") as caught:
        await triton.infer(call("#fail no such luck"))
    assert type(caught.value) is TritonError
    await triton.infer(call("still there"))


async def test_a_broken_model_cannot_be_loaded(triton: Triton) -> None:
    with pytest.raises(LoadFailed, match="broken on purpose"):
        await triton.load("broken")


async def test_an_unknown_model_is_lost(triton: Triton) -> None:
    with pytest.raises(Lost):
        await triton.infer(call("a"))
    await triton.unload("echo")


async def test_a_dead_model_process_is_told_from_a_dead_server(triton: Triton) -> None:
    await triton.load("echo")
    with pytest.raises(ModelDown):
        await triton.infer(call("#exit"))
    assert await triton.live()
    await triton.unload("echo")
    await triton.load("echo")
    await triton.infer(call("again"))


async def test_a_dead_server_is_lost(triton: Triton) -> None:
    await triton.load("echo")
    with pytest.raises(Lost):
        await triton.infer(call("#kill"))
    assert not await triton.live()
    with pytest.raises(Lost):
        await triton.ready("echo")


@pytest.mark.triton
async def test_model_control_needs_the_key(tmp_path: Path) -> None:
    flags = ("--grpc-restricted-protocol=model-repository:cocoon-control=key",)
    with running_triton(tmp_path, "echo", arguments=flags) as server:
        async with GrpcTriton(server.grpc_url, "wrong") as triton:
            with pytest.raises(LoadFailed):
                await triton.load("echo")


@pytest.mark.triton
async def test_the_real_one_s_figures_can_be_passed_on(tmp_path: Path) -> None:
    with running_triton(tmp_path, "echo") as server:
        async with GrpcTriton(server.grpc_url, "") as triton:
            await triton.load("echo")
            await triton.infer(call("a"))
            figures = await triton_figures(server.metrics_url.removeprefix("http://").removesuffix("/metrics"))
    assert 'nv_inference_request_success{model="echo",version="1"}' in figures
