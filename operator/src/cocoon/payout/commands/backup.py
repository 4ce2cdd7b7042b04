"""Backup and restore: one gzipped file of JSON lines, the same for both databases, of one consistent look at them.

The first line names the format and the migration; each other line is one row; the last counts them, so that a
file that was cut off is noticed. It needs no pause of the service. After a restore nothing is sent for the life of one
message, by the chain's clock: one that was signed after the backup may still be on its way, and only the chain knows.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, LargeBinary, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from cocoon.payout.stamp import RESTORED, be_quiet
from cocoon.payout.store.books import ENTRIES
from cocoon.payout.store.database import database_url, open_engine
from cocoon.payout.store.migrate import version
from cocoon.payout.store.sending import BATCHES
from cocoon.payout.store.tables import TABLES
from cocoon.payout.store.writer import DatabaseAway, Store

FORMAT: Final = "cocoon-payout-backup/1"
_ROWS: Final = 500


class BadBackup(Exception):
    """The file or the database can't be used; the message says why."""


async def back_up(url: str, file: Path) -> int:
    """Write a backup, readable by its owner alone; how many rows. Raises BadBackup or DatabaseAway."""
    engine = open_engine(database_url(url))
    try:
        async with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            return await connection.run_sync(_dump, file)
    except FileExistsError:
        raise BadBackup(f"{file} is there already: name a new file.") from None
    except DBAPIError as error:
        raise DatabaseAway(f"The database can't be read: {str(error.orig)[:200]}.") from None
    finally:
        await engine.dispose()


def _dump(connection: Connection, file: Path) -> int:
    count = 0
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="") as lines:
        lines.write(_line({"format": FORMAT, "version": version(connection)}))
        for table in TABLES:
            for row in connection.execution_options(yield_per=_ROWS).execute(select(table)).mappings():
                lines.write(
                    _line({"table": str(table.name), "row": {str(name): _plain(value) for name, value in row.items()}})
                )
                count += 1
        lines.write(_line({"rows": count}))
        lines.flush()
        raw.flush()
        os.fsync(descriptor)
    return count


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _plain(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value


async def restore(url: str, file: Path) -> int:
    """Fill an empty database; how many rows. Its service is quiet from when it first sees the chain.

    Raises BadBackup, DatabaseAway or NotTheWriter: then the database stays empty.
    """
    try:
        lines = await asyncio.to_thread(_read, file)
    except (OSError, EOFError, msgspec.MsgspecError, KeyError, TypeError) as error:
        raise BadBackup(f"{file} is no whole backup: {str(error)[:200]}.") from None
    async with Store(url) as store, store.writing() as connection:
        await connection.run_sync(_load, lines)
        await be_quiet(connection, RESTORED)
    return len(lines) - 2


def _read(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rb") as raw:
        lines: list[dict[str, Any]] = [msgspec.json.decode(line) for line in raw]
    if not lines or lines[0].get("format") != FORMAT:
        raise KeyError("it does not begin as one")
    if lines[-1].get("rows") != len(lines) - 2:
        raise KeyError("its end is missing")
    return lines


def _load(connection: Connection, lines: list[dict[str, Any]]) -> None:
    if lines[0]["version"] != version(connection):
        raise BadBackup(f"The backup is of version {lines[0]['version']}: restore it with that version's program.")
    for table in TABLES:
        if connection.execute(select(func.count()).select_from(table)).scalar_one():
            raise BadBackup(f"The database is not empty ({table.name}): restore into a new one.")
    for table in TABLES:
        for rows in _batches(table, lines[1:-1]):
            connection.execute(table.insert(), rows)
    _continue_counters(connection)


def _batches(table: Table, lines: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    binary = [column.name for column in table.columns if isinstance(column.type, LargeBinary)]
    rows: list[dict[str, Any]] = []
    for line in lines:
        if line["table"] == table.name:
            rows.append(line["row"] | {name: base64.b64decode(line["row"][name]) for name in binary})
        if len(rows) >= _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _continue_counters(connection: Connection) -> None:
    """PostgreSQL counts apart from the rows."""
    if connection.dialect.name == "postgresql":
        for table in (ENTRIES, BATCHES):
            highest = connection.execute(select(func.coalesce(func.max(table.c.number), 0))).scalar_one()
            counter = func.pg_get_serial_sequence(table.name, "number")
            connection.execute(select(func.setval(counter, highest + 1, False)))  # noqa: FBT003 - "not used yet"
