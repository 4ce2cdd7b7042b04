"""Answers with proofs: which cells of blocks and states each one shows."""

from __future__ import annotations

from typing import Final

from ton_core import Cell, begin_cell

from cocoon.ton.cells import to_boc
from cocoon.ton.localton.blocks import KEY_BLOCK, Block, BlockIds
from cocoon.ton.localton.local_chain import LocalChain, NotInDb
from cocoon.ton.localton.proofs import Shown, merkle_proof
from cocoon.ton.localton.tl import FALSE, SIGNATURE_SET, TL, TRUE, tl_block_id, tl_bytes, tl_int, tl_uint
from cocoon.ton.localton.validator import BlockId

#: A block: its header, and the hashes of its states.
_HEADER: Final = Shown({0: Shown.all(), 2: Shown.all()})
#: A key block: its configuration too (extra, `McBlockExtra`, configuration).
_KEY_HEADER: Final = Shown(
    {0: Shown.all(), 2: Shown.all(), 3: Shown({3: Shown({0: Shown.all(), 1: Shown(), 2: Shown.all()})})}
)
#: A masterchain state: its totals, and of `McStateExtra` the shards' newest blocks.
_SHARDS: Final = Shown({2: Shown.all(), 3: Shown({0: Shown.all(), 2: Shown.all()})})


def block_proof(chain: LocalChain, known: BlockId, target: BlockIds) -> bytes:
    """`partialBlockProof`: a signed link from the zero state to the key block, from there to any other."""
    head = TL["partialBlockProof"] + TRUE + tl_block_id(known) + tl_block_id(target.masterchain)
    if known.seqno == target.seqno:
        return head + tl_uint(0)
    if known.seqno == 0:
        link = _link(
            chain,
            chain.zero_state.ids.masterchain,
            target,
            merkle_proof(chain.zero_state.masterchain_state, Shown.all()),
        )
    elif known.seqno == KEY_BLOCK:
        link = _link(chain, chain.ids(KEY_BLOCK).masterchain, target, merkle_proof(chain.key_block(), _KEY_HEADER))
    else:
        raise NotInDb("links are proven from the zero state and from block 1 only")
    return head + tl_uint(1) + link


def _link(chain: LocalChain, known: BlockId, target: BlockIds, config_proof: Cell) -> bytes:
    """`blockLinkForward`: whoever the known block's configuration names has signed the target."""
    is_key = target.seqno == KEY_BLOCK
    destination = chain.key_block() if is_key else chain.block(target.seqno).masterchain_block
    link = TL["blockLinkForward"] + (TRUE if is_key else FALSE) + tl_block_id(known) + tl_block_id(target.masterchain)
    link += tl_bytes(to_boc(merkle_proof(destination, _KEY_HEADER if is_key else _HEADER)))
    link += tl_bytes(to_boc(config_proof))
    link += SIGNATURE_SET + tl_uint(chain.validator.set_hash) + tl_uint(0) + tl_int(1)
    return link + chain.validator.id + tl_bytes(chain.validator.sign(target.masterchain))


def account_state(chain: LocalChain, block: Block, account: bytes) -> bytes:
    """`accountState`: the masterchain block proves the shard's, which proves the account, or that there is none."""
    path, leaf = chain.account_path(block, account)
    state = leaf.refs[0] if leaf else None
    answer = TL["accountState"] + tl_block_id(block.ids.masterchain) + tl_block_id(block.ids.shard)
    if block.ids.seqno == 0:
        proofs = [b"", b""]
    else:
        dictionary = {1: Shown.along([0, *path])} if block.shard_state.refs[1].refs else {1: Shown()}
        proofs = [
            shards_proof(block),
            _proof(block.shard_block, block.shard_state, Shown({**dictionary, 2: Shown.all()})),
        ]
    return answer + b"".join(tl_bytes(part) for part in (*proofs, to_boc(state) if state else b""))


def shards_proof(block: Block) -> bytes:
    """The masterchain block, and of its state what it says of shards."""
    return _proof(block.masterchain_block, block.masterchain_state, _SHARDS)


def _proof(block: Cell, state: Cell, shown: Shown) -> bytes:
    return to_boc(merkle_proof(block, _HEADER), merkle_proof(state, shown))


def all_shards(block: Block) -> bytes:
    """`allShardsInfo`: the dictionary of the shards' newest blocks."""
    hashes = block.masterchain_state.refs[3].refs[0]

    data = to_boc(begin_cell().store_bit(1).store_ref(hashes).end_cell())
    return TL["allShardsInfo"] + tl_block_id(block.ids.masterchain) + tl_bytes(shards_proof(block)) + tl_bytes(data)


def configuration(block: Block, mode: int) -> bytes:
    """`configInfo`: the whole masterchain state, of which the configuration is the most."""
    head = TL["configInfo"] + tl_uint(mode) + tl_block_id(block.ids.masterchain)
    state = to_boc(merkle_proof(block.masterchain_state, Shown.all()))
    return head + tl_bytes(to_boc(merkle_proof(block.masterchain_block, _HEADER))) + tl_bytes(state)


def block_header(block: BlockId, cell: Cell, mode: int) -> bytes:
    """`blockHeader`."""
    proof = to_boc(merkle_proof(cell, _HEADER))
    return TL["blockHeader"] + tl_block_id(block) + tl_uint(mode) + tl_bytes(proof)
