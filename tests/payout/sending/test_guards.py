"""What stops money from leaving: each guard, tried on a chain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from cocoon.api.money import NanoTon
from cocoon.api.payout import Pause
from cocoon.api.ton_address import Address
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, post
from cocoon.payout.pauses import PauseSwitch
from cocoon.payout.sending.books import WrongWallet
from cocoon.payout.sending.rules import Lane, cost, needed
from cocoon.payout.stamp import be_quiet
from cocoon.ton.chain import AccountState, HistoryGap, Lagging, TransactionId, WalletTransaction
from cocoon.ton.highload import wallet_of
from tests.chaos.payout.chain_world import STRANGER, TON, ChainWorld
from tests.chaos.payout.direct_chain import DirectChain
from tests.chaos.payout.owners import owner
from tests.chaos.payout.payer import CLUSTER, RULES, Payer, account_of

pytestmark = pytest.mark.ton


@pytest.fixture
def world() -> ChainWorld:
    world = ChainWorld()
    world.fund()
    return world


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'books.sqlite'}"


@pytest.fixture
async def payer(world: ChainWorld, url: str) -> AsyncIterator[Payer]:
    async with Payer(world, url) as payer:
        yield payer


async def states(payer: Payer) -> list[str]:
    return [state for _, state, _ in await payer.transfers()]


async def test_a_pause_stops_everything_and_survives_a_restart(world: ChainWorld, url: str) -> None:
    async with Payer(world, url) as payer:
        await payer.owes("r1", 1, TON)
        await PauseSwitch(payer.store, lambda: 0.0).pause("me", Pause())
        await payer.rounds(3)
    async with Payer(world, url) as payer:
        await payer.rounds(3)
        assert await states(payer) == []
        await PauseSwitch(payer.store, lambda: 0.0).resume(Pause())
        await payer.rounds(3)
        assert await states(payer) == ["confirmed"]


async def test_a_pause_stops_what_is_reserved_and_not_sent(world: ChainWorld, payer: Payer) -> None:
    world.mempool.losing = True
    await payer.owes("r1", 1, TON)
    await payer.round()
    await PauseSwitch(payer.store, lambda: 0.0).pause("me", Pause())
    world.mempool.losing = False
    await payer.rounds(5, seconds=20)
    assert world.balance(owner(1)) == 0


async def test_one_owner_can_be_paused(world: ChainWorld, payer: Payer) -> None:
    await payer.owes("r1", 1, TON)
    await payer.owes("r2", 2, TON)
    await PauseSwitch(payer.store, lambda: 0.0).pause("me", Pause(subject=account_of(1).provider))
    await payer.rounds(3)
    assert [world.balance(owner(number)) for number in (1, 2)] == [0, TON]


async def test_nothing_is_sent_while_it_is_quiet(world: ChainWorld, payer: Payer) -> None:
    await payer.owes("r1", 1, TON)
    async with payer.store.writing() as connection:
        await be_quiet(connection, world.now + 60)
    await payer.rounds(3, seconds=10)
    assert await states(payer) == []
    await payer.rounds(6, seconds=10)
    assert await states(payer) == ["confirmed"]


async def test_what_was_reserved_before_is_not_sent_while_it_is_quiet(world: ChainWorld, payer: Payer) -> None:
    world.mempool.losing = True
    await payer.owes("r1", 1, TON)
    await payer.round()
    async with payer.store.writing() as connection:
        await be_quiet(connection, world.now + 100)
    world.mempool.losing = False
    await payer.rounds(5, seconds=20)
    assert world.balance(owner(1)) == 0
    await payer.rounds(3)
    assert world.balance(owner(1)) == TON


async def test_the_daily_cap_counts_through_a_restart_and_ends_at_midnight(world: ChainWorld, url: str) -> None:
    rules = structs.replace(RULES, daily_cap=NanoTon(5 * TON))
    async with Payer(world, url, rules) as payer:
        await payer.owes("r1", 1, 3 * TON)
        await payer.rounds(3)
    async with Payer(world, url, rules) as payer:
        await payer.owes("r2", 2, 3 * TON)
        await payer.rounds(3)
        assert world.balance(owner(2)) == 2 * TON
        world.next_block(86_400)
        await payer.rounds(3)
        assert sum(amount for _, _, amount in await payer.transfers()) == 6 * TON


async def test_what_was_given_up_does_not_count_towards_the_daily_cap(url: str) -> None:
    world = ChainWorld(timeout=120)
    world.fund()
    world.mempool.losing = True
    async with Payer(world, url, structs.replace(RULES, daily_cap=NanoTon(TON))) as payer:
        await payer.owes("r1", 1, TON)
        await payer.rounds(10, seconds=20)
        world.mempool.losing = False
        await payer.rounds(5)
        assert await states(payer) == ["expired", "confirmed"]


@pytest.mark.parametrize(("short", "reserved"), [(-cost(0), 2), (1, 1)], ids=["enough for two", "short by 1 nanoTON"])
async def test_what_messages_on_the_way_will_cost_is_not_spent(
    world: ChainWorld, url: str, short: int, reserved: int
) -> None:
    """Each will need coins for the wallet's message to itself, too, when it is taken."""
    reserve = world.balance(world.lanes[0].address) - 2 * needed(NanoTon(TON), 1) + short
    world.mempool.losing = True
    async with Payer(world, url, structs.replace(RULES, reserve=NanoTon(reserve))) as payer:
        for number in (1, 2):
            await payer.owes(f"r{number}", number, TON)
            await payer.round()
        assert await states(payer) == ["sent"] * reserved


