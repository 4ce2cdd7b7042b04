"""What a payout service must not start with, and what it must survive."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cocoon.api.logs import JsonLines
from cocoon.api.trust import Trust
from cocoon.payout.archive import CreditTaken, EvidenceTaken, ReceiptTaken, read_archive
from cocoon.payout.audit import audit
from cocoon.payout.commands.backup import BadBackup, back_up, restore
from cocoon.payout.service import running
from cocoon.payout.settings import BadSettings, ChainSettings, read_settings
from cocoon.payout.stamp import RESTORED, WrongChain, quiet_until
from cocoon.payout.store.database import BadDatabase, NotTheWriter
from cocoon.payout.store.writer import DatabaseAway, Store
from tests.payout import kit
from tests.payout.kit import NOW, TON, World
from tests.postgres_fixtures import PASSWORD, Postgres

WAITS_FOR_THE_LOCK = text("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


async def test_two_processes_on_one_database(tmp_path: Path, database: str) -> None:
    async with Store(database):
        with pytest.raises(NotTheWriter, match="Another payout process writes"):
            async with Store(database):
                pytest.fail("it became the writer too")
    async with Store(database) as store:
        assert store.dialect in database


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_session_that_ends_in_a_moment_is_waited_for(database: str) -> None:
    """PostgreSQL notices a little later that a service was killed."""
    first, second = Store(database), Store(database)
    await first.__aenter__()
    start = asyncio.create_task(second.__aenter__())
    try:
        async with first.reading() as connection:
            while (await connection.execute(WAITS_FOR_THE_LOCK)).first() is None:
                assert not start.done(), "it did not wait"
    finally:
        await first.__aexit__()
    await start
    await second.__aexit__()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_only_its_owner_reads_the_books(database: str) -> None:
    """Whatever the umask is: owners, clients and what they paid are in it."""
    async with Store(database) as store, store.reading():
        path = Path(str(store.url.database))
        modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.glob(f"{path.name}*")}
    assert modes == {f"{path.name}{end}": 0o600 for end in ("", "-wal", "-shm", ".lock")}


async def test_a_database_of_one_chain_on_another(tmp_path: Path, database: str) -> None:
    async with kit.world(tmp_path, database):
        pass
    made = kit.settings(tmp_path, database, kit.SignedBy())
    chain = tmp_path / "global.config.json"
    chain.write_text(chain.read_text().replace("AAEC", "AAED"))
    other = structs.replace(made, chain=ChainSettings(str(chain), ("000103" + kit.ZERO_STATE.hex()[6:],)))
    with pytest.raises(WrongChain, match="belongs to the chain with zero state 000102"):
        async with running(other, lambda: NOW):
            pytest.fail("it started")


async def test_test_trust_on_a_chain_that_is_not_listed(tmp_path: Path) -> None:
    made = kit.settings(tmp_path, f"sqlite:///{tmp_path}/books.sqlite", kit.SignedBy())
    real = structs.replace(made, chain=structs.replace(made.chain, development=()))
    with pytest.raises(WrongChain, match="Test trust is accepted on development chains only"):
        async with running(real, lambda: NOW):
            pytest.fail("it started")


async def test_another_trust_than_the_database_was_made_for(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/books.sqlite"
    async with kit.world(tmp_path, database):
        pass
    made = kit.settings(tmp_path, database, kit.SignedBy(), policy=kit.policy(trust=Trust.HARDWARE))
    with pytest.raises(WrongChain, match="made for Test trust, not Hardware"):
        async with running(made, lambda: NOW):
            pytest.fail("it started")


async def test_all_survives_a_restart(tmp_path: Path, database: str) -> None:
    async with kit.world(tmp_path, database) as world:
        await world.administrator.credit()
        server = await world.server()
        receipt = server.receipt()
        await world.operator.hand_in(receipt)
        before = await world.balances()
    async with kit.world(tmp_path, database) as world:
        assert await world.balances() == before
        assert (await world.operator.hand_in(receipt)).status == 200
        assert (await world.operator.hand_in(server.receipt())).status == 201


async def test_the_archive_holds_what_was_taken(lite: World, tmp_path: Path) -> None:
    await lite.administrator.credit(5 * TON)
    server = await lite.server()
    receipt = server.receipt()
    await lite.operator.hand_in(receipt)
    await lite.operator.hand_in(receipt)
    evidence = await server.evidence()
    assert list(read_archive(tmp_path / "archive")) == [
        CreditTaken(NOW, kit.CLUSTER, "tenant", "c1", str(5 * TON)),
        EvidenceTaken(NOW, evidence, NOW - 86_400, NOW + 7_200),
        ReceiptTaken(NOW, kit.CLUSTER, receipt, "Accepted", "100000"),
    ]
    [segment] = (tmp_path / "archive").iterdir()
    segment.write_bytes(segment.read_bytes()[:-9])
    assert len(list(read_archive(tmp_path / "archive"))) == 2


async def test_a_full_disk(lite: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await lite.administrator.credit()
    server = await lite.server()
    receipt = server.receipt()
    before = await lite.balances()
    write = os.write

    def full(descriptor: int, content: bytes) -> int:
        write(descriptor, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        answer = await lite.operator.hand_in(receipt)
    assert answer.refusal == (503, "ArchiveFull", "")
    assert answer.headers["Retry-After"]
    assert await lite.balances() == before
    assert (await lite.operator.hand_in(receipt)).status == 201


async def test_a_database_that_goes_away_and_comes_back(tmp_path: Path, own_postgres: Postgres) -> None:
    async with kit.world(tmp_path, own_postgres.create()) as world:
        await world.administrator.credit()
        server = await world.server()
        receipt = server.receipt()
        own_postgres.stop(signal.SIGQUIT)
        away = await world.operator.hand_in(receipt)
        assert away.refusal == (503, "DatabaseAway", "")
        assert (await world.operator.call("GET", "/readyz")).status == 503
        own_postgres.start()
        assert (await world.operator.hand_in(receipt)).status == 201
        assert (await world.operator.call("GET", "/readyz")).status == 200


async def test_a_lost_session_is_a_lost_lock(tmp_path: Path, postgres: Postgres) -> None:
    """Another process becomes the writer while ours has lost its session: ours does not write any more."""
    url = postgres.create()
    async with kit.world(tmp_path, url) as world:
        await world.administrator.credit(name="1")
        name = url.rpartition("/")[2]
        postgres.sql("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        async with Store(url):
            answers = [await world.administrator.credit(name="2") for _ in range(2)]
            assert [answer.status for answer in answers] == [503, 503]
            assert answers[1].body["code"] == "NotTheWriter"
        assert (await world.administrator.credit(name="2")).status == 201


async def test_the_database_itself_refuses_wrong_entries(world: World) -> None:
    await world.administrator.credit(10)
    columns = "id, at, source, target, amount, reason, reference"
    row = f"INSERT INTO entries ({columns}) VALUES ('x', 0, 'deposits', {{}}, 'r', 'r')"
    client = f"'client:{kit.CLUSTER}/tenant'"
    for wrong in (
        row.format(f"{client}, 0"),
        row.format(f"{client}, -5"),
        row.format("'deposits', 5"),
        row.format("'nowhere', 5"),
        f"UPDATE accounts SET balance = -1 WHERE name = {client}",
    ):
        with pytest.raises(IntegrityError):
            async with world.service.store.writing() as connection:
                await connection.execute(text(wrong))


async def test_a_tampered_balance_is_seen(world: World) -> None:
    await world.administrator.credit(10)
    assert await audit(world.service.store, world.service.metrics) == []
    async with world.service.store.writing() as connection:
        await connection.execute(text("UPDATE accounts SET balance = balance + 1 WHERE kind = 'client'"))
    assert await audit(world.service.store, world.service.metrics) == [f"client:{kit.CLUSTER}/tenant"]


async def test_backup_and_restore(tmp_path: Path, databases: Callable[[], str]) -> None:
    old, new, file = databases(), databases(), tmp_path / "backup.gz"
    async with kit.world(tmp_path, old) as world:
        await world.administrator.credit()
        server = await world.server()
        receipt = server.receipt()
        await world.operator.hand_in(receipt)
        before = await world.balances()
        await back_up(old, file)
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(BadBackup, match="there already"):
        await back_up(old, file)
    await restore(new, file)
    with pytest.raises(BadBackup, match="not empty"):
        await restore(new, file)
    async with kit.world(tmp_path, new) as world:
        assert await world.balances() == before
        assert (await world.operator.hand_in(receipt)).status == 200
        assert (await world.operator.hand_in(server.receipt())).status == 201
        async with world.service.store.reading() as connection:
            assert await quiet_until(connection) == RESTORED


async def test_a_backup_that_was_cut_off_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    async with kit.world(tmp_path, f"sqlite:///{tmp_path}/old.sqlite") as world:
        await world.administrator.credit()
        await back_up(f"sqlite:///{tmp_path}/old.sqlite", tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    (tmp_path / "backup").write_bytes(whole[:-20])
    with pytest.raises(BadBackup, match="no whole backup"):
        await restore(f"sqlite:///{tmp_path}/new.sqlite", tmp_path / "backup")
    assert not (tmp_path / "new.sqlite").exists()


async def test_no_secret_reaches_a_log(
    tmp_path: Path, own_postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything at DEBUG, through good and bad days: tokens, receipts and the database's password stay out."""
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(JsonLines())
    secrets: list[str] = [PASSWORD]
    async with kit.world(tmp_path, own_postgres.create()) as world:
        desk = world.administrator
        server = await world.server()
        receipt = server.receipt()
        secrets += [desk.token, desk.token.split(".")[2], receipt.split(".")[2], receipt.split(".")[1][:60]]
        await desk.credit()
        for body in (receipt, "a.b.c"):
            await desk.hand_in(body, job="job")
        await kit.Desk(world.session, desk.token[:-4]).call("GET", "/v1/work")
        await desk.call("PUT", f"/v1/servers/{server.key}/evidence", b"{}")
        own_postgres.stop(signal.SIGQUIT)
        await desk.hand_in(receipt)
        await desk.call("GET", "/metrics")
        own_postgres.start()
        (tmp_path / "keys.json").write_text("{}")
        await kit.Desk(world.session, kit.SignedBy(1).token()).call("GET", "/v1/work")
    with pytest.raises(BadDatabase) as bad:
        Store(f"mysql://user:{PASSWORD}@host/name")
    with pytest.raises(DatabaseAway) as away:
        async with Store(own_postgres.url("nothing")):
            pytest.fail("there is no such database")
    logged = "\n".join([caplog.text, str(bad.value), str(away.value), repr(world.service.store.url)])
    assert "not taken" in logged
    for secret in secrets:
        assert secret not in logged
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("cocoon")]
    assert not re.search(r"eyJ[\w-]{20}", "\n".join(ours))


async def test_settings_that_are_mistyped(tmp_path: Path) -> None:
    file: Any = tmp_path / "payout.yaml"
    wrong = {
        "": "payout.yaml",
        "database: x": "chain",
        "{chain: {globalConfig: g}, database: x}": "archive",
        "{archive: a, chain: {globalConfig: g}}": "database",
        "{archive: a, chain: {globalConfig: g}, database: x, policy: {dailyCup: '5'}}": "dailyCup",
        "{archive: a, chain: {globalConfig: g}, database: x, policy: {dailyCap: '-5'}}": "dailyCap",
        "{archive: a, chain: {globalConfig: g}, database: x, policy: {feeBasisPoints: 10001}}": "feeBasisPoints",
    }
    for content, named in wrong.items():
        file.write_text(content)
        with pytest.raises(BadSettings, match=named):
            read_settings(file)
