"""What operators tell of owners and read of their earnings: the same of the real service and of the scenarios' fake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cocoon.api.money import NanoTon
from cocoon.api.payout import EarningsPage, OwnerTerms
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.owners import Owners
from cocoon.fleet.plan.records import Uid
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.ports.clock import MachineClock
from cocoon.fleet.ports.failures import Busy, Refused
from cocoon.fleet.ports.payout import Payout
from cocoon.payout import owners
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, post
from cocoon.payout.store.sending import BATCHES, LANES, TRANSFERS
from tests.payout import kit
from tests.payout.kit import CLUSTER, World
from tests.payout.test_operator_port import operator
from tests.scenario.payments import FakePayout


@dataclass
class Side:
    """A payout service, and how a provider comes to earn from it and to be paid by it."""

    port: Payout
    earns: Callable[[str, int], Awaitable[None]]
    pays: Callable[[str], Awaitable[None]]


def fake_side() -> Side:
    fake = FakePayout()

    async def earns(provider: str, amount: int) -> None:
        fake.earns(provider, amount)

    async def pays(provider: str) -> None:
        fake.pays(provider, kit.NOW)

    return Side(fake, earns, pays)


class RealSide:
    """Books moved as receipts and the reconciler move them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._count = 0

    async def earns(self, provider: str, amount: int, cluster: str = CLUSTER) -> None:
        self._count += 1
        owner = accounts.payee(cluster, provider, "0:" + "1" * 64)
        entry = Entry(f"work:{self._count}", kit.NOW, accounts.DEPOSITS, owner, NanoTon(amount), "work", "r")
        async with self._world.service.store.writing() as connection:
            await post(connection, [entry])

    async def pays(self, provider: str) -> None:
        self._count += 1
        number, at = self._count, kit.NOW
        owner = accounts.payee(CLUSTER, provider, "0:" + "1" * 64)
        way = accounts.in_flight(CLUSTER, provider, owner.payee)
        amount = NanoTon((await self._world.balances())[owner.name])
        moved = [
            Entry(f"reserved:{number}", at, owner, way, amount, "reserved", "t"),
            Entry(f"confirmed:{number}", at, way, accounts.HOT_WALLET, amount, "confirmed", "t"),
        ]
        batch = {
            "number": number, "lane": number, "query": 1, "created_at": 1, "expires_at": 2, "message": b"",
            "message_hash": f"h{number}", "state": "confirmed", "transfers": 1, "total": amount, "reserved": at,
        }  # fmt: skip
        transfer = {
            "id": f"t{number}", "batch": number, "account": owner.name, "cluster": CLUSTER, "provider": provider,
            "payee": owner.payee, "amount": amount, "state": "confirmed", "transaction": "ab" * 32, "reserved": at,
            "settled": at,
        }  # fmt: skip
        async with self._world.service.store.writing() as connection:
            await connection.execute(LANES.insert().values(subwallet=number, address=f"a{number}", timeout=60))
            await connection.execute(BATCHES.insert().values(**batch))
            await post(connection, moved)
            await connection.execute(TRANSFERS.insert().values(**transfer))


@pytest.fixture(params=["fake", "real"])
async def side(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Side]:
    if request.param == "fake":
        yield fake_side()
        return
    async with (
        kit.world(tmp_path, f"sqlite:///{tmp_path}/books") as world,
        operator(world, tmp_path) as port,
    ):
        real = RealSide(world)
        yield Side(port, real.earns, real.pays)


def shown(page: EarningsPage) -> dict[str, tuple[str, str, str]]:
    return {each.provider: (each.accrued, each.in_flight, each.paid) for each in page.providers}


async def test_at_first_all_of_it_and_then_what_changed(side: Side) -> None:
    await side.earns("p1", 5)
    await side.earns("p2", 7)
    page = await side.port.earnings()
    assert shown(page) == {"p1": ("5", "0", "0"), "p2": ("7", "0", "0")}
    page = await side.port.earnings(page.cursor)
    assert shown(page) == {}
    await side.earns("p2", 1)
    page = await side.port.earnings(page.cursor)
    assert shown(page) == {"p2": ("8", "0", "0")}
    await side.pays("p2")
    page = await side.port.earnings(page.cursor)
    assert shown(page) == {"p2": ("0", "0", "8")}
    last = page.providers[0].last_transfer
    assert last is not None
    assert (last.amount, last.transaction, last.at) == ("8", "ab" * 32, kit.NOW)
    assert shown(await side.port.earnings(page.cursor)) == {}


