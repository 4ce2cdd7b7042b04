"""The operator's adapter against the real service, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from cocoon.api.money import Price
from cocoon.fleet.credits import Credits
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.plan.records import PayoutLink
from cocoon.fleet.plan.snapshot import Snapshot
from cocoon.fleet.ports.clock import MachineClock
from cocoon.fleet.ports.failures import Busy, Refused
from cocoon.fleet.ports.payout import Postponed
from cocoon.fleet.ports.payout_service import Address, PayoutService
from cocoon.payout.store.writer import DatabaseAway, Store
from tests.payout import kit
from tests.payout.kit import CLUSTER, TON, Server, World


@asynccontextmanager
async def operator(
    world: World, folder: Path, bundles: dict[str, bytes] | None = None, url: str = ""
) -> AsyncIterator[PayoutService]:
    token = folder / "token"
    token.write_text(world.operator.token + "\n")
    address = Address(url or world.url, CLUSTER, str(token))
    async with PayoutService(address, ({} if bundles is None else bundles).get) as port:
        yield port


async def test_receipts_evidence_credit_and_earnings(world: World, tmp_path: Path) -> None:
    await world.administrator.credit(TON)
    server = Server(world.clock)
    async with operator(world, tmp_path) as port:
        await port.register(await server.evidence())
        receipt = server.receipt()
        assert (await port.report(receipt)).outcome == "Accepted"
        assert (await port.report(receipt)).outcome == "Accepted"
        again = server.receipt(sub=f"{CLUSTER}/{kit.job_of(receipt)}", attempt=2)
        assert (await port.report(again)).outcome == "Superseded"
        assert dict(await port.credit()) == {"tenant": TON - 2_000_000}
        found = await port.earnings()
        assert [(each.provider, each.accrued) for each in found.providers] == [("provider-uid", "1900000")]


async def test_receipts_that_come_together_go_together(lite: World, tmp_path: Path) -> None:
    await lite.administrator.credit()
    server = await lite.server()
    receipts = [server.receipt() for _ in range(40)]
    async with operator(lite, tmp_path) as port:
        reports = await asyncio.gather(*(port.report(each) for each in receipts))
    assert {each.outcome for each in reports} == {"Accepted"}
    figures = (await lite.operator.call("GET", "/metrics")).raw.decode()
    assert 'cocoon_payout_receipts_total{outcome="Accepted"} 40.0' in figures


async def test_the_evidence_comes_along_when_it_is_missing(lite: World, tmp_path: Path) -> None:
    await lite.administrator.credit()
    server = Server(lite.clock)
    bundles: dict[str, bytes] = {}
    async with operator(lite, tmp_path, bundles) as port:
        with pytest.raises(Postponed, match="UnknownKey"):
            await port.report(server.receipt())
        bundles[server.digest] = await server.evidence()
        assert (await port.report(server.receipt())).outcome == "Accepted"


async def test_evidence_that_is_not_trusted_is_the_last_word(lite: World, tmp_path: Path) -> None:
    server = Server(lite.clock, payee="UQbad")
    async with operator(lite, tmp_path, {server.digest: await server.evidence()}) as port:
        report = await port.report(server.receipt())
        assert report.outcome == "Refused"
        assert "WrongLength" in report.message
        with pytest.raises(Refused, match="WrongLength"):
            await port.register(await server.evidence())


async def test_what_is_refused_and_what_is_postponed(lite: World, tmp_path: Path) -> None:
    server = await lite.server()
    async with operator(lite, tmp_path) as port:
        with pytest.raises(Postponed, match="NotCovered") as postponed:
            await port.report(server.receipt())
        assert postponed.value.retry_after >= 60
        assert (await port.report(server.receipt(cost="7"))).outcome == "Refused"
        bound = Price(per_million_items="1")
        report = await port.report(server.receipt(), bound)
        assert report.message.startswith("PriceAboveBinding")


async def test_the_token_is_read_again(lite: World, tmp_path: Path) -> None:
    async with operator(lite, tmp_path) as port:
        await port.credit()
        (tmp_path / "token").write_text("x")
        with pytest.raises(Refused, match="401 Unauthenticated"):
            await port.credit()
        with pytest.raises(Busy, match="401"):
            await port.report("a.b.c")
        (tmp_path / "token").write_text(lite.operator.token)
        await port.credit()
        (tmp_path / "token").unlink()
        with pytest.raises(Busy):
            await port.credit()


async def test_a_service_that_is_away_is_busy(lite: World, tmp_path: Path) -> None:
    async with operator(lite, tmp_path, url="http://127.0.0.1:1") as port:
        with pytest.raises(Busy, match="does not answer"):
            await port.report("a.b.c")
        with pytest.raises(Busy, match="does not answer"):
            await port.credit()


async def test_credit_reaches_the_planner_and_outlives_an_outage(lite: World, tmp_path: Path) -> None:
    await lite.administrator.credit(7)
    mirror = Mirror(Snapshot(), {}, Metrics())
    credits_ = Credits(mirror, MachineClock(), 5.0)
    async with operator(lite, tmp_path) as port, operator(lite, tmp_path, url="http://127.0.0.1:1") as away:
        await credits_.read(port)
        assert mirror.snapshot.credit["tenant"].available == 7
        await credits_.read(away)
        assert mirror.snapshot.payout.unreachable_since is not None
        assert mirror.snapshot.credit["tenant"].available == 7
        await lite.administrator.credit(5, name="c2")
        await credits_.read(port)
        assert mirror.snapshot.payout == PayoutLink(configured=True)
        assert mirror.snapshot.credit["tenant"].available == 12


async def test_what_it_says_when_it_answers_and_can_not_work(
    lite: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is away is not looked for at --payout-url, nor is a right that is not granted."""

    def away(_store: Store) -> NoReturn:
        raise DatabaseAway("The database does not answer: connection refused.")

    mirror = Mirror(Snapshot(), {}, Metrics())
    credits_ = Credits(mirror, MachineClock(), 5.0)
    async with operator(lite, tmp_path) as port, operator(lite, tmp_path, url="http://127.0.0.1:1") as nobody:
        await credits_.read(nobody)
        since = mirror.snapshot.payout.unreachable_since
        assert mirror.snapshot.payout == PayoutLink(configured=True, unreachable_since=since)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "reading", away)
            await credits_.read(port)
        said = "The payout service answers 503 DatabaseAway: The database does not answer: connection refused."
        assert mirror.snapshot.payout == PayoutLink(configured=True, unreachable_since=since, said=said)
        (tmp_path / "token").write_text("x")
        await credits_.read(port)
        assert "401 Unauthenticated" in mirror.snapshot.payout.said
