"""The chain itself: accounts, transactions, and a block for everybody to see once what it did is stored.

lite-server ──▶ accept ──▶ mempool ──▶ produce: externals, then every internal message they cause ──▶ store ──▶ show
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final

from ton_core import Cell

from cocoon.api.money import NanoTon
from cocoon.ton.cells import BadCells
from cocoon.ton.localton import blocks
from cocoon.ton.localton.accounts import MISSING, balance_of, funded
from cocoon.ton.localton.blocks import BASECHAIN, KEPT_BLOCKS, LT_STEP, MASTERCHAIN, Block, BlockIds, Moment
from cocoon.ton.localton.dictionaries import Augmentation, Dictionary, byte_bits, path_to
from cocoon.ton.localton.earlier_blocks import ROUND, earlier_blocks
from cocoon.ton.localton.mempool import Faithful, Mempool
from cocoon.ton.localton.native_cells import (
    NotCells,
    native_from_boc,
    native_hash,
    native_to_boc,
    route,
    sent_messages,
)
from cocoon.ton.localton.network_config import network_config
from cocoon.ton.localton.records import Genesis, Saved, StoredTransaction
from cocoon.ton.localton.storage import Memory, Storage
from cocoon.ton.localton.tvm import Account, Tvm, account_of
from cocoon.ton.localton.validator import Validator

#: The emulator runs logical times below 3709412000000 by the rules of 2021.
FIRST_LT: Final = 50_000_000_000_000
MAXIMUM_MESSAGE_BYTES: Final = 65_535
DEFAULT_SEED: Final = b"the validator of a local chain"


class NotAcceptable(ValueError):
    """A message that a lite-server refuses; nothing was charged for it."""


class NotInDb(ValueError):
    """A block or transaction that this chain does not have, or no longer."""


def wall_clock() -> int:
    """Seconds since 1970."""
    return int(time.time())


class LocalChain:
    """One chain. `clock` gives chain time; it may jump, but a block is never earlier than the one before it."""

    def __init__(
        self,
        genesis: Genesis,
        *,
        clock: Callable[[], int] = wall_clock,
        mempool: Mempool | None = None,
        storage: Storage | None = None,
        validator: Validator | None = None,
    ) -> None:
        self.clock, self.mempool = clock, mempool or Faithful()
        self.validator = validator or Validator(DEFAULT_SEED)
        self.config = network_config(self.validator.public_key)
        self._tvm, self._storage = Tvm(self.config), storage or Memory()
        self._missing = account_of(MISSING)
        self.accounts: dict[bytes, Account] = {}
        self.transactions: defaultdict[bytes, list[StoredTransaction]] = defaultdict(list)
        self._dictionary: Dictionary[Cell, NanoTon] = Dictionary(
            256,
            Augmentation(
                lambda builder, account: builder.store_cell(account),
                balance_of,
                lambda one, other: NanoTon(one + other),
                blocks.store_depth_balance,
            ),
        )
        self._ids: dict[int, BlockIds] = {}
        self._blocks: dict[int, Block] = {}
        self._lt = FIRST_LT
        self._key_block: Cell | None = None
        saved = self._storage.load()
        self.genesis = saved.genesis if saved else genesis
        self._begin()
        if saved:
            self._resume(saved)
        else:
            self._storage.save_genesis(genesis)

    # ---- what can be asked

    @property
    def last(self) -> Block:
        """The newest block."""
        return self._blocks[max(self._blocks)]

    @property
    def zero_state(self) -> Block:
        """The states before block 1, as a block with empty blocks."""
        return self._zero

    def block(self, seqno: int) -> Block:
        """A block with its states. Raises NotInDb."""
        found = self._zero if seqno == 0 else self._blocks.get(seqno)
        if found is None:
            raise NotInDb(f"block {seqno} is not in db")
        return found

    def key_block(self) -> Cell:
        """Block 1, however old. Raises NotInDb while there is none."""
        if self._key_block is None:
            raise NotInDb(f"block {blocks.KEY_BLOCK} is not in db")
        return self._key_block

    def ids(self, seqno: int) -> BlockIds:
        """The ids of a block that has transactions or was remembered for another reason. Raises NotInDb."""
        if seqno not in self._ids:
            raise NotInDb(f"block {seqno} is not in db")
        return self._ids[seqno]

    def account_path(self, block: Block, account: bytes) -> tuple[list[int], Cell | None]:
        """Where an account stands in a block's dictionary, and its leaf; none if the block has no such account."""
        accounts = block.shard_state.refs[1].refs
        return path_to(accounts[0], byte_bits(account), 256) if accounts else ([], None)

    def balance(self, account: bytes) -> NanoTon:
        """What an account (hash) has now."""
        return balance_of(self._account(account).cell)

    # ---- messages

    def accept(self, content: bytes) -> None:
        """What a lite-server does with an external message: try it on the present state. Raises NotAcceptable."""
        if len(content) > MAXIMUM_MESSAGE_BYTES:
            raise NotAcceptable("external message is too large")
        try:
            message = native_from_boc(content)
            target = route(message)
        except NotCells as error:
            raise NotAcceptable(f"external message is malformed: {error}") from error
        account, lt = self._account(target.account), self._lt + 1
        if target.kind != "external" or not self._tvm.accepts(account, message, self._now(), lt):
            raise NotAcceptable("cannot apply external message to current state : External message was not accepted")
        self.mempool.add(message)

    def _now(self) -> int:
        return max(self.clock(), self.last.ids.utime)

    # ---- blocks

    def produce(self) -> int:
        """Make the next block. Returns how many transactions it has."""
        start_lt, seqno = self._lt, self.last.ids.seqno + 1
        now = self.genesis.utime if seqno == blocks.KEY_BLOCK else self._now()  # so the genesis decides the key block
        made = self._execute_all(seqno, now)
        self._lt += LT_STEP - self._lt % LT_STEP
        block = self._make(Moment(seqno, now, start_lt, self._lt))
        lasting = bool(made) or seqno % ROUND == 0 or seqno == blocks.KEY_BLOCK
        touched = {key: (self.accounts[key], transactions) for key, transactions in made.items()}
        self._storage.save_block(block, touched, lasting=lasting)
        for key, transactions in made.items():
            self.transactions[key] += transactions
        self._show(block)
        self._lasting |= {seqno} if lasting else set()
        self._forget(seqno - KEPT_BLOCKS)
        return sum(len(transactions) for transactions in made.values())

    def _execute_all(self, seqno: int, now: int) -> dict[bytes, list[StoredTransaction]]:
        """The messages that are due, and every message that these cause."""
        made: defaultdict[bytes, list[StoredTransaction]] = defaultdict(list)
        pending = deque(self.mempool.next_block())
        while pending:
            message = pending.popleft()
            target = route(message)
            if target.kind == "outbound" or target.workchain != BASECHAIN:
                continue
            outcome = self._tvm.run(self._account(target.account), message, now, self._lt + 1)
            if outcome is None:
                continue  # an external message that was good when it was accepted, and isn't any more
            transaction, sent = outcome.transaction, sent_messages(outcome.transaction)
            stored = StoredTransaction(self._lt + 1, seqno, native_hash(transaction), native_to_boc(transaction))
            made[target.account].append(stored)
            self._set_account(target.account, outcome.account)
            pending.extend(sent)
            self._lt += len(sent) + 2
        return made

    def _account(self, key: bytes) -> Account:
        return self.accounts.get(key, self._missing)

    def _set_account(self, key: bytes, account: Account) -> None:
        self.accounts[key] = account
        self._dictionary.set(byte_bits(key), account.cell)

    def _make(self, moment: Moment) -> Block:
        previous, set_hash = self.last, self.validator.set_hash
        shard_state = blocks.shard_state(moment, self._dictionary.root())
        shard = blocks.shard_block(moment, previous.ids, (previous.shard_state, shard_state), set_hash)
        shard_id = blocks.identify(BASECHAIN, moment.seqno, shard)
        earlier = earlier_blocks(moment.seqno, self.ids, set_hash)
        state = blocks.masterchain_state(moment, shard_id, self.config, earlier)
        states = (previous.masterchain_state, state)
        made = blocks.masterchain_block(moment, previous.ids, states, set_hash, self.config)
        own_id = blocks.identify(MASTERCHAIN, moment.seqno, made)
        ids = BlockIds(moment.seqno, moment.utime, moment.end_lt, own_id, shard_id)
        return Block(ids, made, shard, state, shard_state)

    def _show(self, block: Block) -> None:
        seqno = block.ids.seqno
        self._ids[seqno], self._blocks[seqno] = block.ids, block
        if seqno == blocks.KEY_BLOCK:
            self._key_block = block.masterchain_block

    def _forget(self, seqno: int) -> None:
        self._blocks.pop(seqno, None)
        if seqno not in self._lasting:
            self._ids.pop(seqno, None)

    # ---- the beginning, and after a restart

    def _begin(self) -> None:
        for key, balance in self.genesis.balances.items():
            self._set_account(key, account_of(funded(key, balance, self.genesis.utime)))
        moment = Moment(0, self.genesis.utime, 0, 0)
        shard_state = blocks.shard_state(moment, self._dictionary.root())
        shard_id = blocks.identify(BASECHAIN, 0, shard_state)
        earlier = earlier_blocks(0, self.ids, self.validator.set_hash)
        state = blocks.masterchain_state(moment, shard_id, self.config, earlier)
        own_id = blocks.identify(MASTERCHAIN, 0, state)
        ids = BlockIds(0, self.genesis.utime, 0, own_id, shard_id)
        self._zero = Block(ids, blocks.EMPTY, blocks.EMPTY, state, shard_state)
        self._lasting = {0}
        self._show(self._zero)

    def _resume(self, saved: Saved) -> None:
        """Go on after the last stored block; its states are made again, and must be the ones that it names."""
        for key, account in saved.accounts.items():
            self._set_account(key, account)
        for key, stored in saved.transactions:
            self.transactions[key].append(stored)
        for ids, lasting in saved.ids:
            self._ids[ids.seqno] = ids
            self._lasting |= {ids.seqno} if lasting else set()
        self._key_block = saved.key_block
        if saved.last_block:
            self._show(self._restored(self.ids(max(self._ids)), saved.last_block))

    def _restored(self, ids: BlockIds, stored: tuple[Cell, Cell]) -> Block:
        moment = Moment(ids.seqno, ids.utime, 0, ids.end_lt)
        self._lt = ids.end_lt
        earlier = earlier_blocks(ids.seqno, self.ids, self.validator.set_hash)
        state = blocks.masterchain_state(moment, ids.shard, self.config, earlier)
        block = Block(ids, *stored, state, blocks.shard_state(moment, self._dictionary.root()))
        if [cell.refs[2].refs[1].get_hash(0) for cell in stored] != [state.hash, block.shard_state.hash]:
            raise BadCells(f"the stored block {ids.seqno} is not of this chain: its state is another one")
        return block
