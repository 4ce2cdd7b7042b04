"""What readers ask of the books: accounts of owners, receipts, transfers. `cluster` None sees everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, FromClause, Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import Usage
from cocoon.api.payout import LastTransfer, OwnerAccount, Transfer, WorkEntry
from cocoon.payout.store.books import ACCOUNTS
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.work import EVIDENCE, RECEIPTS
from cocoon.payout.store.writer import Store

MOST_ROWS: Final = 500


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rows. Empty texts and None don't choose; `since` and `until` are seconds since 1970."""

    cluster: str | None = None
    provider: str = ""
    namespace: str = ""
    state: str = ""
    since: float | None = None
    until: float | None = None
    after: str = ""
    limit: int = 100


class Overview:
    """Reads the books."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def accounts(self, wanted: Wanted) -> tuple[OwnerAccount, ...]:
        """Owners' accounts by name."""
        async with self._store.reading() as connection:
            query = select(ACCOUNTS).where(*chosen(ACCOUNTS, wanted), ACCOUNTS.c.kind == "payee")
            query = query.where(ACCOUNTS.c.name > wanted.after).order_by(ACCOUNTS.c.name).limit(wanted.limit)
            rows = (await connection.execute(query)).all()
            names = [row.name for row in rows]
            on_their_way = await _in_flight(connection, names)
            paid = await _paid(connection, names)
            last = await _last(connection, names)
        return tuple(
            OwnerAccount(row.cluster, row.provider, row.payee, str(row.balance), str(on_their_way.get(row.name, 0)),
                         str(paid.get(row.name, 0)), last.get(row.name))
            for row in rows
        )  # fmt: skip

    async def work(self, wanted: Wanted) -> tuple[WorkEntry, ...]:
        """Receipts by jti, without the receipts themselves."""
        columns = RECEIPTS.c
        conditions = [*chosen(RECEIPTS, wanted), *between(columns.finished, wanted), columns.jti > wanted.after]
        if wanted.namespace:
            conditions.append(columns.namespace == wanted.namespace)
        query = select(RECEIPTS).where(*conditions).order_by(columns.jti).limit(wanted.limit)
        async with self._store.reading() as connection:
            return tuple(_work_entry(row) for row in await connection.execute(query))

    async def receipt(self, jti: str, cluster: str | None) -> WorkEntry | None:
        """One receipt, with itself."""
        query = select(RECEIPTS).where(RECEIPTS.c.jti == jti, *chosen(RECEIPTS, Wanted(cluster=cluster)))
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return _work_entry(row, row.receipt) if row else None

    async def evidence(self, digest: str) -> bytes | None:
        """The newest bundle of this digest. Evidence is public."""
        async with self._store.reading() as connection:
            query = select(EVIDENCE.c.bundle).where(EVIDENCE.c.digest == digest)
            found: bytes | None = (await connection.execute(query)).scalar_one_or_none()
        return found

    async def transfers(self, wanted: Wanted) -> tuple[Transfer, ...]:
        """Transfers by id."""
        columns = TRANSFERS.c
        conditions = [*chosen(TRANSFERS, wanted), *between(columns.reserved, wanted), columns.id > wanted.after]
        query = select(TRANSFERS).where(*conditions).order_by(columns.id).limit(wanted.limit)
        async with self._store.reading() as connection:
            return tuple(_transfer(row) for row in await connection.execute(query))


def chosen(table: FromClause, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Conditions on the columns that all tables of owners have."""
    found: list[ColumnElement[bool]] = []
    if wanted.cluster is not None:
        found.append(table.c.cluster == wanted.cluster)
    if wanted.provider:
        found.append(table.c.provider == wanted.provider)
    if wanted.state:
        found.append(table.c.state == wanted.state)
    return found


def between(column: ColumnElement[Any], wanted: Wanted) -> list[ColumnElement[bool]]:
    """Conditions on a time."""
    limits = ((wanted.since, column.__ge__), (wanted.until, column.__lt__))
    return [compare(limit) for limit, compare in limits if limit is not None]


async def _in_flight(connection: AsyncConnection, names: Sequence[str]) -> dict[str, int]:
    """By the payee's account."""
    flights = [name.replace("payee:", "in flight:", 1) for name in names]
    query = select(ACCOUNTS.c.name, ACCOUNTS.c.balance).where(ACCOUNTS.c.name.in_(flights))
    rows = await connection.execute(query)
    return {row.name.replace("in flight:", "payee:", 1): row.balance for row in rows}


async def _paid(connection: AsyncConnection, names: Sequence[str]) -> dict[str, int]:
    columns = TRANSFERS.c
    confirmed = columns.account.in_(names) & (columns.state == "confirmed") & (columns.purpose == "payout")
    query = select(columns.account, func.sum(columns.amount).label("paid")).where(confirmed).group_by(columns.account)
    return {row.account: int(row.paid) for row in await connection.execute(query)}


async def _last(connection: AsyncConnection, names: Sequence[str]) -> dict[str, LastTransfer]:
    columns = TRANSFERS.c
    confirmed = columns.account.in_(names) & (columns.state == "confirmed")
    newest = select(columns.account, func.max(columns.settled).label("at")).where(confirmed).group_by(columns.account)
    last = newest.subquery()
    same = (last.c.account == columns.account) & (last.c.at == columns.settled)
    query = select(TRANSFERS).join(last, same).where(confirmed).order_by(columns.id)
    return {
        row.account: LastTransfer(row.id, str(row.amount), row.transaction, row.settled)
        for row in await connection.execute(query)
    }


def _work_entry(row: Row[Any], receipt: str = "") -> WorkEntry:
    usage = Usage(row.items, row.failed_items, row.prompt_tokens, row.completion_tokens)
    return WorkEntry(
        row.jti, row.state, row.cluster, row.job, row.attempt, row.outcome, row.namespace, row.name, row.provider,
        row.payee, row.model, usage, str(row.cost), str(row.fee), row.trust, row.evidence, row.finished, row.received,
        receipt,
    )  # fmt: skip


def _transfer(row: Row[Any]) -> Transfer:
    return Transfer(
        row.id, row.cluster, row.provider, row.payee, str(row.amount), row.purpose, row.state, row.reserved,
        row.transaction, row.settled,
    )  # fmt: skip
