"""Tensors between JSON and raw form."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from cocoon.runner import tensors
from cocoon.runner.replies import merge
from cocoon.runner.triton import Tensor

LIMITS = {f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)} | {
    f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)
}


def encode(datatype: str, values: Any, shape: list[int] | None = None) -> bytes:
    raw = msgspec.Raw(json.dumps(values).encode())
    return tensors.encode(datatype, shape or [len(values)], raw)[0]


@pytest.mark.parametrize(("datatype", "limits"), LIMITS.items())
def test_integers_at_their_limits(datatype: str, limits: tuple[int, int]) -> None:
    assert tensors.decode(datatype, encode(datatype, list(limits))) == list(limits)
    for beyond in (limits[0] - 1, limits[1] + 1, 10**30):
        with pytest.raises(tensors.TensorError, match="does not fit"):
            encode(datatype, [beyond])


@pytest.mark.parametrize(("datatype", "beyond"), [("FP16", 1e5), ("FP32", 1e39), ("FP32", -1e39)])
def test_floats_beyond_their_limits(datatype: str, beyond: float) -> None:
    with pytest.raises(tensors.TensorError, match="does not fit"):
        encode(datatype, [beyond])


@given(some.lists(some.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_floats_survive(values: list[float]) -> None:
    assert tensors.decode("FP32", encode("FP32", values)) == values


@given(some.lists(some.text(some.characters(codec="utf-8"))))
def test_strings_survive(values: list[str]) -> None:
    assert tensors.decode("BYTES", encode("BYTES", values)) == values


def test_outputs_that_json_lacks_are_strings() -> None:
    raw = np.array([math.nan, math.inf, -math.inf, 1], "<f4").tobytes()
    assert tensors.decode("FP32", raw) == ["NaN", "Infinity", "-Infinity", 1.0]


def test_nested_and_flat_are_the_same() -> None:
    assert encode("INT32", [[1, 2], [3, 4]], [2, 2]) == encode("INT32", [1, 2, 3, 4])
    assert encode("BOOL", [True, False]) == b"\x01\x00"


@pytest.mark.parametrize(
    ("datatype", "values"),
    [("INT32", [1.5]), ("INT32", ["1"]), ("BOOL", [1]), ("BYTES", [1]), ("FP32", [None]), ("FP32", [[1], 2])],
)
def test_values_of_another_type_are_refused(datatype: str, values: Any) -> None:
    with pytest.raises(tensors.TensorError):
        encode(datatype, values)


@pytest.mark.parametrize("content", [b"\x01", b"\x02\x00\x00\x00x", b"\xff\xff\xff\xff"])
def test_strings_that_are_cut_off_are_refused(content: bytes) -> None:
    with pytest.raises(tensors.TensorError, match="cut off"):
        tensors.split_bytes(content)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(tensors.TensorError, match="UTF-8"):
        tensors.decode("BYTES", tensors.join_bytes([b"\xff"]))


def text(value: bytes) -> Tensor:
    return Tensor("text", "BYTES", (1,), tensors.join_bytes([value]))


def test_a_stream_of_texts_is_one_text() -> None:
    assert merge([(text(b"a"),), (text("ü".encode()[:1]),), (text("ü".encode()[1:]),)]) == (text("aü".encode()),)


def test_a_stream_of_numbers_is_one_tensor() -> None:
    one, two = Tensor("n", "INT8", (1, 2), b"ab"), Tensor("n", "INT8", (2, 2), b"cdef")
    assert merge([(one,), (two,)]) == (Tensor("n", "INT8", (3, 2), b"abcdef"),)
    with pytest.raises(tensors.TensorError, match="do not fit together"):
        merge([(one,), (Tensor("n", "INT8", (1, 3), b"abc"),)])
