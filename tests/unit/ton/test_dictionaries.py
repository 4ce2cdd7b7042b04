"""Dictionaries that change in place are those that ton-core builds anew."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from ton_core import Cell, HashMap, begin_cell

from cocoon.ton.localton.dictionaries import path_to, plain_dictionary, uint_bits
from cocoon.ton.localton.proofs import Shown, merkle_proof

KEYS = st.dictionaries(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), min_size=1, max_size=60)


def _value(number: int) -> Cell:
    return begin_cell().store_uint(number, 32).end_cell()


def _built(rows: dict[int, int]) -> Cell:
    return plain_dictionary({key: _value(number) for key, number in rows.items()}, 16)


@settings(max_examples=100)
@given(KEYS)
def test_it_is_the_library_s(rows: dict[int, int]) -> None:
    library = HashMap(16, value_serializer=lambda value, builder: builder.store_ref(_value(value)))
    for key, number in rows.items():
        library.set_int_key(key, number)
    expected = library.serialize()
    assert expected is not None
    assert _built(rows).hash == expected.hash


@settings(max_examples=100)
@given(KEYS, st.integers(0, 2**16 - 1))
def test_a_key_is_found_where_it_is(rows: dict[int, int], key: int) -> None:
    _, leaf = path_to(_built(rows), uint_bits(key, 16), 16)
    assert (leaf is not None) == (key in rows)
    if leaf is not None:
        assert leaf.refs[0].hash == _value(rows[key]).hash


@settings(max_examples=50)
@given(KEYS, st.integers(0, 2**16 - 1))
def test_a_proof_has_the_hash_of_the_whole_and_shows_the_path_only(rows: dict[int, int], key: int) -> None:
    root = _built(rows)
    path, _ = path_to(root, uint_bits(key, 16), 16)
    proof = merkle_proof(root, Shown.along(path))
    shown = proof.refs[0]
    assert shown.get_hash(0) == root.hash
    for step in path:
        assert not shown.is_exotic
        shown = shown.refs[step]
    assert not shown.is_exotic
