"""Owners are paid by a real contract on a local chain, and the books follow the chain."""

from __future__ import annotations

import pytest

from tests.chaos.payout.chain_world import STRANGER, TON, ChainWorld
from tests.chaos.payout.owners import owner
from tests.chaos.payout.payer import Payer, account_of

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
