"""What administrators do by hand, on a chain: test payments, and taking over a drift. And what owners are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import select

from cocoon.api.money import NanoTon
from cocoon.api.payout import DriftReport, Hold, OwnerTerms, Pause, PayTest
from cocoon.api.trust import Trust
from cocoon.payout.archive import FolderArchive
from cocoon.payout.by_hand import TEST_AMOUNT, ByHand
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, post
from cocoon.payout.owners import Owners
from cocoon.payout.pauses import PauseSwitch
from cocoon.payout.reconciling.rebuild import rebuild
from cocoon.payout.refusal import Refused
from cocoon.payout.sending.holds import holds
from cocoon.payout.sending.sender import SendingParts
from cocoon.payout.stamp import be_quiet
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.writer import Store
from cocoon.payout.terms import Terms
from cocoon.ton.highload import Batch, Transfer, batch_message, query_id
from tests.chaos.payout.chain_world import KEY, STRANGER, TON, ChainWorld
from tests.chaos.payout.owners import owner
from tests.chaos.payout.payer import CLUSTER, RULES, Payer, account_of

pytestmark = pytest.mark.ton
TERMS = Terms(trust=Trust.TEST, require_gpu=False, development=True)


@pytest.fixture
def world() -> ChainWorld:
    world = ChainWorld()
    world.fund()
    return world


@pytest.fixture
async def payer(world: ChainWorld, database: str) -> AsyncIterator[Payer]:
    async with Payer(world, database) as payer:
        yield payer


def by_hand(payer: Payer, folder: Path) -> ByHand:
    return ByHand(payer.store, FolderArchive(folder / "archive"), TERMS, payer.payments, lambda: payer.world.now)


def order(number: int, name: str = "t1") -> PayTest:
    return PayTest(name, owner(number).friendly())


async def test_a_test_payment_arrives_once_and_its_cost_has_a_name(payer: Payer, tmp_path: Path) -> None:
    hand = by_hand(payer, tmp_path)
    ordered, new = await hand.pay_test(order(1), "me")
    assert (ordered.state, ordered.amount, new) == ("accrued", "10000000", True)
    last = await payer.rounds(3)
    again, new = await hand.pay_test(order(1), "me")
    assert (again.state, len(again.transaction), new) == ("confirmed", 64, False)
    last = await payer.rounds(3)
    assert (payer.world.balance(owner(1)), last.drift) == (TEST_AMOUNT, 0)
    assert (await payer.balances())["test payments"] == -TEST_AMOUNT
    assert await payer.sound()
    async with payer.store.reading() as connection:
        assert list((await connection.execute(select(TRANSFERS.c.purpose))).scalars()) == ["test"]


async def test_a_test_payment_goes_along_with_others_and_is_stopped_like_them(payer: Payer, tmp_path: Path) -> None:
    hand, pauses = by_hand(payer, tmp_path), PauseSwitch(payer.store, lambda: 0.0)
    await pauses.pause("me", Pause())
    await hand.pay_test(order(1), "me")
    await hand.pay_test(order(1, "t2"), "me")
    await payer.owes("r", 2, TON)
    await payer.rounds(3)
    assert await payer.transfers() == []
    ordered, _ = await hand.pay_test(order(1), "me")
    assert [hold.code for hold in ordered.holds] == ["Paused"]
    await pauses.resume(Pause())
    last = await payer.rounds(4)
    assert [payer.world.balance(owner(number)) for number in (1, 2)] == [2 * TEST_AMOUNT, TON]
    assert last.drift == 0


async def test_a_test_payment_that_waits_says_for_what(payer: Payer, tmp_path: Path) -> None:
    hand, pauses = by_hand(payer, tmp_path), PauseSwitch(payer.store, lambda: 0.0)
    async with payer.store.writing() as connection:
        await be_quiet(connection, payer.world.now + 600)
    await payer.rounds(1)
    await pauses.pause("me", Pause("his bank asks", owner(1).raw()))
    await pauses.pause("me", Pause(subject=owner(2).raw()))
    ordered, _ = await hand.pay_test(order(1), "me")
    assert [hold.code for hold in ordered.holds] == ["Paused", "Quiet"]
    assert "his bank asks" in ordered.holds[0].detail
    await pauses.resume(Pause(subject=owner(1).raw()))
    payer.world.now += 700
    await payer.rounds(3)
    again, _ = await hand.pay_test(order(1), "me")
    assert (again.state, again.holds) == ("confirmed", ())


@pytest.mark.parametrize(
    ("payee", "code"),
    [("EQ" + "A" * 46, "WrongChecksum"), ("-1:" + "1" * 64, "WrongWorkchain"), ("lane", "OwnWallet")],
)
async def test_a_test_payment_to_nowhere_is_refused(payer: Payer, tmp_path: Path, payee: str, code: str) -> None:
    address = payer.world.lanes[0].address.raw() if payee == "lane" else payee
    with pytest.raises(Refused) as refused:
        await by_hand(payer, tmp_path).pay_test(PayTest("t", address), "me")
    assert (refused.value.refusal.code, refused.value.refusal.field) == (code, "payee")


async def test_an_id_is_for_one_wallet(payer: Payer, tmp_path: Path) -> None:
    hand = by_hand(payer, tmp_path)
    await hand.pay_test(order(1), "me")
    with pytest.raises(Refused, match="used for something else"):
        await hand.pay_test(order(2), "me")


def steals(world: ChainWorld) -> None:
    """Somebody else has the key."""
    stolen = Batch(query_id(7), world.now - 5, (Transfer(STRANGER, NanoTon(TON), "not ours"),), deploy=True)
    world.mempool.pay_in(batch_message(world.lanes[0].wallet, KEY, stolen))
    world.next_block()


async def test_a_drift_is_taken_over_as_it_is_and_paying_goes_on(payer: Payer, tmp_path: Path) -> None:
    hand = by_hand(payer, tmp_path)
    steals(payer.world)
    await payer.owes("r", 1, TON)
    assert (await payer.rounds(3)).drift == -TON
    assert f"{-TON} nanoTON" in payer.payments.obstacles["Drift"]
    for wrong in (str(TON), "-1"):
        with pytest.raises(Refused, match=f"The drift is -{TON}"):
            await hand.take_drift(DriftReport("d1", wrong, "?"), "me")
    given = DriftReport("d1", str(-TON), "The key had leaked.")
    assert await hand.take_drift(given, "me")
    assert not await hand.take_drift(given, "me")
    payer.world.next_block(5_000)
    last = await payer.rounds(3)
    assert (last.drift, payer.world.balance(owner(1))) == (0, TON)
    assert (await payer.balances())["written off"] == -TON
    assert await payer.sound()


async def test_too_much_is_nobody_s_and_pays_too(payer: Payer, tmp_path: Path) -> None:
    async with payer.store.writing() as connection:
        entry = Entry("x", 0.0, accounts.DEPOSITS, accounts.HOT_WALLET, NanoTon(7), "funding", "x")
        await post(connection, [entry])
    await payer.owes("r", 1, TON)
    assert (await payer.rounds(2)).drift == 7
    await by_hand(payer, tmp_path).take_drift(DriftReport("d1", "7", "A mistake."), "me")
    assert (await payer.rounds(3)).drift == 0
    assert (await payer.balances())["unattributed"] == 7


async def test_without_a_drift_there_is_nothing_to_take_over(payer: Payer, tmp_path: Path) -> None:
    hand = by_hand(payer, tmp_path)
    with pytest.raises(Refused, match="not known now"):
        await hand.take_drift(DriftReport("d1", "5", "?"), "me")
    await payer.rounds(2)
    with pytest.raises(Refused, match="The drift is 0"):
        await hand.take_drift(DriftReport("d1", "5", "?"), "me")


async def test_a_rebuild_knows_what_was_done_by_hand(world: ChainWorld, tmp_path: Path, database: str) -> None:
    async with Payer(world, f"sqlite:///{tmp_path}/old") as payer:
        hand = by_hand(payer, tmp_path)
        await hand.pay_test(order(1), "me")
        await payer.rounds(3)
        steals(world)
        await payer.rounds(2)
        await hand.take_drift(DriftReport("d1", str(-TON), "The key had leaked."), "me")
        assert (await payer.rounds(2)).drift == 0
        before = await payer.balances()
    async with Store(database) as store:
        parts = SendingParts(store, world.port(), world.lanes, KEY, RULES)
        assert (await rebuild(parts, FolderArchive(tmp_path / "archive"), TERMS)).drift == 0
    again = Payer(world, database)
    again.zero_state = world.port().zero_state.root_hash.hex()
    async with again:
        assert await again.balances() == before


async def held(payer: Payer) -> list[tuple[str, str]]:
    async with payer.store.reading() as connection:
        return [(each.code, each.provider) for each in await holds(payer.payments, connection, CLUSTER)]


async def test_owners_are_told_what_holds_up_their_money(payer: Payer) -> None:
    pauses, provider = PauseSwitch(payer.store, lambda: 0.0), account_of(1).provider
    await payer.owes("r", 1, TON)
    await payer.rounds(2)
    assert await held(payer) == []
    for subject in (provider, account_of(1).payee):
        await pauses.pause("me", Pause("an audit", subject))
        assert await held(payer) == [("Paused", provider)]
        await pauses.resume(Pause("", subject))
    await pauses.pause("me", Pause("an audit"))
    assert await held(payer) == [("Paused", "")]
    await pauses.resume(Pause())
    await payer.owes("dear", 1, 5_000 * TON)
    await payer.rounds(2)
    assert await held(payer) == [("HotWalletEmpty", "")]
    assert payer.payments.sender.unpaid == 1
    payer.world.fund(10_000 * TON)
    await payer.rounds(4)
    assert await held(payer) == []


async def test_an_address_that_can_t_be_paid_is_its_owner_s_matter(payer: Payer) -> None:
    bad = accounts.payee(CLUSTER, "p", "-1:" + "1" * 64)
    async with payer.store.writing() as connection:
        await post(connection, [Entry("x", 0.0, accounts.DEPOSITS, bad, NanoTon(TON), "work", "x")])
    await payer.rounds(2)
    assert await held(payer) == [("Unpayable", "p")]


async def test_owners_terms_decide_when_they_are_paid(payer: Payer) -> None:
    desk = Owners(payer.store, RULES, nothing, "life", lambda: 0.0)
    asked = [OwnerTerms(account_of(number).provider, str(number * TON), 200_000.0) for number in (1, 3)]
    await desk.tell(CLUSTER, asked)
    for number in (1, 2, 3):
        await payer.owes(f"r{number}", number, 2 * TON)
    await payer.rounds(3)
    assert [payer.world.balance(owner(number)) // TON for number in (1, 2, 3)] == [2, 2, 0]
    payer.world.next_block(200_000)
    await payer.rounds(3)
    assert payer.world.balance(owner(3)) == 2 * TON


async def nothing(_connection: object, _cluster: str) -> list[Hold]:
    return []


async def test_what_is_owed_stays_with_the_wallet_that_earned_it(payer: Payer) -> None:
    """A provider whose wallet changed: its two payees are paid for themselves, by the terms told last."""
    old, new = (accounts.payee(CLUSTER, "p", owner(number).raw()) for number in (1, 2))
    work = [Entry(f"w{each.payee}", 0.0, accounts.DEPOSITS, each, NanoTon(TON), "work", "r") for each in (old, new)]
    async with payer.store.writing() as connection:
        await post(connection, work)
    await Owners(payer.store, RULES, nothing, "l", lambda: 0.0).tell(CLUSTER, [OwnerTerms("p", str(TON), 3_600.0)])
    await payer.rounds(3)
    assert [payer.world.balance(owner(number)) for number in (1, 2)] == [TON, TON]


async def test_a_lane_that_is_not_used_any_more_is_still_followed(tmp_path: Path) -> None:
    """Coins and open batches in it count: fewer lanes are no drift."""
    world, url = ChainWorld(lanes=2), f"sqlite:///{tmp_path}/books"
    world.fund()
    async with Payer(world, url, structs.replace(RULES, batch_size=1)) as payer:
        await payer.owes("r1", 1, TON)
        await payer.owes("r2", 2, TON)
        world.mempool.losing = True
        await payer.rounds(2)
    world.mempool.losing = False
    world.lanes = world.lanes[:1]
    async with Payer(world, url) as payer:
        last = await payer.rounds(15)
        assert (last.drift, sorted(last.states)) == (0, [100, 101])
        assert [world.balance(owner(number)) for number in (1, 2)] == [TON, TON]
        await payer.owes("r3", 3, 500 * TON)
        await payer.owes("r4", 4, 900 * TON)
        await payer.rounds(4)
        assert world.balance(owner(4)) == 0, "nothing new is paid from the lane that was given up"
