"""Tensors between JSON and Triton's raw form, with the datatypes of the KServe v2 protocol.

JSON has no NaN and no infinities: an input with them can't be read, and an output's are written as the strings "NaN",
"Infinity" and "-Infinity", as Protocol Buffers' JSON mapping does. BF16 has no JSON form that all clients agree on.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

_INTEGERS: Final[dict[str, np.dtype[Any]]] = {
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
}
_FLOATS: Final[dict[str, np.dtype[Any]]] = {"FP16": np.dtype("<f2"), "FP32": np.dtype("<f4"), "FP64": np.dtype("<f8")}
_NUMBERS: Final[dict[str, np.dtype[Any]]] = {**_INTEGERS, **_FLOATS, "BOOL": np.dtype("?")}
_LISTS: Final[dict[str, Any]] = {
    **dict.fromkeys(_INTEGERS, list[int]),
    **dict.fromkeys(_FLOATS, list[float]),
    "BOOL": list[bool],
    "BYTES": list[str],
}
_FLAT: Final = {name: msgspec.json.Decoder(kind) for name, kind in _LISTS.items()}
_LENGTH: Final = struct.Struct("<I")
_DEEPEST: Final = 16


class TensorError(ValueError):
    """The tensor is not what its datatype or shape says; the message is a part of a sentence."""


def encode(datatype: str, shape: Sequence[int], data: msgspec.Raw) -> tuple[bytes, list[Any]]:
    """JSON data, flat or nested, as Triton's raw form, and the flat values. Raises TensorError."""
    if datatype not in _FLAT:
        raise TensorError(f"datatype {datatype[:16]!r} is not supported")
    values = _values(datatype, data)
    if len(values) != math.prod(shape):
        raise TensorError(f"{len(values)} values do not fill the shape {list(shape)}")
    return (encode_bytes(values) if datatype == "BYTES" else _encode_numbers(datatype, values)), values


def encode_bytes(values: Sequence[str]) -> bytes:
    """Strings as a BYTES tensor: each in UTF-8 after its length. Raises TensorError for lone surrogates."""
    try:
        raw = [value.encode() for value in values]
    except UnicodeEncodeError:
        raise TensorError("a string is no valid Unicode") from None
    return b"".join(_LENGTH.pack(len(value)) + value for value in raw)


def _values(datatype: str, data: msgspec.Raw) -> list[Any]:
    try:
        flat: list[Any] = _FLAT[datatype].decode(data)
    except msgspec.ValidationError:
        return _flatten(datatype, data)
    return flat


def _flatten(datatype: str, data: msgspec.Raw) -> list[Any]:
    values = msgspec.json.decode(data)
    for _ in range(_DEEPEST):
        if not isinstance(values, list):
            raise TensorError("data is not an array")
        if not any(isinstance(value, list) for value in values):
            break
        values = _unnested(values)
    try:
        flat: list[Any] = msgspec.convert(values, _LISTS[datatype])
    except msgspec.ValidationError as error:
        raise TensorError(f"data is not all {datatype}: {str(error)[:120]}") from None
    return flat


def _unnested(values: list[Any]) -> list[Any]:
    if len({len(value) if isinstance(value, list) else -1 for value in values}) != 1:
        raise TensorError("data is nested unevenly")
    return [inner for value in values for inner in value]


def _encode_numbers(datatype: str, values: list[Any]) -> bytes:
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, dtype=_NUMBERS[datatype])
    except OverflowError:
        raise TensorError(f"a number does not fit in {datatype}") from None
    if datatype in _FLOATS and not np.isfinite(array).all():
        raise TensorError(f"a number does not fit in {datatype}")
    return array.tobytes()


def decode(datatype: str, content: bytes) -> list[Any]:
    """Raw form as flat JSON values. Raises TensorError for BYTES that are no UTF-8 and for datatypes without a form."""
    if datatype == "BYTES":
        return _texts(content)
    if datatype not in _NUMBERS:
        raise TensorError(f"datatype {datatype} has no JSON form")
    array = np.frombuffer(content, dtype=_NUMBERS[datatype])
    values: list[Any] = array.tolist()
    if datatype in _FLOATS and not np.isfinite(array).all():
        return [value if math.isfinite(value) else _unusual(value) for value in values]
    return values


def _unusual(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _texts(content: bytes) -> list[str]:
    try:
        return [value.decode() for value in split_bytes(content)]
    except UnicodeDecodeError:
        raise TensorError("BYTES that are no UTF-8 have no JSON form") from None


def split_bytes(content: bytes) -> list[bytes]:
    """The elements of a BYTES tensor. Raises TensorError if the lengths do not add up."""
    values: list[bytes] = []
    position = 0
    while position < len(content):
        if position + 4 > len(content):
            raise TensorError("a BYTES tensor is cut off")
        (length,) = _LENGTH.unpack_from(content, position)
        position += 4 + length
        if position > len(content):
            raise TensorError("a BYTES tensor is cut off")
        values.append(content[position - length : position])
    return values


def join_bytes(values: Sequence[bytes]) -> bytes:
    """Elements as a BYTES tensor."""
    return b"".join(_LENGTH.pack(len(value)) + value for value in values)
