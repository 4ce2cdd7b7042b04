"""The books follow the wallets' histories, whatever is in them, and can be made again from them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import select

from cocoon.api.money import NanoTon, Usage
from cocoon.api.ton_address import Address
from cocoon.api.trust import Trust
from cocoon.payout.archive import FolderArchive
from cocoon.payout.commands.backup import back_up, restore
from cocoon.payout.reconciling import books as reconciled
from cocoon.payout.reconciling.rebuild import NotEmpty, rebuild
from cocoon.payout.sending import books
from cocoon.payout.sending.payment_ids import payment_id
from cocoon.payout.sending.sender import SendingParts
from cocoon.payout.store.sending import CHAIN_TRANSACTIONS
from cocoon.payout.store.writer import Store
from cocoon.payout.terms import Terms
from cocoon.ton.chain import AccountState, TransactionId
from cocoon.ton.highload import Batch, Transfer, batch_message, query_id
from tests.chaos.payout.chain_world import KEY, STRANGER, TON, ChainWorld
from tests.chaos.payout.direct_chain import DirectChain
from tests.chaos.payout.owners import deploy, owner
from tests.chaos.payout.payer import RULES, Payer, account_of
from tests.payout import kit

pytestmark = pytest.mark.ton


async def meanings(payer: Payer) -> list[str]:
    async with payer.store.reading() as connection:
        rows = await connection.execute(select(CHAIN_TRANSACTIONS.c.meaning).order_by(CHAIN_TRANSACTIONS.c.lt))
        return list(rows.scalars())


async def test_every_transaction_has_a_meaning(database: str) -> None:
    world = ChainWorld()
    world.fund()
    world.give(world.lanes[0].address, TON, STRANGER)
    world.next_block()
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, TON)
        await payer.rounds(3)
        assert await meanings(payer) == ["funding", "stranger", "accepted", "paid"]


async def test_what_bounces_is_returned_and_not_paid_again(database: str) -> None:
    world = ChainWorld()
    world.fund()
    deploy(world, [2])
    async with Payer(world, database, structs.replace(RULES, bounce=True)) as payer:
        await payer.owes("r1", 1, TON)
        await payer.owes("r2", 2, TON)
        last = await payer.rounds(6)
        found = sorted(state for _, state, _ in await payer.transfers())
        assert (found, last.drift) == (["bounced", "confirmed"], 0)
        assert TON * 99 // 100 < (await payer.balances())["returned"] < TON
        assert world.balance(owner(1)) == 0
        assert await payer.sound()


@pytest.mark.parametrize(
    ("coins", "meaning"),
    [
        pytest.param(20_000_000, "refused", id="no coins for the wallet's message to itself"),
        pytest.param(100_000_000, "unpaid", id="no coins for the payments"),
    ],
)
async def test_a_list_that_the_wallet_could_not_afford_is_paid_again(database: str, coins: int, meaning: str) -> None:
    """The wallet took the message, and had not enough for what it asks: the query id is burnt, nobody was paid."""
    world = ChainWorld()
    world.fund(coins)
    async with Payer(world, database) as payer:
        generous = structs.replace(RULES, reserve=NanoTon(-100 * TON))
        payer.payments.sender._parts = structs.replace(payer.payments.sender._parts, rules=generous)
        await payer.owes("r1", 1, TON)
        await payer.round()
        payer.payments.sender._parts = structs.replace(payer.payments.sender._parts, rules=RULES)
        world.give(world.lanes[0].address, 10 * TON)
        last = await payer.rounds(4)
        assert [state for _, state, _ in await payer.transfers()] == ["expired", "confirmed"]
        assert meaning in await meanings(payer)
        assert (world.balance(owner(1)), last.drift) == (TON, 0)


async def test_a_restored_database_learns_what_it_paid_after_the_backup(tmp_path: Path) -> None:
    world = ChainWorld(timeout=600)
    world.fund()
    old, new, file = f"sqlite:///{tmp_path}/old", f"sqlite:///{tmp_path}/new", tmp_path / "backup"
    async with Payer(world, old) as payer:
        await payer.owes("r1", 1, TON)
        await payer.rounds(3)
        await payer.owes("r2", 2, 2 * TON)
        await back_up(old, file)
        await payer.rounds(3)
    await restore(new, file)
    async with Payer(world, new) as payer:
        last = await payer.rounds(3)
        assert last.drift == 0
        assert await payer.owed() == 0
        assert sorted(await payer.transfers()) == sorted(
            [(owner(1).raw(), "confirmed", TON), (owner(2).raw(), "confirmed", 2 * TON)]
        )
        await payer.owes("r3", 3, TON)
        await payer.rounds(5)
        assert world.balance(owner(3)) == 0, "it has to be quiet at first"
        assert list(payer.payments.obstacles) == ["Quiet"]
        world.next_block(600 + RULES.expiry_margin - 15)
        await payer.round(seconds=0)
        assert world.balance(owner(3)) == 0
        await payer.rounds(10)
        assert world.balance(owner(3)) == TON
        assert [world.balance(owner(n)) // TON for n in (1, 2)] == [1, 2]


async def test_a_restored_database_waits_for_messages_that_it_forgot(tmp_path: Path) -> None:
    world = ChainWorld(timeout=600)
    world.fund()
    old, new, file = f"sqlite:///{tmp_path}/old", f"sqlite:///{tmp_path}/new", tmp_path / "backup"
    world.mempool.losing = True
    async with Payer(world, old) as payer:
        await payer.owes("r1", 1, TON)
        await back_up(old, file)
        await payer.rounds(2)
        [message] = [each.message for each in await outgoing(payer)]
    world.mempool.losing = False
    await restore(new, file)
    async with Payer(world, new) as payer:
        await payer.rounds(20, seconds=10)
        await payer.chain.send(message)
        await payer.rounds(3)
        world.next_block(5000)
        last = await payer.rounds(5)
        assert (world.balance(owner(1)), last.drift) == (TON, 0)
        assert [state for _, state, _ in await payer.transfers()] == ["confirmed"]


@pytest.mark.parametrize("life", [60, 600, 7_200])
async def test_a_restore_is_quiet_for_the_life_of_one_message_by_the_chain_s_clock(tmp_path: Path, life: int) -> None:
    """However late the service starts, and whatever the machine's clock says: here it is some years off."""
    world = ChainWorld(timeout=life)
    world.fund()
    old, new, file = f"sqlite:///{tmp_path}/old", f"sqlite:///{tmp_path}/new", tmp_path / "backup"
    async with Payer(world, old) as payer:
        await payer.owes("r1", 1, TON)
        await back_up(old, file)
    await restore(new, file)
    world.next_block(100_000)
    async with Payer(world, new) as payer:
        began = world.now
        while not world.balance(owner(1)) and world.now < began + 10_000:
            await payer.round(seconds=10)
        assert life <= world.now - began <= life + RULES.expiry_margin + 40


