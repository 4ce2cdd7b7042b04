"""One message on one account: the real TVM, through tonpy's native transaction emulator."""

from __future__ import annotations

import base64

import tonpy
from msgspec import Struct
from ton_core import Cell
from tonpy.libs import python_ton
from tonpy.tvm.emulator import Emulator

from cocoon.ton.cells import to_boc


class Outcome(Struct, frozen=True):
    """The transaction, and its account (`ShardAccount`) afterwards."""

    transaction: Cell
    account: Cell


class Tvm:
    """Runs messages under one configuration."""

    def __init__(self, config: Cell) -> None:
        python_ton.globalSetVerbosity(0)
        self._emulator = Emulator(_native(config))

    def run(self, account: Cell, message: Cell, now: int, lt: int) -> Outcome | None:
        """The outcome at chain time `now`, or none if the account does not accept an external message."""
        try:
            accepted = self._emulator.emulate_transaction(_native(account), _native(message), now, lt)
        except RuntimeError:  # what tonpy makes of a message that is not accepted, among others
            accepted = False
        if not accepted:
            return None
        native = self._emulator.emulator
        return Outcome(_python(native.transaction_cell), _python(native.account_cell))


def _native(cell: Cell) -> tonpy.Cell:
    return tonpy.Cell(base64.b64encode(to_boc(cell)).decode())


def _python(native: object) -> Cell:
    return Cell.one_from_boc(base64.b64decode(tonpy.Cell(native).to_boc()))
