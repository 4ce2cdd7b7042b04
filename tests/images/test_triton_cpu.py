"""The development server as a process: both real models answer, and the test models do what tests need of them."""

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc.aio as client
from tokenizers import Tokenizer
from tritonclient.utils import InferenceServerException

from cocoon.api.model_archive import digest_model_directory, unpack_model_archive
from imagebuild import models
from tests.triton_fixtures import TEST_MODELS, TritonServer, prepare, running_triton

pytestmark = pytest.mark.triton


@pytest.fixture
async def grpc(triton: TritonServer) -> AsyncIterator[client.InferenceServerClient]:
    async with client.InferenceServerClient(triton.grpc_url) as channel:
        yield channel


def tensor(name: str, kind: str, values: list[Any]) -> client.InferInput:
    array = np.array(values, dtype={"BYTES": object, "INT32": np.int32, "FP32": np.float32}[kind])
    item = client.InferInput(name, list(array.shape), kind)
    item.set_data_from_numpy(array)
    return item


def texts(*values: str, name: str = "text") -> client.InferInput:
    return tensor(name, "BYTES", [value.encode() for value in values])


async def parameters(grpc: client.InferenceServerClient, model: str) -> dict[str, str]:
    answer = await grpc.get_model_config(model)
    return {name: value.string_value for name, value in answer.config.parameters.items()}


async def test_minilm_puts_like_sentences_near_each_other(
    grpc: client.InferenceServerClient, triton: TritonServer
) -> None:
    await grpc.load_model("minilm")
    sentences = ["A man is eating food.", "Someone is having a meal.", "Kubernetes schedules pods on GPU nodes."]
    answer = await grpc.infer("minilm", [texts(*sentences)])
    embedding = answer.as_numpy("embedding")
    assert embedding.shape == (3, 384)
    assert np.allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    like, unlike = embedding[0] @ embedding[1], embedding[0] @ embedding[2]
    assert math.isclose(like, 0.689, abs_tol=0.001)
    assert math.isclose(unlike, 0.037, abs_tol=0.001)
    tokenizer = Tokenizer.from_file(str(triton.model_repository / "minilm" / "tokenizer.json"))
    assert answer.as_numpy("tokens").tolist() == [len(tokenizer.encode(text).ids) for text in sentences]
    alone = await grpc.infer("minilm", [texts(sentences[0])])
    assert np.allclose(alone.as_numpy("embedding")[0], embedding[0], atol=1e-5)


async def test_minilm_counts_a_long_text_as_it_reads_it(
    grpc: client.InferenceServerClient, triton: TritonServer
) -> None:
    await grpc.load_model("minilm")
    answer = await grpc.infer("minilm", [texts("word " * 1000)])
    tokenizer = Tokenizer.from_file(str(triton.model_repository / "minilm" / "tokenizer.json"))
    assert answer.as_numpy("tokens").tolist() == [len(tokenizer.encode("word " * 1000).ids)] == [256]


async def test_minilm_refuses_what_is_no_text(grpc: client.InferenceServerClient) -> None:
    await grpc.load_model("minilm")
    with pytest.raises(InferenceServerException, match="not UTF-8"):
        await grpc.infer("minilm", [tensor("text", "BYTES", [b"\xff"])])
    with pytest.raises(InferenceServerException, match="257 texts"):
        await grpc.infer("minilm", [texts(*["x"] * 257)])


async def stream(grpc: client.InferenceServerClient, prompt: str, count: int) -> list[bytes]:
    async def requests() -> AsyncIterator[dict[str, Any]]:
        inputs = [texts(prompt, name="text_input"), tensor("max_tokens", "INT32", [count])]
        yield {"model_name": "tinylm", "inputs": inputs}

    pieces: list[bytes] = []
    async for answer, error in grpc.stream_infer(requests()):
        if error is not None:
            raise error
        pieces += answer.as_numpy("text_output").tolist()
        if len(pieces) == count:
            break
    return pieces


async def test_tinylm_streams_one_byte_a_response(grpc: client.InferenceServerClient, triton: TritonServer) -> None:
    await grpc.load_model("tinylm")
    pieces = await stream(grpc, "The ", 300)  # longer than the context: generation goes on from its later half
    assert [len(piece) for piece in pieces] == [1] * 300
    assert b"".join(pieces).startswith(b"mad-propert\nabove for the work")
    tokenizer = Tokenizer.from_file(str(triton.model_repository / "tinylm" / "tokenizer.json"))
    assert len(tokenizer.encode(b"".join(pieces).decode()).ids) == 300


