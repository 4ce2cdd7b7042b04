"""The process on a disk that is full, and one that has lost its database to another."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from cocoon.payout.store.writer import Store
from tests.chaos.payout.paying_settings import paying_settings
from tests.payout import kit
from tests.payout.kit import Server
from tests.payout.service_process import ServiceProcess, WallClock, ended_at_last
from tests.postgres_fixtures import Postgres
from tests.ton.process import localton


@pytest.mark.parametrize(("archive_grows", "code"), [(False, "ArchiveFull"), (True, "DatabaseAway")])
async def test_a_full_disk_takes_nothing_and_loses_nothing(tmp_path: Path, archive_grows: bool, code: str) -> None:
    cluster = kit.SignedBy()
    service = ServiceProcess(tmp_path, kit.settings(tmp_path, f"sqlite:///{tmp_path}/books.sqlite", cluster), cluster)
    machine = Server(WallClock())
    async with ended_at_last(service):
        await service.start()
        async with service.administrator() as desk:
            assert (await desk.credit()).status == 201
            assert (await desk.register(machine)).status == 200
            first, second = machine.receipt(), machine.receipt()
            assert (await desk.hand_in(first)).status == 201
            log = (tmp_path / "books.sqlite-wal").stat().st_size
            service.limit_files(log if archive_grows else 0)
            for _ in range(3):
                assert (await desk.hand_in(second)).refusal == (503, code, "")
            service.limit_files()
            assert (await desk.hand_in(second)).status == 201
            assert (await desk.hand_in(first)).status == 200
        await service.kill()
        await service.start()
        async with service.administrator() as desk:
            assert (await desk.hand_in(second)).status == 200
            owed = (await desk.call("GET", "/v1/accounts")).body["accounts"]
    assert [account["accrued"] for account in owed] == ["3800000"]  # of two jobs, net of the fee
    assert not any(b"Traceback" in line for line in service.log)


@pytest.mark.ton
async def test_a_process_that_has_lost_its_database_to_another_ends(tmp_path: Path, own_postgres: Postgres) -> None:
    url, cluster = own_postgres.create(), kit.SignedBy()
    async with localton(tmp_path) as chain:
        await chain.start()
        service = ServiceProcess(tmp_path, paying_settings(tmp_path, url, cluster), cluster)
        async with ended_at_last(service):
            await service.start()
            os.kill(service.pid, signal.SIGSTOP)
            name = url.rpartition("/")[2]
            own_postgres.sql(
                "postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='{name}'"
            )
            async with Store(url):
                os.kill(service.pid, signal.SIGCONT)
                assert await service.over() == 1
    assert b"Another payout process writes to this database" in service.log[-1]
    assert not any(b"Traceback" in line for line in service.log), b"".join(service.log).decode()
