"""Merkle proofs: a tree of cells of which only what is shown is there, the rest replaced by its hashes.

Exotic cells as in the TVM whitepaper, 3.1.7: pruned branch (1), Merkle proof (3), Merkle update (4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bitarray import bitarray
from ton_core import Cell

from cocoon.ton.localton.dictionaries import byte_bits, uint_bits

_PRUNED_BRANCH: Final = 1
_MERKLE_PROOF: Final = 3
_MERKLE_UPDATE: Final = 4


class Shown:
    """What a proof shows of a cell: itself, and of its children those named; `Shown.all()` shows the whole tree."""

    def __init__(self, children: dict[int, Shown] | None = None, *, whole: bool = False) -> None:
        self.children, self.whole = children or {}, whole

    @staticmethod
    def all() -> Shown:
        """The cell and everything below it."""
        return Shown(whole=True)

    @staticmethod
    def along(path: Sequence[int], end: Shown | None = None) -> Shown:
        """The cells on a path of references, and what is shown of its last one."""
        shown = end or Shown()
        for step in reversed(path):
            shown = Shown({step: shown})
        return shown


def merkle_proof(root: Cell, shown: Shown) -> Cell:
    """A proof of `root` that shows only so much of it."""
    bits = uint_bits(_MERKLE_PROOF, 8) + byte_bits(root.get_hash(0)) + uint_bits(root.get_depth(0), 16)
    return _exotic(bits, [_showing(root, shown)], _MERKLE_PROOF)


def merkle_update(old: Cell, new: Cell) -> Cell:
    """A block's change of state, both states pruned: clients compare the two hashes only."""
    before, after = _pruned(old), _pruned(new)
    bits = uint_bits(_MERKLE_UPDATE, 8) + byte_bits(old.hash) + byte_bits(new.hash)
    bits += uint_bits(old.get_depth(0), 16) + uint_bits(new.get_depth(0), 16)
    return _exotic(bits, [before, after], _MERKLE_UPDATE)


def _showing(cell: Cell, shown: Shown) -> Cell:
    if shown.whole or not cell.refs:
        return cell
    children = [
        _showing(child, shown.children[place]) if place in shown.children else _pruned(child)
        for place, child in enumerate(cell.refs)
    ]
    return Cell(cell.bits, children, cell.type_)


def _pruned(cell: Cell) -> Cell:
    bits = uint_bits(_PRUNED_BRANCH, 8) + uint_bits(1, 8) + byte_bits(cell.get_hash(0))
    return _exotic(bits + uint_bits(cell.get_depth(0), 16), [], _PRUNED_BRANCH)


def _exotic(bits: bitarray, children: list[Cell], kind: int) -> Cell:
    return Cell(bits, children, kind)
