"""The one connection that writes: its transactions follow one another, so what one has read holds as it writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Self

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.payout.store.database import WriterLock, database_url, open_engine
from cocoon.payout.store.migrate import migrate

#: What to do when it can't be opened.
_LOOK: Final = {
    "sqlite": "Look whether the volume is mounted, is not full and can be written.",
    "postgresql": (
        "Look whether PostgreSQL runs, whether the URL in the Secret payout.database.existingSecret leads there and "
        "has the right user, password and database, and whether the NetworkPolicy lets us through "
        "(payout.database.port and peers)."
    ),
}


class DatabaseAway(Exception):
    """The database does not answer; nothing was written. What was asked can be asked again."""


class Store:
    """An open database: `reading` for anybody, `writing` one after the other. An async context manager."""

    def __init__(self, url: str) -> None:
        self.url = database_url(url)
        self.engine = open_engine(self.url)
        self._lock = WriterLock(self.url)
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        """Become the writer and bring the tables up to date. Raises NotTheWriter or DatabaseAway."""
        try:
            connection = await self._connected()
            async with connection.begin():
                await connection.run_sync(migrate)
        except (DBAPIError, OSError) as error:
            await self.__aexit__()
            raise DatabaseAway(f"The database can't be opened: {_why(error)}. {_LOOK[self.dialect]}") from None
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close everything; another process may write then."""
        await self._drop()
        await self.engine.dispose()
        self._lock.release()

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries. Raises DatabaseAway."""
        try:
            async with self.engine.connect() as connection:
                yield connection
        except (DBAPIError, OSError) as error:
            raise DatabaseAway(f"The database does not answer: {_why(error)}.") from error

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, undone by an exception.

        Raises DatabaseAway when the connection is lost, in which case it may have been committed, and NotTheWriter when
        another process became the writer meanwhile.
        """
        async with self._turn:
            try:
                connection = await self._connected()
                async with connection.begin():
                    yield connection
            except IntegrityError:
                raise  # a rule of the books: not the database's failure but ours
            except (DBAPIError, OSError) as error:
                if isinstance(error, OSError) or error.connection_invalidated or self._lost():
                    await self._drop()
                raise DatabaseAway(f"The database did not take it: {_why(error)}.") from error

    def _lost(self) -> bool:
        return self._connection is None or self._connection.closed or self._connection.invalidated

    async def _connected(self) -> AsyncConnection:
        """The writer's connection, opened again and locked again if it was lost."""
        if self._connection is not None and not self._lost():
            return self._connection
        await self._drop()
        connection = await self.engine.connect()
        try:
            await self._lock.take(connection)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError, OSError):
                await connection.invalidate()  # not back to the pool: a session must not keep the lock
            with suppress(SQLAlchemyError, OSError):
                await connection.close()


def _why(error: Exception) -> str:
    """The driver's own words without the statement and its values."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(original).splitlines()[0][:200] if str(original) else type(original).__name__
