"""Bags joined are the bags that they were."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ton_core import Cell, begin_cell

from cocoon.ton.cells import to_boc
from cocoon.ton.localton.bags import join_bags
from cocoon.ton.localton.native_cells import native_from_boc, native_to_boc


def _tree(depth: int, seed: int) -> Cell:
    builder = begin_cell().store_uint(seed, 3 + seed % 60)
    for number in range(seed % 3 + 1 if depth else 0):
        builder.store_ref(_tree(depth - 1, seed // 2 + number))
    return builder.end_cell()


TREES = st.builds(_tree, st.integers(0, 5), st.integers(0, 7))


@settings(max_examples=100)
@given(st.lists(TREES, min_size=1, max_size=16))
def test_every_root_comes_back_in_its_place(trees: list[Cell]) -> None:
    ours = join_bags([to_boc(tree) for tree in trees])
    natives = join_bags([native_to_boc(native_from_boc(to_boc(tree))) for tree in trees])
    indexed = join_bags([tree.to_boc(has_idx=True, hash_crc32=True) for tree in trees])
    for joined in (ours, natives, indexed):
        assert [cell.hash for cell in Cell.from_boc(joined)] == [tree.hash for tree in trees]


def test_a_bag_of_two_is_not_joined() -> None:
    with pytest.raises(ValueError, match="one root"):
        join_bags([to_boc(_tree(1, 1), _tree(2, 2))])