async def test_terms_are_taken_again_and_again(side: Side) -> None:
    for minimum in ("1", "2", "2"):
        await side.port.terms([OwnerTerms("p1", minimum, 3600.0), OwnerTerms("p2", minimum, 3600.0)])


async def test_pages_are_read_to_the_end(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "MOST_PROVIDERS", 3)
    monkeypatch.setattr(owners, "MOST_ENTRIES", 2)
    real, mirror = RealSide(world), Mirror(Snapshot(), {}, Metrics())
    for number in range(7):
        await real.earns(f"p{number}", 1)
    await real.earns("elsewhere", 1, cluster="another")
    reader = Owners(mirror, MachineClock(), 1.0)
    async with operator(world, tmp_path) as port:
        await reader.look(port)
        assert sorted(mirror.snapshot.earned) == [f"p{number}" for number in range(7)]
        for number in range(7):
            await real.earns(f"p{number}", number + 1)
        await reader.look(port)
    assert [mirror.snapshot.earned[Uid(f"p{number}")].accrued for number in range(7)] == list("2345678")


async def test_a_restarted_service_tells_everything_again(tmp_path: Path, database: str) -> None:
    async with kit.world(tmp_path, database) as world, operator(world, tmp_path) as port:
        await RealSide(world).earns("p1", 5)
        cursor = (await port.earnings()).cursor
    async with kit.world(tmp_path, database) as world, operator(world, tmp_path) as port:
        assert shown(await port.earnings(cursor)) == {"p1": ("5", "0", "0")}


@pytest.mark.parametrize("cursor", ["x", "//", "a/b/c", "²/²/²", "/9/", " ", "9" * 300])
async def test_a_cursor_of_nobody_is_none(lite: World, cursor: str) -> None:
    answer = await lite.operator.call("GET", f"/v1/owners/{CLUSTER}/earnings", params={"cursor": cursor})
    assert answer.status == (200 if cursor.isascii() else 422)


async def test_terms_are_answered_as_they_hold(lite: World) -> None:
    asked = [
        {"provider": "p1", "minimumPayout": "1", "maximumDelay": 1},
        {"provider": "p2", "minimumPayout": "9" * 19, "maximumDelay": 1e9},
    ]
    answer = await lite.operator.call("PUT", f"/v1/owners/{CLUSTER}/terms", {"terms": asked})
    assert [(each["minimumPayout"], each["maximumDelay"]) for each in answer.body["terms"]] == [
        ("10000000000", 86_400.0),
        ("1000000000000", 2_592_000.0),
    ]


async def test_owners_are_their_own_cluster_s_business(lite: World) -> None:
    for method, path in (("PUT", "terms"), ("GET", "earnings")):
        body = {"terms": [{"provider": "p", "minimumPayout": "1", "maximumDelay": 1}]} if method == "PUT" else None
        answer = await lite.operator.call(method, f"/v1/owners/other/{path}", body)
        assert answer.refusal == (403, "Forbidden", "Authorization")
        answer = await lite.desk(kit.READER).call(method, f"/v1/owners/{CLUSTER}/{path}", body)
        assert answer.refusal == (403, "Forbidden", "Authorization")


async def test_who_may_not_read_earnings_says_so(lite: World, tmp_path: Path) -> None:
    mirror = Mirror(Snapshot(), {}, Metrics())
    async with operator(lite, tmp_path) as port, operator(lite, tmp_path, url="http://127.0.0.1:1") as away:
        (tmp_path / "token").write_text(lite.desk(kit.READER).token)
        with pytest.raises(Refused, match="403"):
            await port.earnings()
        await Owners(mirror, MachineClock(), 1.0).look(port)
        assert mirror.snapshot.holds is not None
        assert "403" in mirror.snapshot.holds.unread
        with pytest.raises(Busy):
            await away.earnings()


async def test_a_service_that_pays_nobody_says_so(lite: World, tmp_path: Path) -> None:
    async with operator(lite, tmp_path) as port:
        assert [(each.code, each.provider) for each in (await port.earnings()).holds] == [("NotPaying", "")]
