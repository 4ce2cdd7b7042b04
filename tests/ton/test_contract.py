"""What every `Chain` has to do, tried on pytonlib against a local chain."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cocoon.api.money import NanoTon
from cocoon.ton.chain import BEFORE_THE_FIRST, Chain, HistoryGap, NotAccepted, TransactionId, oldest_first
from cocoon.ton.highload import Transfer
from cocoon.ton.localton.queries import Queries
from cocoon.ton.pytonlib_chain import PytonlibChain
from cocoon.ton.wallet_history import Accepted, Paid, read_event
from tests.ton.kit import START, TON, WALLET, Payer, payee, served, transfers

pytestmark = pytest.mark.ton


@pytest.fixture
def payer() -> Payer:
    return Payer()


@pytest.fixture
async def chain(payer: Payer) -> AsyncIterator[Chain]:
    async with served(Queries(payer.chain)) as config, PytonlibChain(config) as client:
        yield client


async def test_the_head_is_the_newest_block_in_chain_time(payer: Payer, chain: Chain) -> None:
    payer.next_block(seconds=30)

    head = await chain.head()

    assert (head.seqno, head.utime) == (2, START + 30)
    assert head.zero_state == chain.zero_state
    assert chain.zero_state.root_hash == payer.chain.zero_state.ids.masterchain.root_hash


async def test_an_account_that_does_not_exist_is_empty(chain: Chain) -> None:
    account = await chain.account(payee(1))

    assert (account.balance, account.deployed, account.last) == (0, False, BEFORE_THE_FIRST)


async def test_an_account_can_have_coins_before_it_has_code(chain: Chain) -> None:
    account = await chain.account(WALLET.address)

    assert (account.balance, account.deployed) == (1000 * TON, False)


async def test_a_message_pays(payer: Payer, chain: Chain) -> None:
    await chain.send(payer.message(0, transfers(3)))
    payer.next_block()

    assert (await chain.account(WALLET.address)).deployed
    assert [(await chain.account(payee(number))).balance for number in (1, 2, 3, 4)] == [TON, TON, TON, 0]


async def test_a_message_is_taken_once(payer: Payer, chain: Chain) -> None:
    message = payer.message(0, transfers(1))
    await chain.send(message)
    payer.next_block()

    with pytest.raises(NotAccepted):
        await chain.send(message)


async def test_history_is_read_page_by_page_without_a_gap(payer: Payer, chain: Chain) -> None:
    for number in range(12):
        payer.pay(number, transfers(2, first=100 * number + 1))
    newest = (await chain.account(WALLET.address)).last

    events = [
        read_event(WALLET, transaction)
        for transaction in await oldest_first(chain, WALLET.address, newest, BEFORE_THE_FIRST)
    ]

    assert [event.query_id for event in events if isinstance(event, Accepted)] == list(range(12))
    assert [event.transfers for event in events if isinstance(event, Paid)] == [
        transfers(2, first=100 * number + 1) for number in range(12)
    ]


async def test_history_stops_at_what_is_known(payer: Payer, chain: Chain) -> None:
    payer.pay(0, transfers(1))
    known = (await chain.account(WALLET.address)).last
    payer.pay(1, transfers(1))
    newest = (await chain.account(WALLET.address)).last

    fresh = await oldest_first(chain, WALLET.address, newest, known)

    assert len(fresh) == 2
    assert fresh[0].previous == known
    assert await oldest_first(chain, WALLET.address, known, known) == []


@pytest.mark.parametrize(
    "other", [TransactionId(60_000_000_000_000, b"\1" * 32), TransactionId(50_000_000_000_001, b"\1" * 32)]
)
async def test_a_history_without_what_we_know_is_a_gap(payer: Payer, chain: Chain, other: TransactionId) -> None:
    payer.pay(0, transfers(1))
    newest = (await chain.account(WALLET.address)).last

    with pytest.raises(HistoryGap):
        await oldest_first(chain, WALLET.address, newest, other)


async def test_fees_and_values_explain_the_balance(payer: Payer, chain: Chain) -> None:
    payer.pay(0, transfers(5))
    account = await chain.account(WALLET.address)

    balance = 1000 * TON
    for transaction in await oldest_first(chain, WALLET.address, account.last, BEFORE_THE_FIRST):
        balance += transaction.inbound.value if transaction.inbound else 0
        balance -= sum(message.value for message in transaction.outbound) + transaction.fees

    assert balance == account.balance


async def test_a_payee_sees_the_payment_id(payer: Payer, chain: Chain) -> None:
    payer.pay(0, (Transfer(payee(7), NanoTon(TON), "01JDQ8X5TBGN6Z0M3K7V2W9Y4C-7"),))
    newest = (await chain.account(payee(7))).last

    received = [transaction async for transaction in chain.history(payee(7), newest, BEFORE_THE_FIRST)]

    assert received[0].inbound is not None
    assert b"01JDQ8X5TBGN6Z0M3K7V2W9Y4C-7" in received[0].inbound.body
