"""The masterchain's memory of its own blocks (block.tlb `OldMcBlocksInfo` and what surrounds it in `McStateExtra`).

Only what get-methods can ask for: the zero state, the key block, the last 16 blocks and 16 multiples of 100. A real
node keeps them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ton_core import Builder, Cell, begin_cell

from cocoon.ton.localton.blocks import KEY_BLOCK, BlockIds, store_block_reference
from cocoon.ton.localton.dictionaries import Augmentation, Dictionary, uint_bits

RECENT: Final = 16
ROUND: Final = 100


def earlier_blocks(seqno: int, ids_of: Callable[[int], BlockIds], set_hash: int) -> Cell:
    """What the state after block `seqno` knows of the blocks before it."""
    cell = begin_cell().store_uint(0, 16).store_uint(set_hash, 32).store_uint(0, 32).store_bit(0)
    rows: Dictionary[BlockIds, tuple[bool, int]] = Dictionary(
        32, Augmentation(_store_row, lambda ids: (_is_key(ids), ids.end_lt), _newest, _store_key_max)
    )
    for number in _remembered(seqno):
        rows.set(uint_bits(number, 32), ids_of(number))
    root, extra = rows.root() or (None, (False, 0))
    _store_key_max(cell.store_maybe_ref(root), extra)
    cell.store_bit(seqno <= KEY_BLOCK)  # after a key block
    return _store_last_key_block(cell, seqno, ids_of).end_cell()


def _remembered(seqno: int) -> list[int]:
    recent = range(max(0, seqno - RECENT), seqno)
    rounds = range(max(0, seqno // ROUND - RECENT + 1) * ROUND, seqno, ROUND)
    return sorted({0, KEY_BLOCK, *recent, *rounds} & set(range(seqno)))


def _store_last_key_block(cell: Builder, seqno: int, ids_of: Callable[[int], BlockIds]) -> Builder:
    """None after the zero state; that one after the key block; the key block after all others."""
    if seqno == 0:
        return cell.store_bit(0)
    ids = ids_of(KEY_BLOCK if seqno > KEY_BLOCK else 0)
    return store_block_reference(cell.store_bit(1), ids.masterchain, ids.end_lt)


def _is_key(ids: BlockIds) -> bool:
    return ids.seqno in (0, KEY_BLOCK)


def _newest(one: tuple[bool, int], other: tuple[bool, int]) -> tuple[bool, int]:
    return one[0] or other[0], max(one[1], other[1])


def _store_key_max(builder: Builder, extra: tuple[bool, int]) -> Builder:
    return builder.store_bit(extra[0]).store_uint(extra[1], 64)


def _store_row(builder: Builder, ids: BlockIds) -> Builder:
    return store_block_reference(builder.store_bit(_is_key(ids)), ids.masterchain, ids.end_lt)
