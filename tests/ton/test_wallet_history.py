"""What becomes of a batch, read back from the chain: paid, returned, burnt, or somebody else's coins."""

from __future__ import annotations

import random

import msgspec
import pytest
from ton_core import begin_cell

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import Address
from cocoon.ton.cells import to_boc
from cocoon.ton.chain import TransactionId, WalletTransaction
from cocoon.ton.highload import OWN_MESSAGE_VALUE, Transfer, query_id
from cocoon.ton.localton.local_chain import NotAcceptable
from cocoon.ton.localton.mempool import Odds, Unreliable
from cocoon.ton.localton.native_cells import native_from_boc
from cocoon.ton.messages import internal_message
from cocoon.ton.payment_comment import comment_body
from cocoon.ton.transactions import parse_transaction
from cocoon.ton.wallet_history import Accepted, ListReturned, NotOurs, Paid, Received, Returned, WalletEvent, read_event
from tests.ton.kit import START, TON, WALLET, Payer, payee, transfers

pytestmark = pytest.mark.ton
STRANGER = Address(0, b"\xee" * 32)


def _history(payer: Payer) -> list[WalletTransaction]:
    return [parse_transaction(row.content) for row in payer.chain.transactions[WALLET.address.hash]]


def _events(payer: Payer) -> list[WalletEvent]:
    return [read_event(WALLET, transaction) for transaction in _history(payer)]


def _gift(payer: Payer, amount: int, comment: str = "", to: Address = WALLET.address) -> None:
    message = internal_message(to, NanoTon(amount), comment_body(comment), source=STRANGER)
    payer.chain.mempool.add(native_from_boc(to_boc(message)))
    payer.next_block()


def test_a_batch_is_accepted_and_then_paid() -> None:
    payer = Payer()
    payer.pay(0, transfers(254), created_at=START - 100)

    assert _events(payer) == [Accepted(query_id(0), START - 100, list_sent=True), Paid(query_id(0), transfers(254))]


def test_history_links_back_to_the_beginning() -> None:
    payer = Payer()
    payer.pay(0, transfers(1))
    payer.pay(1, transfers(1))
    history = _history(payer)

    assert [transaction.previous for transaction in history[1:]] == [transaction.id for transaction in history[:-1]]
    assert history[0].previous == TransactionId(0, bytes(32))


def test_a_list_that_the_balance_does_not_cover_pays_nobody() -> None:
    payer = Payer(balance=10 * TON)
    payer.pay(0, transfers(11))

    accepted, paid, *rest = _events(payer)
    assert accepted == Accepted(query_id(0), START - 5, list_sent=True)
    assert paid == Paid(query_id(0), ())
    assert [type(event) for event in rest] in ([], [ListReturned])
    assert all(payer.chain.balance(payee(number).hash) == 0 for number in range(1, 12))
    with pytest.raises(NotAcceptable):  # the query id is burnt
        payer.pay(0, transfers(1))


def test_a_wallet_too_poor_for_its_own_message_burns_the_query_id() -> None:
    payer = Payer(balance=OWN_MESSAGE_VALUE)
    payer.pay(0, transfers(1, amount=1))

    assert _events(payer) == [Accepted(query_id(0), START - 5, list_sent=False)]


def test_a_bounced_transfer_names_its_payment() -> None:
    payer = Payer()
    payer.pay(0, (Transfer(payee(1), NanoTon(TON), "01JDQ8X5TBGN6Z0M3K7V2W9Y4C-7", bounce=True),))

    returned = _events(payer)[2]
    assert isinstance(returned, Returned)
    assert (returned.source, returned.payment) == (payee(1), "01JDQ8X5TBGN6Z0M3K7V2W9Y4C-7")
    assert 0 < TON - returned.amount < TON // 100
    assert payer.chain.balance(payee(1).hash) == 0


def test_coins_from_a_stranger_are_received_with_their_comment() -> None:
    payer = Payer()
    payer.pay(0, transfers(1))
    _gift(payer, 5 * TON, "deposit 17")
    _gift(payer, TON)

    assert _events(payer)[2:] == [
        Received(STRANGER, NanoTon(5 * TON), "deposit 17"),
        Received(STRANGER, NanoTon(TON), ""),
    ]


def test_a_message_expires_in_chain_time() -> None:
    payer = Payer()
    message = payer.message(0, transfers(1), created_at=START)
    payer.next_block(seconds=WALLET.timeout - 1)
    payer.chain.accept(message)  # the last second
    payer.clock.now += 1
    payer.next_block(seconds=0)

    assert _events(payer) == []
    with pytest.raises(NotAcceptable):
        payer.chain.accept(message)


def test_a_message_from_the_future_waits() -> None:
    payer = Payer()
    message = payer.message(0, transfers(1), created_at=START + 10)
    with pytest.raises(NotAcceptable):
        payer.chain.accept(message)
    payer.next_block(seconds=10)
    payer.chain.accept(message)


def test_another_accounts_transaction_is_not_ours() -> None:
    payer = Payer()
    payer.pay(0, transfers(1))
    transaction = _history(payer)[0]
    assert transaction.inbound is not None
    other = begin_cell().store_uint(7, 32).end_cell()
    bodies = [other, begin_cell().store_ref(other).end_cell()]
    inbound = [msgspec.structs.replace(transaction.inbound, body=to_boc(body)) for body in bodies]
    for message in (*inbound, None):
        with pytest.raises(NotOurs):
            read_event(WALLET, msgspec.structs.replace(transaction, inbound=message))


def test_an_unreliable_network_has_the_same_luck_with_the_same_seed() -> None:
    def fate(seed: int) -> list[int]:
        payer, made = Payer(), []
        payer.pay(0, transfers(1))
        payer.chain.mempool = Unreliable(random.Random(seed), Odds(lost=0.4, late=0.3, twice=0.2, blocks_late=3))
        for number in range(1, 12):
            payer.chain.accept(payer.message(number, transfers(1)))
            made.append(payer.next_block())
        return made

    assert fate(1) == fate(1)
    assert len({tuple(fate(seed)) for seed in range(5)}) > 1


def test_a_repeated_message_is_executed_once() -> None:
    mempool = Unreliable(random.Random(0), Odds(lost=0, late=0, twice=1, blocks_late=2))
    payer = Payer(mempool=mempool)
    payer.pay(0, transfers(1))
    for _ in range(4):
        payer.next_block()

    assert mempool.repeated == 1
    assert len(_events(payer)) == 2


@pytest.mark.parametrize(("count", "limit"), [(1, 1_000_000), (10, 270_000), (100, 195_000), (254, 190_000)])
def test_what_a_transfer_costs(count: int, limit: int) -> None:
    """nanoTON above its amount, deployment not counted, at the main network's prices."""
    payer = Payer()
    payer.pay(0, transfers(1))
    before = payer.chain.balance(WALLET.address.hash)
    payer.pay(1, tuple(Transfer(payee(n), NanoTon(TON), f"01JDQ8X5TBGN6Z0M3K7V2W{n:04}") for n in range(1, count + 1)))

    spent = before - payer.chain.balance(WALLET.address.hash) - count * TON
    assert 0 < spent / count <= limit
