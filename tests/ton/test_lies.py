"""What a lying lite-server can't make pytonlib believe, and the two lies that no proof can show."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from ton_core import Cell

from cocoon.api.money import NanoTon
from cocoon.ton.cells import to_boc
from cocoon.ton.chain import BEFORE_THE_FIRST, Lagging, Lying, TransactionId, oldest_first
from cocoon.ton.localton import proven_answers
from cocoon.ton.localton.accounts import funded
from cocoon.ton.localton.local_chain import LocalChain
from cocoon.ton.localton.queries import Queries
from cocoon.ton.localton.records import Genesis, StoredTransaction
from cocoon.ton.localton.tl import TL, TRUE, TlReader, tl_block_id, tl_bytes, tl_int, tl_uint
from cocoon.ton.localton.validator import Validator
from cocoon.ton.pytonlib_chain import Limits, PytonlibChain, Span, _linked
from tests.ton.kit import START, TON, WALLET, Clock, Payer, config_of, served, transfers

pytestmark = pytest.mark.ton


def _rich_chain() -> LocalChain:
    """Another chain, in which the same wallet has much more."""
    chain = LocalChain(Genesis({WALLET.address.hash: NanoTon(10**9 * TON)}, START), clock=Clock(START + 1))
    for _ in range(3):
        chain.produce()
    return chain


def _parts(answer: bytes) -> tuple[bytes, bytes, bytes]:
    """Shard proof, account proof and account of an `accountState`."""
    reader = TlReader(answer)
    reader.raw(4)
    reader.block_id(), reader.block_id()
    return reader.blob(), reader.blob(), reader.blob()


class WrongValidator(Queries):
    """Signs blocks with a key that the configuration does not name."""

    def __init__(self, chain: LocalChain) -> None:
        super().__init__(chain)
        chain.validator = Validator(b"somebody else")


class Unsigned(Queries):
    """Says that the newest block needs no proof."""

    def on_get_block_proof(self, query: TlReader) -> bytes:
        query.uint()
        known, head = query.block_id(), self.chain.last.ids.masterchain
        return TL["partialBlockProof"] + TRUE + tl_block_id(known) + tl_block_id(head) + tl_uint(0)


Proofs = tuple[bytes, bytes, bytes]


class _ForgedAccount(Queries):
    def on_get_account_state(self, query: TlReader) -> bytes:
        block = self.chain.block(query.block_id().seqno)
        query.int32()
        account = query.raw(32)
        honest = proven_answers.account_state(self.chain, block, account)
        head = honest[: 4 + 2 * len(tl_block_id(block.ids.shard))]
        return head + b"".join(tl_bytes(part) for part in self.forge(account, *_parts(honest)))

    def forge(self, account: bytes, shard_proof: bytes, proof: bytes, state: bytes) -> Proofs:
        raise NotImplementedError


class RichAccount(_ForgedAccount):
    """Honest proofs, another account behind them."""

    def forge(self, account: bytes, shard_proof: bytes, proof: bytes, state: bytes) -> Proofs:
        return shard_proof, proof, to_boc(funded(account, NanoTon(10**9 * TON), START).refs[0])


class HiddenAccount(_ForgedAccount):
    """Honest proofs, and the account left out."""

    def forge(self, account: bytes, shard_proof: bytes, proof: bytes, state: bytes) -> Proofs:
        return shard_proof, proof, b""


class ForgedShardState(_ForgedAccount):
    """The state of another chain, with that chain's own proof, behind an honest masterchain."""

    def forge(self, account: bytes, shard_proof: bytes, proof: bytes, state: bytes) -> Proofs:
        rich = _rich_chain()
        return shard_proof, *_parts(proven_answers.account_state(rich, rich.last, account))[1:]


class OlderShardBlock(_ForgedAccount):
    """A real shard block, but not the one in the signed masterchain state."""

    def forge(self, account: bytes, shard_proof: bytes, proof: bytes, state: bytes) -> Proofs:
        return shard_proof, *_parts(proven_answers.account_state(self.chain, self.chain.block(2), account))[1:]


class EditedTransactions(Queries):
    """Every transaction with its last bit changed, under the real one's name."""

    def on_get_transactions(self, query: TlReader) -> bytes:
        for rows in self.chain.transactions.values():
            rows[:] = [_edited(row) for row in rows]
        return super().on_get_transactions(query)


class LeftOutTransaction(Queries):
    """The newest transaction is right, the one before it is left out."""

    def on_get_transactions(self, query: TlReader) -> bytes:
        for rows in self.chain.transactions.values():
            if len(rows) > 2:
                del rows[-2]
        return super().on_get_transactions(query)


