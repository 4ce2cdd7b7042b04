"""Opening either database: the settings that make a commit durable, and who may write.

One process writes. Its lock is bound to what it writes with, so that losing the one is losing the other: PostgreSQL's
advisory lock belongs to the very session that all writes go through; SQLite's is a lock on a file beside the database,
which the kernel lets go when the process ends.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

#: Any number, as long as nobody else uses it in this database: "cocoon" in ASCII.
ADVISORY_LOCK: Final = 0x636F636F6F6E
#: Seconds. The session of a service that was killed has the lock until PostgreSQL notices.
PATIENCE: Final = 5
_LOCK_NOT_AVAILABLE: Final = "55P03"  # PostgreSQL's SQLSTATE when lock_timeout is over
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


class NotTheWriter(Exception):
    """Another process writes to this database; the message says what to do."""


class BadDatabase(Exception):
    """The database can't be used; the message says why, and names no password."""


def database_url(given: str) -> URL:
    """Of a `sqlite:///PATH` or `postgresql://…` URL, with our driver. Raises BadDatabase."""
    try:
        url = make_url(given)
    except ArgumentError:
        raise BadDatabase("The database's URL can't be read: write sqlite:////PATH or postgresql://…") from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise BadDatabase(f"The database is neither sqlite nor postgresql but {url.get_backend_name()[:40]!r}.")
    return url.set(drivername=driver)


def open_engine(url: URL) -> AsyncEngine:
    """Connections to it. With SQLite each commit is on the disk before it is answered, and readers don't wait."""
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, connect_args={"timeout": 30})
        event.listen(engine.sync_engine, "do_connect", lambda *_: _make_file(url.database))
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(url, pool_pre_ping=True, pool_size=4)


def _make_file(path: str | None) -> None:
    """Make the file for its owner alone, as SQLite would not; its journals get the same mode. Raises OSError."""
    if path and path != ":memory:":
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DB-API connection has no type
    connection.isolation_level = None  # else the driver begins transactions where it likes
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's events are untyped
    connection.exec_driver_sql("BEGIN")


class WriterLock:
    """Holds the right to write: use `take` once, with the connection that will write."""

    def __init__(self, url: URL) -> None:
        self._path = Path(f"{url.database}.lock") if url.get_backend_name() == "sqlite" and url.database else None
        self._descriptor: int | None = None

    async def take(self, connection: AsyncConnection) -> None:
        """Raises NotTheWriter if another process has it, and keeps it for longer than PATIENCE."""
        taken = self._lock_file() if self._path else await _lock_session(connection)
        if not taken:
            raise NotTheWriter(
                "Another payout process writes to this database: there may be one. Stop it, or give this one its own."
            )

    def _lock_file(self) -> bool:
        if self._descriptor is not None:
            return True
        descriptor = os.open(str(self._path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let another process write. PostgreSQL's lock goes with its session."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


async def _lock_session(connection: AsyncConnection) -> bool:
    try:
        await connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
        await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
    except DBAPIError as error:
        await connection.rollback()
        if getattr(error.orig, "sqlstate", "") == _LOCK_NOT_AVAILABLE:
            return False
        raise
    await connection.commit()
    return True
