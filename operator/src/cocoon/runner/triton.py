"""Triton as the runner uses it: a port, so that everything else can be tested without a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

Parameter = bool | int | float | str


class Tensor(Struct, frozen=True):
    """One named tensor. `content` is Triton's raw form: row-major, little-endian; BYTES as length (4 bytes) + bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    content: bytes


class Call(Struct, frozen=True):
    """One inference request. `outputs` empty asks for all of them."""

    model: str
    tensors: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    streamed: bool = False


class TensorSpec(Struct, frozen=True):
    """A tensor as the model declares it: -1 is any size; the batch dimension is not among `dims`."""

    name: str
    datatype: str
    dims: tuple[int, ...]
    optional: bool = False


class Signature(Struct, frozen=True):
    """What a model takes and gives. `batch` is its largest batch, 0 if it has no batch dimension."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: int = 0
    streamed: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)


class TritonError(Exception):
    """Triton answered with an error; the message is its own, cut to a sane length."""

    def __init__(self, message: str) -> None:
        super().__init__(message[:1_000])


class Lost(TritonError):
    """Triton can't be reached, or it no longer knows the model: nobody knows whether the call was done."""


class ModelDown(TritonError):
    """The model's process is gone although Triton calls it ready: unload it and load it again."""


class LoadFailed(TritonError):
    """The model can't be loaded."""


class Triton(Protocol):
    """One Triton server. Every call raises Lost if the server can't be reached."""

    async def live(self) -> bool:
        """Whether the server answers; never raises."""

    async def load(self, model: str) -> None:
        """Load a model from the repository, or load it again. Raises LoadFailed."""

    async def unload(self, model: str) -> None:
        """Unload a model; it may be unknown."""

    async def ready(self, model: str) -> bool:
        """Whether the server calls the model ready."""

    async def describe(self, model: str) -> Signature:
        """A loaded model's configuration."""

    async def infer(self, call: Call) -> list[tuple[Tensor, ...]]:
        """The responses to one request: one, or any number if it is streamed. Raises TritonError, ModelDown."""

    async def executed(self, model: str) -> int:
        """How many requests the server counts as successful since it loaded the model."""
