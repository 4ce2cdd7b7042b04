"""A database that is taken away from under the service while it works."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path
from typing import Protocol

from tests.payout.service_process import ServiceProcess
from tests.postgres_fixtures import Postgres


class Books(Protocol):
    """One trial's database."""

    url: str

    async def cut(self, service: ServiceProcess, luck: random.Random) -> str:
        """Take it away and give it back; what was done."""


class PostgresBooks:
    """On a server whose sessions are ended, or which is killed and started again."""

    def __init__(self, server: Postgres) -> None:
        self.server, self.url = server, server.create()

    async def cut(self, service: ServiceProcess, luck: random.Random) -> str:
        """End all sessions of this database, or the whole server as in a crash."""
        if luck.random() < 0.5:
            name = self.url.rpartition("/")[2]
            query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            await asyncio.to_thread(self.server.sql, "postgres", query)
            return "database sessions ended"
        await asyncio.to_thread(self.server.stop, signal.SIGQUIT)
        await asyncio.sleep(luck.random())
        await asyncio.to_thread(self.server.start)
        return "database server crashed"


class SqliteBooks:
    """A file on a disk that is full for a while."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "books.sqlite"
        self.url = f"sqlite:///{self.file}"

    async def cut(self, service: ServiceProcess, luck: random.Random) -> str:
        """No file grows: neither the books nor their log nor the archive."""
        if not service.alive:
            return "disk full"
        log = self.file.with_name(self.file.name + "-wal")
        size = log.stat().st_size if log.exists() else 0
        service.limit_files(luck.choice([0, size // 2, size + 5_000]))
        await asyncio.sleep(0.3 + luck.random())
        if service.alive:
            service.limit_files()
        return "disk full"
