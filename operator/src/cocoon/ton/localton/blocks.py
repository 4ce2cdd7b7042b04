"""Blocks and the states behind them, as cells (block.tlb `Block`, `ShardStateUnsplit`, `McStateExtra`).

They hold what light clients open: headers, hash updates, accounts, shard hashes, configuration, earlier masterchain
blocks. What nobody reads (value flow, messages and transactions of a block) are empty cells, which proofs leave out.

    masterchain block n ── state ──▶ shard hashes ──▶ shard block n ── state ──▶ accounts
             │                  └──▶ earlier blocks, configuration
             └ signed by the validator, who is in the configuration of block 1, the only key block
"""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import Struct
from ton_core import Builder, Cell, begin_cell

from cocoon.api.money import NanoTon
from cocoon.ton.cells import to_boc
from cocoon.ton.localton.dictionaries import plain_dictionary
from cocoon.ton.localton.network_config import CONFIG_ADDRESS
from cocoon.ton.localton.proofs import merkle_update
from cocoon.ton.localton.validator import BlockId

WHOLE_SHARD: Final = 1 << 63
BASECHAIN: Final = 0
MASTERCHAIN: Final = -1
LT_STEP: Final = 1_000_000
#: The first block carries the configuration, so that clients can begin at it as well as at the zero state.
KEY_BLOCK: Final = 1
#: Blocks whose proofs can be asked for; older ones are "not in db".
KEPT_BLOCKS: Final = 600
_GLOBAL_ID: Final = -239
_NO_LIMIT: Final = 2**32 - 1
EMPTY: Final = begin_cell().end_cell()


class BlockIds(Struct, frozen=True):
    """What stays of a block for ever: the ids of both its parts, its chain time and its last logical time."""

    seqno: int
    utime: int
    end_lt: int
    masterchain: BlockId
    shard: BlockId


class Block(Struct, frozen=True):
    """A masterchain block with the shard block it commits, and the states after them."""

    ids: BlockIds
    masterchain_block: Cell
    shard_block: Cell
    masterchain_state: Cell
    shard_state: Cell


class Moment(Struct, frozen=True):
    """When a block is: number, chain time, first and last logical time."""

    seqno: int
    utime: int
    start_lt: int
    end_lt: int


def identify(workchain: int, seqno: int, cell: Cell) -> BlockId:
    """The id of a block, or of a zero state."""
    return BlockId(workchain, seqno, cell.hash, hashlib.sha256(to_boc(cell)).digest())


def store_currencies(builder: Builder, amount: int) -> Builder:
    """`CurrencyCollection` without other currencies."""
    return builder.store_coins(amount).store_bit(0)


def store_block_reference(builder: Builder, block: BlockId, end_lt: int) -> Builder:
    """`ExtBlkRef`."""
    builder.store_uint(end_lt, 64).store_uint(block.seqno, 32)
    return builder.store_bytes(block.root_hash).store_bytes(block.file_hash)


def shard_block(moment: Moment, previous: BlockIds, states: tuple[Cell, Cell], set_hash: int) -> Cell:
    """A block of the basechain that turns the first state into the second."""
    info = _header(BASECHAIN, moment, set_hash)
    info.store_ref(store_block_reference(begin_cell(), previous.masterchain, previous.end_lt).end_cell())
    info.store_ref(store_block_reference(begin_cell(), previous.shard, previous.end_lt).end_cell())
    return _block(info.end_cell(), states, EMPTY)


def masterchain_block(
    moment: Moment, previous: BlockIds, states: tuple[Cell, Cell], set_hash: int, config: Cell
) -> Cell:
    """A block of the masterchain that turns the first state into the second."""
    info = _header(MASTERCHAIN, moment, set_hash)
    info.store_ref(store_block_reference(begin_cell(), previous.masterchain, previous.end_lt).end_cell())
    return _block(info.end_cell(), states, _key_block_extra(config, states[1]) if moment.seqno == KEY_BLOCK else EMPTY)


def _header(workchain: int, moment: Moment, set_hash: int) -> Builder:
    """`block_info` up to its references."""
    is_key = workchain == MASTERCHAIN and moment.seqno == KEY_BLOCK
    info = begin_cell().store_uint(0x9BC7A987, 32).store_uint(0, 32).store_bit(workchain != MASTERCHAIN)
    info.store_uint(0, 5).store_bit(is_key).store_uint(0, 1 + 8).store_uint(moment.seqno, 32).store_uint(0, 32)
    _store_shard(info, workchain).store_uint(moment.utime, 32).store_uint(moment.start_lt, 64)
    info.store_uint(moment.end_lt, 64).store_uint(set_hash, 32).store_uint(0, 32 + 32)
    return info.store_uint(KEY_BLOCK if moment.seqno > KEY_BLOCK else 0, 32)


