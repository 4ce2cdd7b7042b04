"""One message on one account: the real TVM, through tonpy's native transaction emulator."""

from __future__ import annotations

import tonpy
from msgspec import Struct
from ton_core import Cell
from tonpy.libs import python_ton
from tonpy.tvm.emulator import Emulator

from cocoon.ton.cells import to_boc
from cocoon.ton.localton.native_cells import NATIVE_ERRORS, NativeCell, native_from_boc, native_to_boc


class Account(Struct, frozen=True):
    """A `ShardAccount` in the three forms that are needed: for the emulator, for proofs, for the disk."""

    native: NativeCell
    cell: Cell
    content: bytes


class Outcome(Struct, frozen=True):
    """The transaction, and its account afterwards."""

    transaction: NativeCell
    account: Account


class Tvm:
    """Runs messages under one configuration."""

    def __init__(self, config: Cell) -> None:
        python_ton.globalSetVerbosity(0)
        self._emulator = Emulator(native_from_boc(to_boc(config)))

    def accepts(self, account: Account, message: NativeCell, now: int, lt: int) -> bool:
        """Whether there would be a transaction."""
        try:
            return bool(self._emulator.emulate_transaction(account.native, message, now, lt))
        except NATIVE_ERRORS:  # an external message that is not accepted
            return False

    def run(self, account: Account, message: NativeCell, now: int, lt: int) -> Outcome | None:
        """The outcome at chain time `now`, or none if the account does not accept an external message."""
        if not self.accepts(account, message, now, lt):
            return None
        native = self._emulator.emulator
        return Outcome(tonpy.Cell(native.transaction_cell), _account(tonpy.Cell(native.account_cell)))


def account_of(cell: Cell) -> Account:
    """An account from its cell."""
    content = to_boc(cell)
    return Account(native_from_boc(content), cell, content)


def stored_account(content: bytes) -> Account:
    """An account as it was stored."""
    return Account(native_from_boc(content), Cell.one_from_boc(content), content)


def _account(native: NativeCell) -> Account:
    content = native_to_boc(native)
    return Account(native, Cell.one_from_boc(content), content)
