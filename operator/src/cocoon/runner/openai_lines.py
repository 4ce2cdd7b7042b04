"""OpenAI batch lines: what `/v1/embeddings` and `/v1/completions` ask of a model that says which tensors hold text.

The model says so in its config.pbtxt, by `parameters`: `cocoon_text_input`, `cocoon_embedding_output`,
`cocoon_text_output`, `cocoon_max_tokens_input`. A field that would change the answer and can't be honoured is refused,
never ignored. Source: OpenAI's API reference, "The request input object" of the Batch API.
"""

from __future__ import annotations

from typing import Final, Literal, TypeVar

import msgspec
from msgspec import Raw, Struct

from cocoon.runner import tensors
from cocoon.runner.triton import Signature, Tensor, TensorSpec

TEXT_INPUT: Final = "cocoon_text_input"
EMBEDDING_OUTPUT: Final = "cocoon_embedding_output"
TEXT_OUTPUT: Final = "cocoon_text_output"
MAX_TOKENS_INPUT: Final = "cocoon_max_tokens_input"
_MOST_TEXTS: Final = 2_048
_T = TypeVar("_T")


class OpenAIError(ValueError):
    """The line asks for something that can't be done; the message is a part of a sentence."""


class Asked(Struct, frozen=True):
    """What a batch line asks of Triton."""

    form: Literal["embeddings", "completions"]
    tensors: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    texts: tuple[str, ...]
    limit: int = 0


class _Embeddings(Struct, frozen=True, forbid_unknown_fields=True):
    input: str | list[str]
    model: str = ""
    encoding_format: Literal["float"] = "float"
    user: str = ""


class _Completion(Struct, frozen=True, forbid_unknown_fields=True):
    prompt: str | list[str]
    model: str = ""
    max_tokens: int | None = None
    n: Literal[1] = 1
    stream: bool = False
    user: str = ""


def read(url: str, body: Raw, model: str, signature: Signature) -> Asked:
    """The request in a batch line's `url` and `body`. Raises OpenAIError, tensors.TensorError, msgspec errors."""
    match url:
        case "/v1/embeddings":
            return _embeddings(_body(body, _Embeddings), model, signature)
        case "/v1/completions":
            return _completion(_body(body, _Completion), model, signature)
    raise OpenAIError(f"url is {url[:80]!r}, known are /v1/embeddings and /v1/completions")


def _body(body: Raw, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise OpenAIError(f"body: {str(error)[:200]}") from None


def _embeddings(body: _Embeddings, model: str, signature: Signature) -> Asked:
    _check_model(body.model, model)
    texts = [body.input] if isinstance(body.input, str) else body.input
    output = _declared(signature, EMBEDDING_OUTPUT, "/v1/embeddings")
    return Asked("embeddings", (_text_tensor(texts, signature),), (output,), tuple(texts))


def _completion(body: _Completion, model: str, signature: Signature) -> Asked:
    _check_model(body.model, model)
    if body.stream:
        raise OpenAIError("a batch can't be streamed")
    texts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    if len(texts) != 1:
        raise OpenAIError("a completion takes exactly one prompt")
    output = _declared(signature, TEXT_OUTPUT, "/v1/completions")
    given = [_text_tensor(texts, signature)]
    if body.max_tokens is not None:
        given.append(_limit_tensor(body.max_tokens, signature))
    return Asked("completions", tuple(given), (output,), tuple(texts), body.max_tokens or 0)


def _check_model(asked: str, model: str) -> None:
    if asked and asked != model:
        raise OpenAIError(f"body.model is {asked[:80]!r}, the job is for {model!r}")


def _declared(signature: Signature, key: str, url: str) -> str:
    name = signature.parameters.get(key)
    if not name:
        raise OpenAIError(f"the model does not answer {url}: its config.pbtxt declares no {key}")
    return name


def _spec(signature: Signature, name: str) -> TensorSpec:
    for spec in signature.inputs:
        if spec.name == name:
            return spec
    raise OpenAIError(f"the model's config.pbtxt declares {name!r}, which is none of its inputs")


def _text_tensor(texts: list[str], signature: Signature) -> Tensor:
    spec = _spec(signature, _declared(signature, TEXT_INPUT, "OpenAI lines"))
    if not 1 <= len(texts) <= _MOST_TEXTS:
        raise OpenAIError(f"there are {len(texts)} texts, known are 1 to {_MOST_TEXTS}")
    return Tensor(spec.name, "BYTES", _shape(len(texts), spec, signature.batch), tensors.encode_bytes(texts))


def _shape(count: int, spec: TensorSpec, batch: int) -> tuple[int, ...]:
    """One text per row of the batch; without a batch, one per element of the only dimension."""
    if batch and count <= batch and all(dim in (-1, 1) for dim in spec.dims):
        return (count, *(1 for _ in spec.dims))
    if not batch and len(spec.dims) == 1 and spec.dims[0] in (-1, count):
        return (count,)
    raise OpenAIError(f"the model does not take {count} texts at once")


def _limit_tensor(limit: int, signature: Signature) -> Tensor:
    spec = _spec(signature, _declared(signature, MAX_TOKENS_INPUT, "max_tokens"))
    if limit < 1:
        raise OpenAIError("max_tokens is not positive")
    shape = (1, *(1 for _ in spec.dims)) if signature.batch else (1,) * len(spec.dims)
    content, _ = tensors.encode(spec.datatype, (1,), Raw(b"[%d]" % limit))
    return Tensor(spec.name, spec.datatype, shape, content)