async def test_a_copied_database_falls_quiet_when_it_sees_that_another_one_pays(tmp_path: Path) -> None:
    world = ChainWorld(timeout=600)
    world.fund()
    async with Payer(world, f"sqlite:///{tmp_path}/books") as payer:
        await payer.owes("r1", 1, TON)
        await payer.owes("r2", 2, TON)
    shutil.copy(tmp_path / "books", tmp_path / "copy")
    async with Payer(world, f"sqlite:///{tmp_path}/books") as payer:
        await payer.rounds(3)
    async with Payer(world, f"sqlite:///{tmp_path}/copy") as payer:
        await payer.owes("r3", 3, TON)
        assert (await payer.rounds(5)).drift == 0
        assert [world.balance(owner(number)) for number in (1, 2, 3)] == [TON, TON, 0]
        world.next_block(700)
        await payer.rounds(3)
        assert world.balance(owner(3)) == TON


async def outgoing(payer: Payer) -> list[books.Outgoing]:
    async with payer.store.reading() as connection:
        return list(await books.outgoing(connection, payer.world.lanes[0]))


async def test_a_payment_that_nobody_here_made_is_drift_and_stops_everything(database: str) -> None:
    world = ChainWorld()
    world.fund()
    transfers = (Transfer(STRANGER, NanoTon(TON), "not ours"),)
    stolen = Batch(query_id(7), world.now - 5, transfers, deploy=True)
    world.mempool.pay_in(batch_message(world.lanes[0].wallet, KEY, stolen))
    world.next_block()
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, TON)
        last = await payer.rounds(3)
        assert last.drift == -TON
        assert await payer.transfers() == []
        assert await meanings(payer) == ["funding", "foreign", "foreign"]


def twin_pays(world: ChainWorld, number: int, *amounts: int, query: int = 7) -> None:
    """Another life of this database pays these, each with the id that names its account; in two blocks it is over."""
    created_at, account = world.now - 10, account_of(number)
    name = payment_id(account.name, world.lanes[0].number, query, created_at)
    transfers = tuple(Transfer(owner(number), NanoTon(amount), name) for amount in amounts)
    batch = Batch(query_id(query), created_at, transfers, deploy=True)
    world.mempool.pay_in(batch_message(world.lanes[0].wallet, KEY, batch))
    world.next_block()
    world.next_block()


@pytest.mark.parametrize(
    ("paid", "adopted"),
    [
        pytest.param([2 * TON], [2 * TON], id="what is owed"),
        pytest.param([4 * TON], [], id="more than is owed"),
        pytest.param([TON, TON], [TON], id="the same payment twice"),
    ],
)
async def test_a_payment_is_adopted_once_and_never_beyond_what_is_owed(
    database: str, paid: list[int], adopted: list[int]
) -> None:
    world = ChainWorld()
    world.fund()
    twin_pays(world, 1, *paid)
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, 3 * TON)
        last = await payer.rounds(3)
        assert last.drift == sum(adopted) - sum(paid)
        assert await payer.transfers() == [(owner(1).raw(), "confirmed", amount) for amount in adopted]
        assert await payer.owed() == 3 * TON - sum(adopted)


