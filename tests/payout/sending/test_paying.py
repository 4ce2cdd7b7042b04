"""Owners are paid by a real contract on a local chain, and the books follow the chain."""

from __future__ import annotations

import pytest
from msgspec import structs
from sqlalchemy import update

from cocoon.api.money import NanoTon
from cocoon.payout.sending import books
from cocoon.payout.store.sending import LANES
from cocoon.ton.chain import NotAccepted
from cocoon.ton.highload import QUERY_IDS, Batch, Transfer, batch_message, query_id
from tests.chaos.payout.chain_world import KEY, STRANGER, TON, ChainWorld
from tests.chaos.payout.owners import owner
from tests.chaos.payout.payer import RULES, Payer, account_of

pytestmark = pytest.mark.ton


async def test_an_owner_is_paid_what_was_earned(database: str) -> None:
    world = ChainWorld()
    world.fund()
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, 3 * TON)
        await payer.owes("r2", 1, 4 * TON)
        last = await payer.rounds(3)

        assert last.drift == 0
        assert await payer.transfers() == [(owner(1).raw(), "confirmed", 7 * TON)]
        assert world.balance(owner(1)) == 7 * TON
        assert await payer.owed() == 0
        assert await payer.sound()


async def test_coins_of_a_stranger_are_no_drift(database: str) -> None:
    world = ChainWorld()
    world.fund(10 * TON)
    world.give(world.lanes[0].address, 5 * TON, STRANGER)
    world.next_block()
    async with Payer(world, database) as payer:
        assert (await payer.round()).drift == 0
        found = await payer.balances()
        assert (found["unattributed"], found["deposits"]) == (5 * TON, 10 * TON)


async def test_a_lost_message_is_sent_again_and_never_another(database: str) -> None:
    world = ChainWorld()
    world.fund()
    world.mempool.losing = True
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, TON)
        await payer.rounds(100, seconds=10)
        assert [state for _, state, _ in await payer.transfers()] == ["sent"]
        world.mempool.losing = False
        await payer.rounds(20)
        assert [state for _, state, _ in await payer.transfers()] == ["confirmed"]
        assert world.balance(owner(1)) == TON


async def test_what_can_not_be_accepted_any_more_is_paid_by_another_message(database: str) -> None:
    world = ChainWorld(timeout=120)
    world.fund()
    world.mempool.losing = True
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, TON)
        await payer.rounds(30, seconds=10)
        world.mempool.losing = False
        await payer.rounds(30, seconds=10)
        states = [state for _, state, _ in await payer.transfers()]
        assert states[0] == "expired"
        assert states[-1] == "confirmed"
        assert world.balance(owner(1)) == TON
        assert (await payer.round()).drift == 0
    assert account_of(1).payee == owner(1).raw()


async def test_a_message_is_given_up_a_margin_after_it_ran_out_and_not_sent_in_between(database: str) -> None:
    """The block that shows the time may be ahead of the wallet's own."""
    world = ChainWorld(timeout=120)
    world.fund()
    world.mempool.losing = True
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, TON)
        await payer.round()
        async with payer.store.reading() as connection:
            [message] = await books.outgoing(connection, world.lanes[0])
        world.next_block(message.expires_at - 1 - world.now)
        assert (await payer.round()).sent == 1, "it can still be taken"
        world.next_block(message.expires_at + RULES.expiry_margin - 1 - world.now)
        assert (await payer.round()).sent == 0
        assert [state for _, state, _ in await payer.transfers()] == ["sent"]
        await payer.round()
        assert [state for _, state, _ in await payer.transfers()] == ["expired", "sent"]


async def test_what_came_back_has_waited_long_enough(database: str) -> None:
    world = ChainWorld(timeout=120)
    world.fund()
    world.mempool.losing = True
    slow = structs.replace(RULES, minimum_payout=NanoTon(10 * TON), maximum_delay=3_600.0)
    async with Payer(world, database, slow) as payer:
        await payer.owes("r1", 1, TON, at=world.now - 3_600)
        await payer.rounds(10, seconds=20)
        world.mempool.losing = False
        await payer.rounds(5)
        assert [state for _, state, _ in await payer.transfers()] == ["expired", "confirmed"]


async def test_what_was_paid_before_does_not_make_the_rest_wait_less(database: str) -> None:
    world = ChainWorld()
    world.fund()
    slow = structs.replace(RULES, minimum_payout=NanoTon(10 * TON), maximum_delay=3_600.0)
    async with Payer(world, database, slow) as payer:
        await payer.owes("r1", 1, 10 * TON)
        await payer.rounds(3)
        world.next_block(4_000)
        await payer.owes("r2", 1, TON)
        await payer.rounds(3)
        assert world.balance(owner(1)) == 10 * TON
        world.next_block(3_600)
        await payer.rounds(3)
        assert [amount for _, _, amount in await payer.transfers()] == [10 * TON, TON]


async def test_a_query_id_is_used_again_when_the_wallet_has_surely_forgotten_it(database: str) -> None:
    """It forgets lazily, when it takes another message: here, one that makes it remember for as long as it can."""
    world, life = ChainWorld(timeout=120), 120
    world.fund()
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, TON)
        await payer.round()
        async with payer.store.reading() as connection:
            [first] = await books.outgoing(connection, world.lanes[0])
        taken = world.now
        world.next_block(2 * life - 1)
        await payer.owes("r2", 2, TON)
        await payer.rounds(3)
        async with payer.store.writing() as connection:
            await connection.execute(update(LANES).values(next_query=QUERY_IDS))
        await payer.owes("r3", 3, TON)
        world.next_block(taken + 3 * life - 1 - world.now)
        again = Batch(query_id(0), world.now - 5, (Transfer(owner(4), NanoTon(1)),))
        with pytest.raises(NotAccepted):
            await payer.chain.send(batch_message(world.lanes[0].wallet, KEY, again))
        world.next_block(first.expires_at + 3 * life - world.now)
        assert (await payer.round()).reserved == 0
        await payer.rounds(3)
        assert [state for _, state, _ in await payer.transfers()] == ["confirmed"] * 3
