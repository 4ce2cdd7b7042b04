"""A Triton that echoes, without a server: held to the same contract tests as the real one (test_triton_contract.py).

It obeys what the echo model obeys (tests/triton_models/echo): `#fail REASON`, `#exit`, `#kill`; and `#wait` waits until
the test calls `release`.
"""

from __future__ import annotations

import asyncio

from cocoon.runner.tensors import split_bytes
from cocoon.runner.triton import (
    Call,
    LoadFailed,
    Lost,
    ModelDown,
    Signature,
    Tensor,
    TensorSpec,
    TritonError,
)

ECHO = Signature(
    inputs=(
        TensorSpec("text", "BYTES", (-1,), optional=True),
        TensorSpec("floats", "FP32", (-1,), optional=True),
        TensorSpec("integers", "INT32", (-1,), optional=True),
    ),
    outputs=(
        TensorSpec("text", "BYTES", (-1,)),
        TensorSpec("floats", "FP32", (-1,)),
        TensorSpec("integers", "INT32", (-1,)),
    ),
    parameters={"cocoon_text_input": "text", "cocoon_text_output": "text"},
)


class FakeTriton:
    """In memory. `alive` is the server, `loaded` its models and whether their processes live."""

    def __init__(self, signature: Signature = ECHO) -> None:
        self.signature = signature
        self.alive = True
        self.loaded: dict[str, bool] = {}
        self.counts: dict[str, int] = {}
        self.miscount = 0
        self.most_in_flight = 0
        self._in_flight = 0
        self._gate = asyncio.Event()
        self.waiting = asyncio.Event()

    def release(self) -> None:
        """Let every `#wait` go on, and those to come."""
        self._gate.set()

    def kill(self) -> None:
        """The server dies with all its models."""
        self.alive = False
        self.loaded.clear()

    def restart(self) -> None:
        """The server is there again, without a model."""
        self.alive = True

    async def live(self) -> bool:
        return self.alive

    async def load(self, model: str) -> None:
        self._check()
        if model == "broken":
            raise LoadFailed("this model is broken on purpose")
        self.loaded[model] = True
        self.counts[model] = 0

    async def unload(self, model: str) -> None:
        self._check()
        self.loaded.pop(model, None)

    async def ready(self, model: str) -> bool:
        self._check()
        return model in self.loaded

    async def describe(self, model: str) -> Signature:
        self._check()
        return self.signature

    async def executed(self, model: str) -> int:
        self._check()
        return self.counts[model] + self.miscount

    async def infer(self, call: Call) -> list[tuple[Tensor, ...]]:
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return await self._infer(call)
        finally:
            self._in_flight -= 1

    async def _infer(self, call: Call) -> list[tuple[Tensor, ...]]:
        self._check(call.model)
        for tensor in call.tensors:
            if tensor.datatype == "BYTES":
                for text in split_bytes(tensor.content):
                    await self._obey(call.model, text.decode())
        await asyncio.sleep(0)
        self._check(call.model)
        self.counts[call.model] += 1
        wanted = call.outputs or tuple(tensor.name for tensor in call.tensors)
        return [tuple(tensor for tensor in call.tensors if tensor.name in wanted)]

    def _check(self, model: str | None = None) -> None:
        if not self.alive:
            raise Lost("failed to connect")
        if model is None:
            return
        if model not in self.loaded:
            raise Lost(f"unknown model {model}")
        if not self.loaded[model]:
            raise ModelDown("Stub process is not healthy.")

    async def _obey(self, model: str, text: str) -> None:
        match text.split(maxsplit=1):
            case ["#fail", *reason]:
                raise TritonError(" ".join(reason))
            case ["#exit"]:
                self.loaded[model] = False
                self._check(model)
            case ["#kill"]:
                self.kill()
                self._check(model)
            case ["#wait"]:
                self.waiting.set()
                await self._gate.wait()
