"""Bags of cells put together without taking them apart.

A page of an account's history is one bag with a root for each transaction, and a transaction of 254 transfers has 800
cells: to make them all anew for each client would cost more than to run the transfers. Format: `crypto/tl/boc.tlb`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

_MAGIC: Final = bytes.fromhex("b5ee9c72")
_HAS_INDEX: Final = 0x80
_WIDTH: Final = 0x07
_REFERENCES: Final = 0x07
_WITH_HASHES: Final = 0x10
_LEVELS: Final = 5
_HASH_AND_DEPTH: Final = 32 + 2


class _Bag(Struct, frozen=True):
    """One bag: how many cells, which is the root, and where the cells are. `width`: bytes of a reference."""

    content: bytes
    count: int
    root: int
    width: int
    start: int


def join_bags(contents: Sequence[bytes]) -> bytes:
    """One bag with the roots of all, in this order. Each of them has one root."""
    bags = [_opened(content) for content in contents]
    count = sum(bag.count for bag in bags)
    width = (count.bit_length() + 7) // 8
    roots, body, first = b"", bytearray(), 0
    for bag in bags:
        roots += (first + bag.root).to_bytes(width)
        for described, references in _cells(bag):
            body += described
            for reference in references:
                body += (first + reference).to_bytes(width)
        first += bag.count
    offset_width = (len(body).bit_length() + 7) // 8
    head = _MAGIC + bytes([width, offset_width]) + count.to_bytes(width) + len(bags).to_bytes(width) + bytes(width)
    return head + len(body).to_bytes(offset_width) + roots + bytes(body)


def _opened(content: bytes) -> _Bag:
    flags, offset_width = content[4], content[5]
    width = flags & _WIDTH
    if content[:4] != _MAGIC or int.from_bytes(content[6 + width : 6 + 2 * width]) != 1:
        raise ValueError("not a bag of cells with one root")
    count = int.from_bytes(content[6 : 6 + width])
    root_at = 6 + 3 * width + offset_width
    index = count * offset_width if flags & _HAS_INDEX else 0
    return _Bag(content, count, int.from_bytes(content[root_at : root_at + width]), width, root_at + width + index)


def _cells(bag: _Bag) -> Iterator[tuple[bytes, list[int]]]:
    """Each cell's descriptors and data, and the places of its children. Hashes stored with a cell are left out."""
    content, at, width = bag.content, bag.start, bag.width
    for _ in range(bag.count):
        first, second = content[at], content[at + 1]
        hashes = ((first >> _LEVELS).bit_count() + 1) * _HASH_AND_DEPTH if first & _WITH_HASHES else 0
        start = at + 2 + hashes
        end = start + (second + 1) // 2
        after = end + (first & _REFERENCES) * width
        references = [int.from_bytes(content[place : place + width]) for place in range(end, after, width)]
        yield bytes([first & ~_WITH_HASHES, second]) + content[start:end], references
        at = after
