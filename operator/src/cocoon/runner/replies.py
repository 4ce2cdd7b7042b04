"""What Triton answered, as one line of output in the form that the item was asked in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from cocoon.runner import tensors
from cocoon.runner.items import Identity, Item
from cocoon.runner.openai_lines import EMBEDDING_OUTPUT, TEXT_OUTPUT
from cocoon.runner.triton import Signature, Tensor

_ENCODER: Final = msgspec.json.Encoder()
_LONGEST_REASON: Final = 500


def merge(responses: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """The responses of a stream as one: single strings are joined, other tensors follow each other.

    Raises tensors.TensorError if responses of different shapes can't follow each other.
    """
    if len(responses) == 1:
        return responses[0]
    names = list(dict.fromkeys(tensor.name for response in responses for tensor in response))
    return tuple(_merge([t for response in responses for t in response if t.name == name]) for name in names)


def _merge(parts: list[Tensor]) -> Tensor:
    first = parts[0]
    content = b"".join(part.content for part in parts)
    if first.datatype == "BYTES" and all(part.shape == (1,) for part in parts):
        return Tensor(first.name, "BYTES", (1,), tensors.join_bytes([b"".join(tensors.split_bytes(content))]))
    if any(part.datatype != first.datatype or part.shape[1:] != first.shape[1:] or not part.shape for part in parts):
        raise tensors.TensorError(f"the responses' shapes of output {first.name!r} do not fit together")
    return Tensor(first.name, first.datatype, (sum(part.shape[0] for part in parts), *first.shape[1:]), content)


def texts_of(answer: Sequence[Tensor], signature: Signature) -> list[str]:
    """The texts in the output that the model declares as text; bytes that are no UTF-8 are replaced."""
    name = signature.parameters.get(TEXT_OUTPUT)
    return [text for tensor in answer if tensor.name == name for text in _lenient(tensor)]


def _lenient(tensor: Tensor) -> list[str]:
    if tensor.datatype != "BYTES":
        return []
    return [value.decode(errors="replace") for value in tensors.split_bytes(tensor.content)]


class Replies:
    """Renders the answers of one job."""

    def __init__(self, model: str, signature: Signature, created: int) -> None:
        self._model = model
        self._signature = signature
        self._text = signature.parameters.get(TEXT_OUTPUT)
        self._embedding = signature.parameters.get(EMBEDDING_OUTPUT)
        self._created = created

    def answer(self, item: Item, answer: Sequence[Tensor], prompt_tokens: int, completion_tokens: int) -> bytes:
        """The answer's line, with its end. Raises tensors.TensorError if it has no JSON form."""
        if item.form == "kserve":
            return self._line(self._kserve(item, answer))
        tokens = {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens + completion_tokens}
        if item.form == "embeddings":
            return self._response(item, self._embeddings(item, answer, tokens))
        tokens["completion_tokens"] = completion_tokens
        return self._response(item, self._completion(item, answer, tokens))

    def error(self, number: int, identity: Identity, code: str, message: str) -> bytes:
        """A failed item's line, with its end."""
        error = {"code": code, "message": message[:_LONGEST_REASON]}
        if identity.openai:
            line = {"id": f"batch_req_{number}", "custom_id": identity.id, "response": None, "error": error}
            return self._line(line)
        return self._line({"id": identity.id, "error": error})

    def _kserve(self, item: Item, answer: Sequence[Tensor]) -> dict[str, Any]:
        outputs = [
            {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape, "data": self._values(tensor)}
            for tensor in answer
        ]
        return {"id": item.id, "model_name": self._model, "outputs": outputs}

    def _values(self, tensor: Tensor) -> list[Any]:
        return _lenient(tensor) if tensor.name == self._text else tensors.decode(tensor.datatype, tensor.content)

    def _embeddings(self, item: Item, answer: Sequence[Tensor], tokens: dict[str, int]) -> dict[str, Any]:
        rows = [
            {"object": "embedding", "index": index, "embedding": row}
            for index, row in enumerate(_rows(self._only(answer, self._embedding)))
        ]
        if len(rows) != len(item.texts):
            raise tensors.TensorError(f"the model answered {len(item.texts)} texts with {len(rows)} embeddings")
        return {"object": "list", "data": rows, "model": self._model, "usage": tokens}

    def _completion(self, item: Item, answer: Sequence[Tensor], tokens: dict[str, int]) -> dict[str, Any]:
        text = "".join(_lenient(self._only(answer, self._text)))
        reason = "length" if item.limit and tokens["completion_tokens"] >= item.limit else "stop"
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
        return {
            "id": f"cmpl-{item.number}",
            "object": "text_completion",
            "created": self._created,
            "model": self._model,
            "choices": [choice],
            "usage": tokens,
        }

    def _only(self, answer: Sequence[Tensor], name: str | None) -> Tensor:
        for tensor in answer:
            if tensor.name == name:
                return tensor
        raise tensors.TensorError(f"the model did not answer with its output {name!r}")

    def _response(self, item: Item, body: dict[str, Any]) -> bytes:
        name = f"batch_req_{item.number}"
        response = {"status_code": 200, "request_id": name, "body": body}
        return self._line({"id": name, "custom_id": item.id, "response": response, "error": None})

    @staticmethod
    def _line(value: dict[str, Any]) -> bytes:
        return _ENCODER.encode(value) + b"\n"


def _rows(tensor: Tensor) -> list[list[Any]]:
    values = tensors.decode(tensor.datatype, tensor.content)
    width = tensor.shape[-1] if tensor.shape else 0
    if width < 1:
        raise tensors.TensorError(f"output {tensor.name!r} has no rows")
    return [values[start : start + width] for start in range(0, len(values), width)]
