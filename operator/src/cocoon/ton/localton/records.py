"""What a chain keeps besides its blocks, in memory and on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct
from ton_core import Cell

from cocoon.api.money import NanoTon
from cocoon.ton.localton.blocks import BlockIds
from cocoon.ton.localton.tvm import Account


class Genesis(Struct, frozen=True):
    """How a chain begins: who has what (account hash to nanoTON), and when (seconds since 1970)."""

    balances: Mapping[bytes, NanoTon]
    utime: int


class StoredTransaction(Struct, frozen=True):
    """A transaction as bytes (parsing all of a long history would delay a restart), and the block it is in."""

    lt: int
    seqno: int
    hash: bytes
    content: bytes


class Saved(Struct, frozen=True):
    """A chain as it was stored. `ids`: with whether they are kept for ever. Blocks: none before the first one."""

    genesis: Genesis
    accounts: dict[bytes, Account]
    transactions: list[tuple[bytes, StoredTransaction]]
    ids: list[tuple[BlockIds, bool]]
    key_block: Cell | None
    last_block: tuple[Cell, Cell] | None


#: What a block changed: each account as it is now, and its transactions in this block.
Touched: TypeAlias = Mapping[bytes, tuple[Account, list[StoredTransaction]]]