async def test_the_reserve_stays_in_the_hot_wallet(world: ChainWorld, url: str) -> None:
    rules = structs.replace(RULES, reserve=NanoTon(990 * TON))
    async with Payer(world, url, rules) as payer:
        for number in range(20):
            await payer.owes(f"r{number}", number, TON)
        await payer.rounds(30)
        assert world.balance(world.lanes[0].address) >= 990 * TON
        assert sum(world.balance(owner(number)) for number in range(20)) == 9 * TON


async def test_an_empty_wallet_that_is_filled_late_pays_then(url: str) -> None:
    world = ChainWorld()
    async with Payer(world, url) as payer:
        await payer.owes("r1", 1, TON)
        await payer.rounds(5)
        assert await states(payer) == []
        world.fund(10 * TON)
        await payer.rounds(3)
        assert world.balance(owner(1)) == TON


@pytest.mark.parametrize("address", ["-1:" + "1" * 64, "0:12", "EQ" + "A" * 46])
async def test_a_bad_address_is_never_paid_and_holds_up_nobody(world: ChainWorld, payer: Payer, address: str) -> None:
    bad = accounts.payee(CLUSTER, "p", address)
    async with payer.store.writing() as connection:
        await post(connection, [Entry("x", 0.0, accounts.DEPOSITS, bad, NanoTon(TON), "work", "x")])
    await payer.owes("r1", 1, TON)
    await payer.rounds(3)
    assert world.balance(owner(1)) == TON
    assert list(payer.payments.sender.unpayable) == [bad.name]


async def test_our_own_wallet_is_never_a_payee(world: ChainWorld, payer: Payer) -> None:
    own = accounts.payee(CLUSTER, "p", world.lanes[0].address.raw())
    async with payer.store.writing() as connection:
        await post(connection, [Entry("x", 0.0, accounts.DEPOSITS, own, NanoTon(TON), "work", "x")])
    await payer.rounds(3)
    assert await states(payer) == []


async def test_coins_that_left_by_no_word_of_the_books_stop_everything(world: ChainWorld, payer: Payer) -> None:
    """Whatever the cause: here, an entry that says that the wallet holds more than it does."""
    await payer.owes("r1", 1, TON)
    async with payer.store.writing() as connection:
        entry = Entry("x", 0.0, accounts.HOT_WALLET, accounts.DEPOSITS, NanoTon(7), "funding", "x")
        await post(connection, [entry])
    last = await payer.rounds(3)
    assert last.drift == -7
    assert await states(payer) == []


async def test_another_key_is_not_taken_for_the_lane(world: ChainWorld, url: str) -> None:
    async with Payer(world, url):
        pass
    other = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    world.lanes = (Lane(wallet_of(other, world.lanes[0].number)),)
    with pytest.raises(WrongWallet, match="mount the old key"):
        async with Payer(world, url):
            pass


