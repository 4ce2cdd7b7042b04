"""Cells as the emulator has them: opaque, in C++, and much faster to take apart than Python's.

A block of 254 transfers has 256 transactions; what only passes through the chain (messages, transactions) never becomes
a Python cell.
"""

from __future__ import annotations

import base64
from typing import Any, Final, Literal, TypeAlias

import tonpy
from msgspec import Struct
from tonpy.types.vmdict import VmDict

#: A `tonpy.Cell`, which is not typed.
NativeCell: TypeAlias = Any
NativeSlice: TypeAlias = Any
_TRANSACTION_HEADER: Final = (4, 256, 64, 256, 64, 32)
_ADDRESS: Final = 0b10
_NOBODY: Final = 0b00
_LOG_ENTRY: Final = 0b01


#: What tonpy raises for anything; it often mangles the message, and then decoding that fails instead.
NATIVE_ERRORS: Final = (RuntimeError, UnicodeDecodeError)


class NotCells(ValueError):
    """Bytes are no bag of cells."""


class Route(Struct, frozen=True):
    """The account (hash) that a message is for. Outbound: for nobody on the chain."""

    kind: Literal["internal", "external", "outbound"]
    workchain: int = 0
    account: bytes = b""


def native_from_boc(content: bytes) -> NativeCell:
    """The root of a bag of cells. Raises NotCells."""
    try:
        return tonpy.Cell(base64.b64encode(content).decode())
    except NATIVE_ERRORS as error:
        raise NotCells(f"{len(content)} bytes are no bag of cells") from error


def native_to_boc(cell: NativeCell) -> bytes:
    """A bag of cells with one root."""
    return base64.b64decode(cell.to_boc())


def native_hash(cell: NativeCell) -> bytes:
    """The cell's hash, 32 bytes."""
    return bytes.fromhex(cell.get_hash())


def route(message: NativeCell) -> Route:
    """Read the header of a message. Raises NotCells if it has none."""
    try:
        return _route(message.begin_parse())
    except (*NATIVE_ERRORS, ValueError) as error:  # among others, a cell that ends too early
        raise NotCells("the cell is no message to an account") from error


def _route(reader: NativeSlice) -> Route:
    if not reader.load_uint(1):
        reader.load_uint(3)
        _address(reader)
        return Route("internal", *_address(reader))
    if reader.load_uint(1):
        return Route("outbound")
    _address(reader)
    return Route("external", *_address(reader))


def _address(reader: NativeSlice) -> tuple[int, bytes]:
    """Workchain and hash. What is no account's address reads as the masterchain's, to which nothing can be sent."""
    tag = reader.load_uint(2)
    if tag == _LOG_ENTRY:
        reader.skip_bits(reader.load_uint(9))
    if tag in (_NOBODY, _LOG_ENTRY):
        return -1, b""
    if tag != _ADDRESS or reader.load_uint(1):
        raise ValueError("an address that this chain does not know")
    return reader.load_int(8), reader.load_uint(256).to_bytes(32)


def sent_messages(transaction: NativeCell) -> list[NativeCell]:
    """The messages that a transaction sent, in their order."""
    reader = transaction.begin_parse()
    for width in _TRANSACTION_HEADER:
        reader.load_uint(width)
    if reader.load_uint(15) == 0:
        return []
    messages = transaction.begin_parse().load_ref(as_cs=True)
    if messages.load_uint(1):
        messages.load_ref()  # the inbound one
    messages.load_uint(1)  # there are outbound ones, as they were counted
    sent = VmDict(15, False, messages.load_ref())  # noqa: FBT003 - tonpy's "signed"
    return [message.load_ref() for _, message in sent.get_iter()]
