"""One line of input as one inference request: a KServe v2 request, or an OpenAI batch line.

Everything that can be known to be wrong is said here, before Triton sees it, by the model's own configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from cocoon.runner import openai_lines, tensors
from cocoon.runner.lines import Line
from cocoon.runner.triton import Parameter, Signature, Tensor, TensorSpec

Form = Literal["kserve", "embeddings", "completions"]
_LONGEST_ID: Final = 512


class Refused(Exception):
    """The line is no valid item. `detail` goes into its error line, beside the id as far as it could be read."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Identity(Struct, frozen=True):
    """What names an item in its answer, whichever form it has."""

    id: str | None = None
    openai: bool = False


class Item(Struct, frozen=True):
    """A valid item. `texts` are its prompts, for the meter; `limit` is the most completion tokens it asks for."""

    number: int
    form: Form
    id: str | None
    tensors: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = {}
    texts: tuple[str, ...] = ()
    limit: int = 0

    @property
    def identity(self) -> Identity:
        """What names it in its answer."""
        return Identity(self.id, self.form != "kserve")


class _Input(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    datatype: str
    shape: list[int]
    data: Raw


class _Output(Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class _Request(Struct, frozen=True):
    """Either form: an OpenAI batch line is one that has a `custom_id`."""

    id: str | None = None
    inputs: list[_Input] | None = None
    outputs: list[_Output] = []
    parameters: dict[str, Parameter] = {}
    custom_id: str | UnsetType = UNSET
    method: str = "POST"
    url: str = ""
    body: Raw = Raw(b"")


class _Identity(Struct, frozen=True):
    id: object = None
    custom_id: object = UNSET


class Parser:
    """Parses the lines of one job for one model."""

    def __init__(self, model: str, signature: Signature, longest: int) -> None:
        self._model = model
        self._signature = signature
        self._inputs = {spec.name: spec for spec in signature.inputs}
        self._outputs = {spec.name for spec in signature.outputs}
        self._required = {spec.name for spec in signature.inputs if not spec.optional}
        self._text = signature.parameters.get("cocoon_text_input", "")
        self._longest = longest
        self._decoder = msgspec.json.Decoder(_Request)
        self._identities = msgspec.json.Decoder(_Identity)

    def parse(self, line: Line) -> Item:
        """The item. Raises Refused."""
        if line.too_long:
            raise Refused(f"the line has more than {self._longest} bytes")
        if not line.content.strip():
            raise Refused("the line is blank")
        try:
            request = self._decoder.decode(line.content)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise Refused(f"the line is no inference request: {str(error)[:200]}") from None
        try:
            return self._openai(line, request) if request.custom_id is not UNSET else self._kserve(line, request)
        except (tensors.TensorError, openai_lines.OpenAIError) as error:
            raise Refused(str(error)) from None
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise Refused(f"the line can't be read: {str(error)[:200]}") from None

    def identify(self, line: Line) -> Identity:
        """The id of a refused line, as far as it has one."""
        try:
            found = self._identities.decode(line.content)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return Identity()
        openai = found.custom_id is not UNSET
        name = found.custom_id if openai else found.id
        return Identity(name if isinstance(name, str) and len(name) <= _LONGEST_ID else None, openai)

    def _kserve(self, line: Line, request: _Request) -> Item:
        if not request.inputs:
            raise Refused("the request has no inputs")
        if request.id is not None and len(request.id) > _LONGEST_ID:
            raise Refused(f"the id has more than {_LONGEST_ID} characters")
        self._check_names(request.inputs, request.outputs)
        if any(name.startswith("triton_") for name in request.parameters):
            raise Refused("parameters whose names begin with triton_ are reserved")
        texts: list[str] = []
        encoded = [self._encode(tensor, texts) for tensor in request.inputs]
        return Item(
            number=line.number,
            form="kserve",
            id=request.id,
            tensors=tuple(encoded),
            outputs=tuple(output.name for output in request.outputs),
            parameters=request.parameters,
            texts=tuple(texts),
        )

    def _check_names(self, inputs: list[_Input], outputs: list[_Output]) -> None:
        names = [tensor.name for tensor in inputs]
        if len(set(names)) != len(names):
            raise Refused("an input is given twice")
        if missing := self._required - set(names):
            raise Refused(f"input {min(missing)!r} is missing")
        if unknown := [output.name for output in outputs if output.name not in self._outputs]:
            raise Refused(f"the model has no output {unknown[0][:80]!r}")

    def _encode(self, given: _Input, texts: list[str]) -> Tensor:
        spec = self._inputs.get(given.name)
        if spec is None:
            raise Refused(f"the model has no input {given.name[:80]!r}")
        if given.datatype != spec.datatype:
            raise Refused(f"input {spec.name!r} is {given.datatype[:16]}, the model takes {spec.datatype}")
        if not fits(given.shape, spec, self._signature.batch):
            raise Refused(f"input {spec.name!r} has the shape {given.shape[:8]}, the model takes {self._wanted(spec)}")
        try:
            content, values = tensors.encode(given.datatype, given.shape, given.data)
        except tensors.TensorError as error:
            raise Refused(f"input {spec.name!r}: {error}") from None
        if spec.name == self._text:
            texts.extend(values)
        return Tensor(spec.name, spec.datatype, tuple(given.shape), content)

    def _wanted(self, spec: TensorSpec) -> list[int]:
        return [-1, *spec.dims] if self._signature.batch else list(spec.dims)

    def _openai(self, line: Line, request: _Request) -> Item:
        if not isinstance(request.custom_id, str) or len(request.custom_id) > _LONGEST_ID:
            raise Refused(f"custom_id has more than {_LONGEST_ID} characters")
        if request.method != "POST":
            raise Refused(f"method is {request.method[:16]!r}, only POST is known")
        asked = openai_lines.read(request.url, request.body, self._model, self._signature)
        return Item(
            number=line.number,
            form=asked.form,
            id=request.custom_id,
            tensors=asked.tensors,
            outputs=asked.outputs,
            texts=asked.texts,
            limit=asked.limit,
        )


def fits(shape: list[int], spec: TensorSpec, batch: int) -> bool:
    """Whether the shape is one that the model takes: its batch within `batch`, every fixed dimension as declared."""
    if any(size < 0 for size in shape):
        return False
    if batch:
        if not shape or not 1 <= shape[0] <= batch:
            return False
        shape = shape[1:]
    return len(shape) == len(spec.dims) and all(dim in (-1, size) for size, dim in zip(shape, spec.dims, strict=True))
