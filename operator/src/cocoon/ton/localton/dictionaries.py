"""Dictionaries (block.tlb `Hashmap` and `HashmapAug`) that are built once and then changed in place.

A tree of Python objects mirrors the cells; a change makes anew only the cells on its path, so a block costs what it
touches and not what the chain holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar, cast

from bitarray import bitarray
from bitarray.util import int2ba
from msgspec import Struct
from ton_core import Builder, Cell

Value = TypeVar("Value")
Extra = TypeVar("Extra")


def uint_bits(value: int, width: int) -> bitarray:
    """Big-endian bits of a number."""
    return int2ba(value, width)


def byte_bits(content: bytes) -> bitarray:
    """The bits of some bytes."""
    bits = bitarray()
    bits.frombytes(content)
    return bits


class Augmentation(Struct, Generic[Value, Extra], frozen=True):
    """How the values of a dictionary are stored, and the sum that each of its nodes carries."""

    store_value: Callable[[Builder, Value], object]
    extra_of: Callable[[Value], Extra]
    merge: Callable[[Extra, Extra], Extra]
    store_extra: Callable[[Builder, Extra], object]


class _Node(Generic[Value, Extra]):
    """A leaf (value) or a fork (two children) behind a label; its cell is made when asked for."""

    __slots__ = ("cached", "children", "label", "value")

    def __init__(self, label: bitarray, value: Value | None, children: list[_Node[Value, Extra]]) -> None:
        self.label, self.value, self.children = label, value, children
        self.cached: tuple[Cell, Extra] | None = None


class Dictionary(Generic[Value, Extra]):
    """A dictionary with keys of `width` bits."""

    def __init__(self, width: int, augmentation: Augmentation[Value, Extra]) -> None:
        self._width, self._how = width, augmentation
        self._root: _Node[Value, Extra] | None = None

    def set(self, key: bitarray, value: Value) -> None:
        """Add a value, or replace it."""
        if self._root is None:
            self._root = _Node(key, value, [])
        else:
            _insert(self._root, key, value)

    def root(self) -> tuple[Cell, Extra] | None:
        """The root cell and its sum; none if there is nothing in it."""
        return self._cell(self._root, self._width) if self._root else None

    def _cell(self, node: _Node[Value, Extra], width: int) -> tuple[Cell, Extra]:
        if node.cached:
            return node.cached
        builder = Builder().store_bits(edge_label(node.label, width))
        if node.children:
            cells, extra = self._fork(node, width - len(node.label) - 1)
            builder.store_ref(cells[0]).store_ref(cells[1])
            self._how.store_extra(builder, extra)
        else:
            value = cast("Value", node.value)  # a node without children is a leaf
            extra = self._how.extra_of(value)
            self._how.store_extra(builder, extra)
            self._how.store_value(builder, value)
        node.cached = (builder.end_cell(), extra)
        return node.cached

    def _fork(self, node: _Node[Value, Extra], width: int) -> tuple[list[Cell], Extra]:
        built = [self._cell(child, width) for child in node.children]
        return [cell for cell, _ in built], self._how.merge(built[0][1], built[1][1])


def _insert(node: _Node[Value, Extra], key: bitarray, value: Value) -> None:
    while True:
        node.cached = None
        shared = _shared(node.label, key)
        if shared < len(node.label):
            return _split(node, shared, key, value)
        if not node.children:
            node.value = value
            return None
        node, key = node.children[key[shared]], key[shared + 1 :]


def _split(node: _Node[Value, Extra], shared: int, key: bitarray, value: Value) -> None:
    """Turn a node into a fork between what it was and a new leaf."""
    old: _Node[Value, Extra] = _Node(node.label[shared + 1 :], node.value, node.children)
    new: _Node[Value, Extra] = _Node(key[shared + 1 :], value, [])
    node.children = [old, new] if key[shared] else [new, old]
    node.label, node.value = node.label[:shared], None


def _shared(label: bitarray, key: bitarray) -> int:
    different = (label ^ key[: len(label)]).find(1)
    return len(label) if different < 0 else different


def edge_label(bits: bitarray, maximum: int) -> bitarray:
    """`HmLabel` in its shortest form, which validators and the TVM insist on."""
    length, width = len(bits), maximum.bit_length()
    short, long, same = 2 + 2 * length, 2 + width + length, 3 + width
    uniform = length > 0 and (bits.all() or not bits.any())
    if short <= long and not (uniform and same < short):
        return bitarray("0") + bitarray("1") * length + bitarray("0") + bits
    if uniform and same < long:
        return bitarray("11") + bits[:1] + uint_bits(length, width)
    return bitarray("10") + uint_bits(length, width) + bits


def plain_dictionary(
    items: Mapping[int, Cell], width: int, store: Callable[[Builder, Cell], object] | None = None
) -> Cell:
    """A `Hashmap` without sums. `store` says how a value lies in its leaf; by default as a reference."""
    write = store or (lambda builder, cell: builder.store_ref(cell))
    made: Dictionary[Cell, None] = Dictionary(
        width, Augmentation(write, lambda _: None, lambda _, __: None, lambda _, __: None)
    )
    for key, value in items.items():
        made.set(uint_bits(key, width), value)
    root = made.root()
    if root is None:
        raise ValueError("an empty dictionary has no cell")
    return root[0]


def path_to(root: Cell, key: bitarray, width: int) -> tuple[list[int], Cell | None]:
    """Which references lead from the root towards a key, and the leaf's cell if the key is there."""
    cell, path = root, list[int]()
    while True:
        label = _read_label(cell, width)
        if label != key[: len(label)]:
            return path, None
        key, width = key[len(label) :], width - len(label)
        if width == 0:
            return path, cell
        path.append(int(key[0]))
        cell, key, width = cell.refs[key[0]], key[1:], width - 1


def _read_label(cell: Cell, width: int) -> bitarray:
    reader, counter = cell.begin_parse(), width.bit_length()
    if not reader.load_bit():
        length = 0
        while reader.load_bit():
            length += 1
        return bitarray(reader.load_bits(length))
    if not reader.load_bit():
        return bitarray(reader.load_bits(reader.load_uint(counter)))
    bit = reader.load_bit()
    return bitarray([bit]) * reader.load_uint(counter)