class Lying(DirectChain):
    """Says something else of a wallet than what is so."""

    lie: Callable[[AccountState], AccountState] = staticmethod(lambda state: state)

    async def account(self, address: Address) -> AccountState:
        return self.lie(await super().account(address))


def lying(world: ChainWorld) -> Lying:
    port = world.port()
    return Lying(port._chain, port._luck)


def earlier_transaction(state: AccountState) -> AccountState:
    return structs.replace(state, last=structs.replace(state.last, lt=state.last.lt - 1))


def earlier_block(state: AccountState) -> AccountState:
    return structs.replace(state, at=structs.replace(state.at, utime=state.at.utime - 100))


def other_transaction(state: AccountState) -> AccountState:
    return structs.replace(state, last=structs.replace(state.last, hash=b"\7" * 32))


@pytest.mark.parametrize(
    ("lie", "code"),
    [(earlier_transaction, Lagging.code), (earlier_block, Lagging.code), (other_transaction, HistoryGap.code)],
)
async def test_a_chain_that_went_back_pays_nobody(
    world: ChainWorld, url: str, lie: Callable[[AccountState], AccountState], code: str
) -> None:
    for _ in range(3):
        world.give(world.lanes[0].address, TON, STRANGER)
        world.next_block()
    port = lying(world)
    async with Payer(world, url, chain=port) as payer:
        await payer.rounds(2)
        port.lie = lie
        await payer.owes("r1", 1, TON)
        found = await payer.rounds(2)
        assert code in found.failed[world.lanes[0].number]
        assert found.drift is None
        assert await states(payer) == []


class Forgetful(DirectChain):
    """Leaves out the newest but one of a wallet's transactions."""

    async def history(
        self, address: Address, newest: TransactionId, known: TransactionId
    ) -> AsyncIterator[WalletTransaction]:
        found = [each async for each in super().history(address, newest, known)]
        for each in found[:1] + found[2:]:
            yield each


async def test_a_history_that_leaves_something_out_pays_nobody(world: ChainWorld, url: str) -> None:
    for _ in range(3):
        world.give(world.lanes[0].address, TON, STRANGER)
        world.next_block()
    port = world.port()
    async with Payer(world, url, chain=Forgetful(port._chain, port._luck)) as payer:
        await payer.owes("r1", 1, TON)
        found = await payer.rounds(2)
        assert "does not follow" in found.failed[world.lanes[0].number]
        assert await states(payer) == []


async def test_nothing_is_reserved_on_a_state_that_the_books_are_not_at_the_end_of(
    world: ChainWorld, payer: Payer
) -> None:
    lane = world.lanes[0]
    old = await payer.payments.reconciler.catch_up(lane)
    world.give(lane.address, TON, STRANGER)
    world.next_block()
    await payer.owes("r1", 1, TON)
    new = await payer.chain.account(lane.address)
    assert await payer.payments.sender.reserve(lane, new) is None, "they don't know its newest transaction yet"
    await payer.payments.reconciler.catch_up(lane)
    assert await payer.payments.sender.reserve(lane, old) is None
    assert await payer.payments.sender.reserve(lane, new) is not None


async def test_servers_that_are_some_seconds_behind_take_a_message_all_the_same(world: ChainWorld, url: str) -> None:
    port = lying(world)
    port.lie = lambda state: structs.replace(
        state, at=structs.replace(state.at, utime=state.at.utime + RULES.clock_slack)
    )
    async with Payer(world, url, chain=port) as payer:
        await payer.owes("r1", 1, TON)
        await payer.rounds(3)
        assert await states(payer) == ["confirmed"]


async def test_another_history_pays_nobody(world: ChainWorld, url: str) -> None:
    async with Payer(world, url) as payer:
        await payer.rounds(2)
    other = ChainWorld()
    other.now += 10
    other.fund()
    for _ in range(5):
        other.give(other.lanes[0].address, TON, STRANGER)
        other.next_block()
    async with Payer(other, url) as payer:
        await payer.owes("r1", 1, TON)
        found = await payer.rounds(2)
        assert HistoryGap.code in found.failed[other.lanes[0].number]
        assert await states(payer) == []