def _block(info: Cell, states: tuple[Cell, Cell], extra: Cell) -> Cell:
    block = begin_cell().store_uint(0x11EF55AA, 32).store_int(_GLOBAL_ID, 32).store_ref(info).store_ref(EMPTY)
    return block.store_ref(merkle_update(*states)).store_ref(extra).end_cell()


def _key_block_extra(config: Cell, state: Cell) -> Cell:
    """`BlockExtra` with the `McBlockExtra` of a key block: the configuration that signs the blocks after it."""
    shard_hashes = state.refs[3].refs[0]
    custom = begin_cell().store_uint(0xCCA5, 16).store_bit(1).store_bit(1).store_ref(shard_hashes)
    store_currencies(store_currencies(custom.store_bit(0), 0), 0)  # no shard fees
    custom.store_ref(begin_cell().store_uint(0, 3).end_cell()).store_bytes(CONFIG_ADDRESS).store_ref(config)
    extra = begin_cell().store_uint(0x4A33F6FD, 32).store_ref(EMPTY).store_ref(EMPTY).store_ref(EMPTY)
    return extra.store_uint(0, 256 + 256).store_bit(1).store_ref(custom.end_cell()).end_cell()


def shard_state(moment: Moment, accounts: tuple[Cell, NanoTon] | None) -> Cell:
    """The basechain's state: its accounts and the sum of what they have."""
    root, total = accounts or (None, NanoTon(0))
    stored = store_depth_balance(begin_cell().store_maybe_ref(root), total).end_cell()
    return _state(BASECHAIN, moment, stored, total)


def masterchain_state(moment: Moment, shard: BlockId, config: Cell, earlier: Cell) -> Cell:
    """The masterchain's state: no accounts, but the shard's newest block, the configuration and earlier blocks."""
    extra = begin_cell().store_uint(0xCC26, 16).store_bit(1).store_ref(_shard_hashes(shard, moment))
    extra.store_bytes(CONFIG_ADDRESS).store_ref(config).store_ref(earlier)
    accounts = store_depth_balance(begin_cell().store_bit(0), NanoTon(0)).end_cell()
    return _state(MASTERCHAIN, moment, accounts, NanoTon(0), store_currencies(extra, 0).end_cell())


def store_depth_balance(builder: Builder, amount: NanoTon) -> Builder:
    """`DepthBalanceInfo` of an unsplit shard."""
    return store_currencies(builder.store_uint(0, 5), amount)


def _state(workchain: int, moment: Moment, accounts: Cell, total: NanoTon, custom: Cell | None = None) -> Cell:
    totals = store_currencies(store_currencies(begin_cell().store_uint(0, 128), total), 0).store_uint(0, 2).end_cell()
    state = begin_cell().store_uint(0x9023AFE2, 32).store_int(_GLOBAL_ID, 32)
    _store_shard(state, workchain).store_uint(moment.seqno, 32).store_uint(0, 32).store_uint(moment.utime, 32)
    state.store_uint(moment.end_lt, 64).store_uint(_NO_LIMIT, 32).store_ref(EMPTY).store_bit(0)
    return state.store_ref(accounts).store_ref(totals).store_maybe_ref(custom).end_cell()


def _store_shard(builder: Builder, workchain: int) -> Builder:
    """`ShardIdent` of a whole workchain."""
    return builder.store_uint(0, 2).store_uint(0, 6).store_int(workchain, 32).store_uint(0, 64)


def _shard_hashes(shard: BlockId, moment: Moment) -> Cell:
    row = begin_cell().store_bit(0).store_uint(0xA, 4).store_uint(shard.seqno, 32).store_uint(moment.seqno, 32)
    row.store_uint(max(0, moment.end_lt - LT_STEP), 64).store_uint(moment.end_lt, 64)
    row.store_bytes(shard.root_hash).store_bytes(shard.file_hash).store_uint(0, 5 + 3 + 32)
    row.store_uint(WHOLE_SHARD, 64).store_uint(0, 32).store_uint(moment.utime, 32).store_bit(0)
    row.store_ref(store_currencies(store_currencies(begin_cell(), 0), 0).end_cell())
    return plain_dictionary({BASECHAIN: row.end_cell()}, 32)