class OtherTransaction(Queries):
    """A real transaction of the account, but not the one that was asked for."""

    def on_get_transactions(self, query: TlReader) -> bytes:
        count, _, account = query.uint(), query.int32(), query.raw(32)
        first = self.chain.transactions[account][0]
        forged = tl_uint(count) + tl_int(0) + account + first.lt.to_bytes(8, "little") + first.hash
        return super().on_get_transactions(TlReader(forged))


def _edited(row: StoredTransaction) -> StoredTransaction:
    cell = Cell.one_from_boc(row.content)
    bits = cell.bits.copy()
    bits.invert(len(bits) - 1)
    return StoredTransaction(row.lt, row.seqno, row.hash, to_boc(Cell(bits, cell.refs)))


@pytest.fixture
def payer() -> Payer:
    payer = Payer()
    for number in range(3):
        payer.pay(number, transfers(2))
    return payer


@pytest.mark.parametrize(
    "liar", [WrongValidator, Unsigned, RichAccount, HiddenAccount, ForgedShardState, OlderShardBlock]
)
async def test_a_forged_account_is_a_lie(payer: Payer, liar: Callable[[LocalChain], Queries]) -> None:
    async with served(liar(payer.chain)) as config, PytonlibChain(config) as chain:
        with pytest.raises(Lying):
            await chain.account(WALLET.address)


@pytest.mark.parametrize("liar", [EditedTransactions, LeftOutTransaction, OtherTransaction])
async def test_a_forged_history_is_a_lie(payer: Payer, liar: Callable[[LocalChain], Queries]) -> None:
    async with served(liar(payer.chain)) as config, PytonlibChain(config) as chain:
        newest = (await chain.account(WALLET.address)).last
        with pytest.raises(Lying):
            await oldest_first(chain, WALLET.address, newest, BEFORE_THE_FIRST)


async def test_another_chain_is_a_lie(payer: Payer) -> None:
    """The configuration names our chain; the server has another one, with another zero state."""
    async with served(Queries(_rich_chain())) as theirs, served(Queries(payer.chain)) as ours:
        content = {**ours.content, "liteservers": theirs.content["liteservers"]}
        async with PytonlibChain(config_of(content)) as chain:
            with pytest.raises(Lying):
                await chain.account(WALLET.address)


class FrozenHead(Queries):
    """Shows an old head; every proof is genuine."""

    def on_get_block_proof(self, query: TlReader) -> bytes:
        mode, known = query.uint(), query.block_id()
        target = query.block_id().seqno if mode & 1 else 3
        return proven_answers.block_proof(self.chain, known, self.chain.ids(target))

    def on_get_masterchain_info(self, query: TlReader) -> bytes:
        old, zero = self.chain.block(3), self.chain.zero_state.ids.masterchain
        answer = TL["masterchainInfo"] + tl_block_id(old.ids.masterchain) + old.masterchain_state.hash
        return answer + tl_int(-1) + zero.root_hash + zero.file_hash


async def test_an_old_head_is_noticed_by_the_clock_only(payer: Payer) -> None:
    now = [0.0]
    async with (
        served(FrozenHead(payer.chain)) as config,
        PytonlibChain(config, Limits(lag_seconds=60), monotonic=lambda: now[0]) as chain,
    ):
        assert (await chain.head()).seqno == 3
        now[0] = 59
        assert (await chain.head()).seqno == 3
        now[0] = 61
        with pytest.raises(Lagging):
            await chain.head()


class Swallowing(Queries):
    """Says that it took a message, and throws it away."""

    def on_send_message(self, query: TlReader) -> bytes:
        return TL["sendMsgStatus"] + tl_int(1)


async def test_a_swallowed_message_is_noticed_by_the_history_only(payer: Payer) -> None:
    async with served(Swallowing(payer.chain)) as config, PytonlibChain(config) as chain:
        before = await chain.account(WALLET.address)
        await chain.send(payer.message(7, transfers(1)))
        payer.next_block()
        assert (await chain.account(WALLET.address)).last == before.last


@pytest.mark.parametrize("forge", [_edited, lambda row: msgspec.structs.replace(row, content=row.content[:-9])])
def test_we_check_the_hashes_too(payer: Payer, forge: Callable[[StoredTransaction], StoredTransaction]) -> None:
    """Whatever tonlib has checked, a transaction that we act on is the one that its successor names."""
    rows = payer.chain.transactions[WALLET.address.hash][::-1]
    span = Span(TransactionId(rows[0].lt, rows[0].hash), BEFORE_THE_FIRST)
    assert len(_linked([row.content for row in rows], span)) == 6
    for forged in ([*rows[:2], forge(rows[2]), *rows[3:]], [rows[0], *rows[2:]], rows[1:]):
        with pytest.raises(Lying):
            _linked([row.content for row in forged], span)
