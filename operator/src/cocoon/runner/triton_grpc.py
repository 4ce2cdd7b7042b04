"""The port's adapter for a real Triton, over gRPC with the stubs of `tritonclient`.

The stubs, not `InferenceServerClient`: a decoupled stream's end is its final flag, which the client's `stream_infer`
does not ask for, and tensors are in raw form here already.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final, Self, TypeAlias

import grpc
import grpc.aio
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from cocoon.runner.triton import Call, LoadFailed, Lost, ModelDown, Signature, Tensor, TensorSpec, TritonError

#: The key's name in `--grpc-restricted-protocol=model-repository:NAME=VALUE`.
CONTROL_KEY_NAME: Final = "cocoon-control"
CONTROL_HEADER: Final = f"triton-grpc-protocol-{CONTROL_KEY_NAME}"
SHORT: Final = 5.0
LOAD: Final = 1_800.0
ITEM: Final = 900.0
_OPTIONS: Final = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
]
#: tritonclient ships no types for its messages.
Protobuf: TypeAlias = Any
_FINAL: Final = "triton_final_response"
_STUB_GONE: Final = re.compile(r"stub process .*is not healthy", re.IGNORECASE)
_NOT_LOADED: Final = re.compile(r"unknown model|is not found|is not ready|has no available versions", re.IGNORECASE)
#: UNAVAILABLE with one of these words is an answer of Triton's, not the lack of one.
_ANSWERED: Final = re.compile(_NOT_LOADED.pattern + "|protocol is restricted", re.IGNORECASE)
_GONE: Final = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


class GrpcTriton:
    """Use as an async context manager: it owns a channel."""

    def __init__(self, target: str, control_key: str = "") -> None:
        self._target = target
        self._metadata = ((CONTROL_HEADER, control_key),) if control_key else ()

    async def __aenter__(self) -> Self:
        self._channel = grpc.aio.insecure_channel(self._target, options=_OPTIONS)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    async def live(self) -> bool:
        """Whether the server answers."""
        try:
            answer = await self._stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=SHORT)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.live)

    async def load(self, model: str) -> None:
        """Load a model."""
        request = service_pb2.RepositoryModelLoadRequest(model_name=model)
        try:
            await self._stub.RepositoryModelLoad(request, timeout=LOAD, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            if _unreachable(error):
                raise Lost(_words(error)) from None
            raise LoadFailed(_words(error)) from None

    async def unload(self, model: str) -> None:
        """Unload a model."""
        request = service_pb2.RepositoryModelUnloadRequest(model_name=model)
        request.parameters["unload_dependents"].bool_param = True
        try:
            await self._stub.RepositoryModelUnload(request, timeout=LOAD, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _translated(error) from None

    async def ready(self, model: str) -> bool:
        """Whether the model is ready."""
        try:
            answer = await self._stub.ModelReady(service_pb2.ModelReadyRequest(name=model), timeout=SHORT)
        except grpc.aio.AioRpcError as error:
            if _unreachable(error):
                raise Lost(_words(error)) from None
            return False
        return bool(answer.ready)

    async def describe(self, model: str) -> Signature:
        """The model's configuration."""
        request = service_pb2.ModelConfigRequest(name=model)
        try:
            answer = await self._stub.ModelConfig(request, timeout=SHORT, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _translated(error) from None
        return _signature(answer.config)

    async def infer(self, call: Call) -> list[tuple[Tensor, ...]]:
        """The responses to one request."""
        try:
            if call.streamed:
                return [_tensors(response) async for response in self._stream(call)]
            return [_tensors(await self._stub.ModelInfer(_request(call), timeout=ITEM))]
        except grpc.aio.AioRpcError as error:
            raise _translated(error) from None

    async def _stream(self, call: Call) -> AsyncIterator[Protobuf]:
        request = _request(call)
        request.parameters["triton_enable_empty_final_response"].bool_param = True
        stream = self._stub.ModelStreamInfer(timeout=ITEM)
        try:
            await stream.write(request)
            async for answer in stream:
                if answer.error_message:
                    raise _failure(answer.error_message)
                response = answer.infer_response
                if response.outputs:
                    yield response
                if response.parameters[_FINAL].bool_param:
                    await stream.done_writing()
                    return
            raise Lost("Triton closed the stream before its final response.")
        finally:
            stream.cancel()

    async def executed(self, model: str) -> int:
        """Triton's own count of successful requests."""
        try:
            answer = await self._stub.ModelStatistics(service_pb2.ModelStatisticsRequest(name=model), timeout=SHORT)
        except grpc.aio.AioRpcError as error:
            raise _translated(error) from None
        return sum(int(stats.inference_stats.success.count) for stats in answer.model_stats)


def _request(call: Call) -> Protobuf:
    request = service_pb2.ModelInferRequest(model_name=call.model)
    for tensor in call.tensors:
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        request.raw_input_contents.append(tensor.content)
    for name in call.outputs:
        request.outputs.add(name=name)
    for name, value in call.parameters.items():
        setattr(request.parameters[name], _field(value), value)
    return request


def _field(value: object) -> str:
    kinds: dict[type, str] = {bool: "bool_param", int: "int64_param", float: "double_param", str: "string_param"}
    return kinds[type(value)]


def _tensors(response: Protobuf) -> tuple[Tensor, ...]:
    if len(response.outputs) != len(response.raw_output_contents):
        raise TritonError("Triton answered with tensors that are not in raw form.")
    pairs = zip(response.outputs, response.raw_output_contents, strict=True)
    return tuple(Tensor(output.name, output.datatype, tuple(output.shape), content) for output, content in pairs)


def _signature(config: Protobuf) -> Signature:
    return Signature(
        inputs=tuple(_spec(tensor, optional=tensor.optional) for tensor in config.input),
        outputs=tuple(_spec(tensor, optional=False) for tensor in config.output),
        batch=config.max_batch_size,
        streamed=config.model_transaction_policy.decoupled,
        parameters={name: value.string_value for name, value in config.parameters.items()},
    )


def _spec(tensor: Protobuf, *, optional: bool) -> TensorSpec:
    kind = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
    return TensorSpec(tensor.name, "BYTES" if kind == "STRING" else kind, tuple(tensor.dims), optional)


def _words(error: grpc.aio.AioRpcError) -> str:
    return str(error.details() or error.code().name)


def _unreachable(error: grpc.aio.AioRpcError) -> bool:
    return error.code() in _GONE and not _ANSWERED.search(_words(error))


def _translated(error: grpc.aio.AioRpcError) -> TritonError:
    if error.code() in _GONE:
        return Lost(_words(error))
    return _failure(_words(error))


def _failure(message: str) -> TritonError:
    if _STUB_GONE.search(message):
        return ModelDown(message)
    if _NOT_LOADED.search(message):
        return Lost(message)
    return TritonError(message)