@pytest.mark.parametrize("text", ["", "plain", "Zürich, 東京 🚀 and\r\n\ttabs  two spaces", "\x00\x7f<s>[CLS]"])
def test_tinylm_counts_bytes(triton: TritonServer, text: str) -> None:
    tokenizer = Tokenizer.from_file(str(triton.model_repository / "tinylm" / "tokenizer.json"))
    assert tokenizer.encode(text).ids == list(text.encode())


@pytest.mark.parametrize("count", [0, 5000])
async def test_tinylm_refuses_a_length_out_of_bounds(grpc: client.InferenceServerClient, count: int) -> None:
    await grpc.load_model("tinylm")
    with pytest.raises(InferenceServerException, match=f"max_tokens is {count}"):
        await stream(grpc, "The ", count)


async def test_models_say_which_tensors_hold_text(grpc: client.InferenceServerClient) -> None:
    for model in ("minilm", "tinylm"):
        await grpc.load_model(model)
    embeds = await parameters(grpc, "minilm")
    assert (embeds["cocoon_text_input"], embeds["cocoon_embedding_output"]) == ("text", "embedding")
    assert await parameters(grpc, "tinylm") == {
        "cocoon_text_input": "text_input",
        "cocoon_max_tokens_input": "max_tokens",
        "cocoon_text_output": "text_output",
    }


async def test_echo_gives_back_what_it_gets(grpc: client.InferenceServerClient) -> None:
    await grpc.load_model("echo")
    answer = await grpc.infer(
        "echo", [texts("ä", "b"), tensor("floats", "FP32", [1.5]), tensor("integers", "INT32", [7])]
    )
    assert answer.as_numpy("text").tolist() == ["ä".encode(), b"b"]
    assert (answer.as_numpy("floats").tolist(), answer.as_numpy("integers").tolist()) == ([1.5], [7])
    with pytest.raises(InferenceServerException, match="no luck"):
        await grpc.infer("echo", [texts("#fail no luck")])


async def test_serving_writes_nothing_into_a_model(grpc: client.InferenceServerClient, triton: TritonServer) -> None:
    await grpc.load_model("echo")
    await grpc.infer("echo", [texts("hello")])
    assert digest_model_directory(triton.model_repository / "echo") == digest_model_directory(TEST_MODELS / "echo")


async def test_a_published_archive_is_a_model_that_loads(tmp_path: Path) -> None:
    prepare()
    archive, digest = models.archives()["tinylm"]
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == digest
    assert archive.with_name("tinylm.tar.sha256").read_text() == f"{digest}  tinylm.tar\n"
    with running_triton(tmp_path) as server, archive.open("rb") as file:
        assert unpack_model_archive(file, server.model_repository) == "tinylm"
        assert digest_model_directory(server.model_repository / "tinylm") == digest
        async with client.InferenceServerClient(server.grpc_url) as grpc:
            await grpc.load_model("tinylm")
            assert len(await stream(grpc, "The ", 3)) == 3


async def test_model_control_can_be_kept_to_those_who_know_a_secret(tmp_path: Path) -> None:
    restrictions = ("grpc-restricted-protocol", "http-restricted-api")
    flags = tuple(f"--{flag}=model-repository:cocoon=secret" for flag in restrictions)
    with running_triton(tmp_path, "echo", arguments=flags) as server:
        async with client.InferenceServerClient(server.grpc_url) as grpc:
            with pytest.raises(InferenceServerException, match="cocoon"):
                await grpc.load_model("echo")
            await grpc.load_model("echo", headers={"triton-grpc-protocol-cocoon": "secret"})
            assert (await grpc.infer("echo", [texts("open")])).as_numpy("text").tolist() == [b"open"]


async def test_broken_can_not_be_loaded(grpc: client.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="broken on purpose"):
        await grpc.load_model("broken")


@pytest.mark.parametrize("order", ["#exit", "#kill"])
async def test_a_server_that_died_can_be_started_again(private_triton: TritonServer, order: str) -> None:
    async with client.InferenceServerClient(private_triton.grpc_url) as grpc:
        await grpc.load_model("echo")
        with pytest.raises(InferenceServerException):
            await grpc.infer("echo", [texts(order)])
    await asyncio.to_thread(private_triton.restart)
    async with client.InferenceServerClient(private_triton.grpc_url) as grpc:
        await grpc.load_model("echo")
        answer = await grpc.infer("echo", [texts("again")])
        assert answer.as_numpy("text").tolist() == [b"again"]
