"""Bags of cells: any shape, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ton_core import Cell, begin_cell

from cocoon.ton.cells import BadCells, from_boc, to_boc


def _chain(length: int) -> Cell:
    cell = begin_cell().end_cell()
    for number in range(length):
        cell = begin_cell().store_uint(number, 32).store_ref(cell).end_cell()
    return cell


def test_a_list_deeper_than_python_recurses_is_stored() -> None:
    deep = _chain(1020)
    assert from_boc(to_boc(deep)).hash == deep.hash


def test_shared_cells_are_stored_once() -> None:
    leaf = begin_cell().store_bytes(b"x" * 100).end_cell()
    twice = begin_cell().store_ref(leaf).store_ref(leaf).end_cell()
    assert len(to_boc(twice)) < 150
    assert from_boc(to_boc(twice)).hash == twice.hash


def test_several_roots_are_kept_apart() -> None:
    roots = [_chain(3), _chain(5)]
    assert [cell.hash for cell in Cell.from_boc(to_boc(*roots))] == [cell.hash for cell in roots]


@settings(max_examples=50)
@given(st.recursive(st.binary(max_size=20), lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=40))
def test_every_tree_comes_back(tree: object) -> None:
    cell = _build(tree)
    assert from_boc(to_boc(cell)).hash == cell.hash


def _build(tree: object) -> Cell:
    builder = begin_cell()
    if isinstance(tree, bytes):
        return builder.store_bytes(tree).end_cell()
    assert isinstance(tree, list)
    for child in tree:
        builder.store_ref(_build(child))
    return builder.end_cell()


@pytest.mark.parametrize("content", [b"", b"\0", b"not cells at all", to_boc(_chain(2))[:-3]])
def test_bytes_that_are_no_cells_are_one_error(content: bytes) -> None:
    with pytest.raises(BadCells):
        from_boc(content)
