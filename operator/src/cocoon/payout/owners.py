"""What owners ask for and what they earned, for the operators of their clusters.

Earnings are read by what changed: a cursor names an entry of the books, and the next page has the providers that later
entries touch. The first pages, without a cursor, have all of them. A cursor of another life of this service counts as
none, for a restored database counts its entries from the start.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import func, select, union
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import parse_nanoton
from cocoon.api.payout import EarningsPage, Hold, LastTransfer, OwnerTerms, ProviderEarnings
from cocoon.api.times import Instant
from cocoon.payout.sending.rules import SendingRules
from cocoon.payout.store.books import ACCOUNTS, ENTRIES
from cocoon.payout.store.owners import OWNER_TERMS
from cocoon.payout.store.schema import MOST_NANOTON
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.writer import Store

#: Providers in a page, and entries that one page looks through.
MOST_PROVIDERS: Final = 500
MOST_ENTRIES: Final = 20_000
Holds = Callable[[AsyncConnection, str], Awaitable[Sequence[Hold]]]


class _Cursor(Struct, frozen=True):
    """All entries up to `number` are told but, while the first pages are read, those of providers after `after`."""

    number: int
    after: str | None


class Owners:
    """Takes terms, tells earnings. `life` names this life of the service; `holds` says why nothing is sent."""

    def __init__(self, store: Store, rules: SendingRules, holds: Holds, life: str, now: Callable[[], Instant]) -> None:
        self._store = store
        self._rules = rules
        self._holds = holds
        self._life = life
        self._now = now

    async def tell(self, cluster: str, terms: Sequence[OwnerTerms]) -> tuple[OwnerTerms, ...]:
        """Take terms; those that hold, within this service's rules."""
        insert = postgresql.insert if self._store.dialect == "postgresql" else sqlite.insert
        rows = [{"cluster": cluster, "told": self._now()} | _row(each) for each in terms]
        statement = insert(OWNER_TERMS)
        newer = {name: statement.excluded[name] for name in ("minimum_payout", "maximum_delay", "told")}
        statement = statement.on_conflict_do_update(index_elements=["cluster", "provider"], set_=newer)
        async with self._store.writing() as connection:
            await connection.execute(statement, rows)
        return tuple(self._bounded(each) for each in terms)

    def _bounded(self, asked: OwnerTerms) -> OwnerTerms:
        minimum, delay = self._rules.bounded(parse_nanoton(asked.minimum_payout), asked.maximum_delay)
        return OwnerTerms(asked.provider, str(minimum), delay)

    async def earnings(self, cluster: str, text: str) -> EarningsPage:
        """The page after a cursor; after an empty or unknown one, the first."""
        async with self._store.reading() as connection:
            newest = int((await connection.execute(select(func.coalesce(func.max(ENTRIES.c.number), 0)))).scalar_one())
            cursor = self._read(text) or _Cursor(newest, "")
            if cursor.after is None:
                top = min(newest, cursor.number + MOST_ENTRIES)
                names = await _changed(connection, cluster, cursor.number, top)
                following, more = _Cursor(top, None), top < newest
            else:
                names = await _after(connection, cluster, cursor.after)
                more = len(names) == MOST_PROVIDERS
                following = _Cursor(cursor.number, names[-1] if more else None)
            found = await _earnings(connection, cluster, names)
            holds = await self._holds(connection, cluster)
        return EarningsPage(found, self._write(following), tuple(holds), more)

    def _read(self, text: str) -> _Cursor | None:
        parts = text.split("/", 2)
        if len(parts) != 3 or parts[0] != self._life or not parts[1].isascii() or not parts[1].isdigit():
            return None
        return _Cursor(int(parts[1][:18]), parts[2] or None)

    def _write(self, cursor: _Cursor) -> str:
        return f"{self._life}/{cursor.number}/{cursor.after or ''}"


def _row(terms: OwnerTerms) -> dict[str, object]:
    minimum = min(parse_nanoton(terms.minimum_payout), MOST_NANOTON)
    return {"provider": terms.provider, "minimum_payout": minimum, "maximum_delay": terms.maximum_delay}


async def _after(connection: AsyncConnection, cluster: str, name: str) -> list[str]:
    """Providers by uid."""
    columns = ACCOUNTS.c
    mine = (columns.cluster == cluster) & (columns.kind == "payee") & (columns.provider > name)
    query = select(columns.provider).distinct().where(mine).order_by(columns.provider).limit(MOST_PROVIDERS)
    return list((await connection.execute(query)).scalars())


async def _changed(connection: AsyncConnection, cluster: str, since: int, top: int) -> list[str]:
    """Providers whose accounts the entries after `since` and up to `top` touch, or whose transfers they send back."""
    new = (ENTRIES.c.number > since) & (ENTRIES.c.number <= top)
    names = union(select(ENTRIES.c.source.label("name")).where(new), select(ENTRIES.c.target).where(new)).subquery()
    mine = (ACCOUNTS.c.cluster == cluster) & ACCOUNTS.c.kind.in_(("payee", "in flight"))
    query = select(ACCOUNTS.c.provider).distinct().join(names, names.c.name == ACCOUNTS.c.name).where(mine)
    found = set((await connection.execute(query)).scalars())
    if (await connection.execute(select(func.count()).where(new, ENTRIES.c.reason == "bounce"))).scalar_one():
        back = select(TRANSFERS.c.provider).distinct().where(TRANSFERS.c.cluster == cluster)
        found |= set((await connection.execute(back.where(TRANSFERS.c.state == "bounced"))).scalars())
    return sorted(found)


async def _earnings(connection: AsyncConnection, cluster: str, names: Sequence[str]) -> tuple[ProviderEarnings, ...]:
    columns = ACCOUNTS.c
    mine = (columns.cluster == cluster) & columns.provider.in_(names) & columns.kind.in_(("payee", "in flight"))
    sums = select(columns.provider, columns.kind, func.sum(columns.balance).label("sum")).where(mine)
    balances: dict[tuple[str, str], int] = defaultdict(int)
    for row in await connection.execute(sums.group_by(columns.provider, columns.kind)):
        balances[row.provider, row.kind] = int(row.sum)
    paid, last = await _paid(connection, cluster, names)
    return tuple(
        ProviderEarnings(name, str(balances[name, "payee"]), str(balances[name, "in flight"]), str(paid.get(name, 0)),
                         last.get(name))
        for name in names
    )  # fmt: skip


async def _paid(
    connection: AsyncConnection, cluster: str, names: Sequence[str]
) -> tuple[dict[str, int], dict[str, LastTransfer]]:
    """What was confirmed, and the newest transfer that was, by provider."""
    columns = TRANSFERS.c
    confirmed = (columns.cluster == cluster) & columns.provider.in_(names) & (columns.state == "confirmed")
    newest = func.max(columns.settled).label("at")
    sums = select(columns.provider, func.sum(columns.amount).label("paid"), newest)
    grouped = (await connection.execute(sums.where(confirmed).group_by(columns.provider))).all()
    last = sums.where(confirmed).group_by(columns.provider).subquery()
    same = (last.c.provider == columns.provider) & (last.c.at == columns.settled)
    rows = await connection.execute(select(TRANSFERS).join(last, same).where(confirmed).order_by(columns.id))
    return {row.provider: int(row.paid) for row in grouped}, {
        row.provider: LastTransfer(row.id, str(row.amount), row.transaction, row.settled) for row in rows
    }
