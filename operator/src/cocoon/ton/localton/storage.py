"""A chain on disk, so that a killed one goes on with the same blocks and history: one commit for each block.

States are not stored: the last one is made again from the accounts, and must have the hash that its block names.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final, Protocol

from cocoon.api.money import NanoTon
from cocoon.ton.cells import from_boc, to_boc
from cocoon.ton.localton.blocks import BASECHAIN, KEPT_BLOCKS, KEY_BLOCK, MASTERCHAIN, Block, BlockIds
from cocoon.ton.localton.records import Genesis, Saved, StoredTransaction, Touched
from cocoon.ton.localton.tvm import Account, stored_account
from cocoon.ton.localton.validator import BlockId

_SCHEMA: Final = """
create table if not exists genesis (address blob primary key, balance text not null, utime integer not null);
create table if not exists account (address blob primary key, content blob not null);
create table if not exists tx (
    lt integer primary key, address blob not null, seqno integer not null, hash blob not null, content blob not null);
create table if not exists block (
    seqno integer primary key, utime integer not null, end_lt integer not null, lasting integer not null,
    mc_root blob not null, mc_file blob not null, shard_root blob not null, shard_file blob not null);
create table if not exists cells (name text primary key, content blob not null);
"""
_KEY: Final = "key block"
_LAST: Final = "last block"
_LAST_SHARD: Final = "last shard block"


class Storage(Protocol):
    """What survives a chain's process."""

    def load(self) -> Saved | None:
        """Everything, or none for a new chain."""

    def save_genesis(self, genesis: Genesis) -> None:
        """Before the first block."""

    def save_block(self, block: Block, touched: Touched, *, lasting: bool) -> None:
        """Durably, before any client sees the block."""


class Memory:
    """Nothing survives."""

    def load(self) -> Saved | None:
        """Nothing."""
        return None

    def save_genesis(self, genesis: Genesis) -> None:
        """Not at all."""

    def save_block(self, block: Block, touched: Touched, *, lasting: bool) -> None:
        """Not at all."""


class SqliteFile:
    """An SQLite file in WAL mode: a kill of the process loses nothing; a power cut may lose the last blocks.

    One process at a time: a second one gets sqlite3.OperationalError, "database is locked".
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=0)
        self._db.execute("pragma locking_mode=exclusive")
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; nothing can be saved any more."""
        self._db.close()

    def save_genesis(self, genesis: Genesis) -> None:
        """One row for each account that begins with coins."""
        rows = [(address, str(balance), genesis.utime) for address, balance in genesis.balances.items()]
        with self._db:
            self._db.executemany("insert into genesis values (?, ?, ?)", rows)

    def save_block(self, block: Block, touched: Touched, *, lasting: bool) -> None:
        """The block, its accounts and its transactions in one commit."""
        self._db.execute("begin immediate")
        with self._db:
            self._save_ids(block.ids, lasting=lasting)
            self._save_cells(block)
            for address, (account, transactions) in touched.items():
                self._db.execute("insert or replace into account values (?, ?)", (address, account.content))
                self._db.executemany(
                    "insert into tx values (?, ?, ?, ?, ?)",
                    [(row.lt, address, row.seqno, row.hash, row.content) for row in transactions],
                )

    def load(self) -> Saved | None:
        """Everything, or none if the file is new."""
        rows = self._db.execute("select address, balance, utime from genesis").fetchall()
        if not rows:
            return None
        cells = {name: from_boc(content) for name, content in self._db.execute("select name, content from cells")}
        return Saved(
            genesis=Genesis({address: NanoTon(int(balance)) for address, balance, _ in rows}, rows[0][2]),
            accounts=self._accounts(),
            transactions=self._transactions(),
            ids=self._ids(),
            key_block=cells.get(_KEY),
            last_block=(cells[_LAST], cells[_LAST_SHARD]) if _LAST in cells else None,
        )

    def _save_ids(self, ids: BlockIds, *, lasting: bool) -> None:
        hashes = (ids.masterchain.root_hash, ids.masterchain.file_hash, ids.shard.root_hash, ids.shard.file_hash)
        row = (ids.seqno, ids.utime, ids.end_lt, lasting, *hashes)
        self._db.execute("insert into block values (?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._db.execute("delete from block where seqno = ? and not lasting", (ids.seqno - KEPT_BLOCKS,))

    def _save_cells(self, block: Block) -> None:
        rows = {_LAST: block.masterchain_block, _LAST_SHARD: block.shard_block}
        if block.ids.seqno == KEY_BLOCK:
            rows[_KEY] = block.masterchain_block
        stored = [(name, to_boc(cell)) for name, cell in rows.items()]
        self._db.executemany("insert or replace into cells values (?, ?)", stored)

    def _accounts(self) -> dict[bytes, Account]:
        return {address: stored_account(content) for address, content in self._db.execute("select * from account")}

    def _transactions(self) -> list[tuple[bytes, StoredTransaction]]:
        rows = self._db.execute("select address, lt, seqno, hash, content from tx order by lt")
        return [(address, StoredTransaction(*row)) for address, *row in rows]

    def _ids(self) -> list[tuple[BlockIds, bool]]:
        return [
            (
                BlockIds(
                    seqno,
                    utime,
                    end_lt,
                    BlockId(MASTERCHAIN, seqno, *hashes[:2]),
                    BlockId(BASECHAIN, seqno, *hashes[2:]),
                ),
                bool(lasting),
            )
            for seqno, utime, end_lt, lasting, *hashes in self._db.execute("select * from block order by seqno")
        ]
