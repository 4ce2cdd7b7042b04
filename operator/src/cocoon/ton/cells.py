"""Bags of cells: how cells travel and are stored.

ton-core writes one root only, and recursively, which a list of 254 actions is too deep for. Format: TON whitepaper,
appendix "Bag of cells" and `crypto/tl/boc.tlb`, the plain form without index and checksum.
"""

from __future__ import annotations

from typing import Final

from ton_core import Cell

_MAGIC: Final = bytes.fromhex("b5ee9c72")


class BadCells(ValueError):
    """Bytes are no bag of cells, or not one of the shape that was expected."""


def to_boc(*roots: Cell) -> bytes:
    """One or more roots as a bag of cells; the same cells give the same bytes."""
    order = _children_first(roots)
    count = len(order)
    index = {cell.hash: count - 1 - place for place, cell in enumerate(order)}
    width = (count.bit_length() + 7) // 8
    body = bytearray()
    for cell in reversed(order):
        body += cell.get_descriptors(cell.level_mask) + cell.data
        for child in cell.refs:
            body += index[child.hash].to_bytes(width)
    offset_width = (len(body).bit_length() + 7) // 8
    head = _MAGIC + bytes([width, offset_width]) + count.to_bytes(width) + len(roots).to_bytes(width) + bytes(width)
    head += len(body).to_bytes(offset_width)
    return head + b"".join(index[root.hash].to_bytes(width) for root in roots) + bytes(body)


def from_boc(content: bytes) -> Cell:
    """The only root of a bag. Raises BadCells."""
    try:
        return Cell.one_from_boc(content)
    except Exception as error:  # the parser raises whatever it stumbles over: AssertionError, IndexError, ValueError…
        raise BadCells(f"{len(content)} bytes are no bag of cells with one root") from error


def _children_first(roots: tuple[Cell, ...]) -> list[Cell]:
    """Every cell once, depth first, without recursion."""
    order: list[Cell] = []
    seen: set[bytes] = set()
    for root in roots:
        stack = [(root, 0)]
        while stack:
            cell, done = stack.pop()
            if cell.hash in seen:
                continue
            if done < len(cell.refs):
                stack += [(cell, done + 1), (cell.refs[done], 0)]
            else:
                seen.add(cell.hash)
                order.append(cell)
    return order