async def test_a_twins_message_with_a_query_id_of_ours_is_not_taken_for_ours(database: str) -> None:
    """Both reserved under the same number, and the wallet took the twin's: ours is paid by another message, once."""
    world = ChainWorld(timeout=120)
    world.fund()
    world.mempool.losing = True
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, TON)
        await payer.round()
        twin_pays(world, 2, 2 * TON, query=0)
        await payer.owes("r2", 2, 2 * TON)
        assert (await payer.round()).drift == 0
        assert await meanings(payer) == ["funding", "foreign", "foreign"]
        assert await payer.transfers() == [(owner(1).raw(), "sent", TON), (owner(2).raw(), "confirmed", 2 * TON)]
        world.mempool.losing = False
        assert (await payer.rounds(20, seconds=20)).drift == 0
        assert [world.balance(owner(number)) // TON for number in (1, 2)] == [1, 2]


class Halfway(DirectChain):
    """Shows the wallet as it was before its newest transaction: it took a message, and its list is on the way."""

    async def account(self, address: Address) -> AccountState:
        state, before = await super().account(address), self._chain.transactions[address.hash][-2]
        return structs.replace(state, last=TransactionId(before.lt, before.hash))


async def test_what_the_wallet_took_is_neither_sent_again_nor_given_up(database: str) -> None:
    """However long its list is on the way: paying it by another message would pay it twice."""
    world = ChainWorld()
    world.fund()
    async with Payer(world, database) as payer:
        await payer.owes("r1", 1, TON)
        await payer.round()
        assert len(await outgoing(payer)) == 1
    port, lane = world.port(), world.lanes[0]
    async with Payer(world, database, chain=Halfway(port._chain, port._luck)) as payer:
        await payer.round()
        assert await meanings(payer) == ["funding", "accepted"]
        assert await outgoing(payer) == []
        late = world.now + 100_000
        async with payer.store.writing() as connection:
            assert not await reconciled.expirable(connection, lane.number, late)
            assert await reconciled.expire(connection, lane.number, late, late) == 0
        assert await payer.transfers() == [(owner(1).raw(), "sent", TON)]


async def test_a_rebuild_finds_lanes_that_the_settings_do_not_name(tmp_path: Path) -> None:
    world = ChainWorld(lanes=3, timeout=600)
    world.fund()
    terms = Terms(trust=Trust.TEST, require_gpu=False, development=True)
    async with Payer(world, f"sqlite:///{tmp_path}/old") as payer:
        await payer.rounds(2)
        held = (await payer.balances())["hot wallet"]
    world.lanes = world.lanes[:1]
    async with Store(f"sqlite:///{tmp_path}/new") as store:
        found = await rebuild(
            SendingParts(store, world.port(), world.lanes, KEY, RULES), FolderArchive(tmp_path / "archive"), terms
        )
        assert (found.lanes, found.drift) == ((100, 101, 102), 0)
    again = Payer(world, f"sqlite:///{tmp_path}/new")
    again.zero_state = world.port().zero_state.root_hash.hex()
    async with again:
        assert (await again.rounds(2)).drift == 0
        assert (await again.balances())["hot wallet"] == held


async def test_everything_can_be_made_again_from_archive_and_chain(tmp_path: Path, database: str) -> None:
    world = ChainWorld(lanes=2, timeout=600)
    world.fund()
    old = f"sqlite:///{tmp_path}/old"
    (tmp_path / "service").mkdir()
    async with kit.world(tmp_path / "service", old) as service:
        await service.administrator.credit()
        machines = [await service.server(owner(number).friendly()) for number in (1, 2, 3)]
        for machine in machines:
            for _ in range(2):
                receipt = machine.receipt(usage=Usage(items=1_000_000), budget=str(100 * TON))
                assert (await service.operator.hand_in(receipt)).status == 201
    payer = Payer(world, old)
    payer.zero_state = kit.ZERO_STATE.hex()
    async with payer:
        await payer.rounds(4)
        before = await payer.balances(), sorted(await payer.transfers())
    assert [world.balance(owner(number)) for number in (1, 2, 3)] == [3_800_000_000] * 3

    terms = Terms(trust=Trust.TEST, require_gpu=False, development=True)
    async with Store(database) as store:
        parts = SendingParts(store, world.port(), world.lanes, KEY, RULES)
        found = await rebuild(parts, FolderArchive(tmp_path / "service" / "archive"), terms)
        assert (found.replayed.receipts, found.replayed.credits, found.replayed.evidence) == (6, 1, 3)
        assert (found.transfers, found.drift) == (3, 0)
        with pytest.raises(NotEmpty):
            await rebuild(parts, FolderArchive(tmp_path / "service" / "archive"), terms)

    again = Payer(world, database)
    again.zero_state = world.port().zero_state.root_hash.hex()
    async with again:
        assert (await again.balances(), sorted(await again.transfers())) == before
        assert await again.sound()
        world.next_block(700)
        await again.rounds(3)
        await again.owes("r9", 9, TON)
        assert (await again.rounds(3)).drift == 0
        assert world.balance(owner(9)) == TON, "the query ids of the lost books are behind it"
