"""Posting: entries and the balances that they change, in the caller's transaction, each entry once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import bindparam, func, select, union_all, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import NanoTon
from cocoon.api.times import Instant
from cocoon.payout.ledger.accounts import Account
from cocoon.payout.store.books import ACCOUNTS, ENTRIES
from cocoon.payout.store.schema import MOST_NANOTON

Reason = Literal[
    "credit", "work", "fee", "reserved", "expired", "confirmed", "network cost", "bounce", "stranger", "funding",
    "test", "drift",
]  # fmt: skip
_APPLY: Final = (
    update(ACCOUNTS).where(ACCOUNTS.c.name == bindparam("account")).values(balance=ACCOUNTS.c.balance + bindparam("by"))
)


class EntryConflict(Exception):
    """An entry of this id says something else already."""


class Entry(Struct, frozen=True):
    """`amount` nanoTON move from one account to another. `id` names it for ever; `reference` is its receipt or such."""

    id: str
    at: Instant
    source: Account
    target: Account
    amount: NanoTon
    reason: Reason
    reference: str

    def __post_init__(self) -> None:
        """Refuse what no database would take. Raises ValueError."""
        if not 0 < self.amount <= MOST_NANOTON:
            raise ValueError(f"An entry moves 1 to {MOST_NANOTON} nanoTON, not {self.amount}.")
        if self.source.name == self.target.name:
            raise ValueError(f"An entry moves money between two accounts, not within {self.source.name}.")


async def post(connection: AsyncConnection, entries: Sequence[Entry]) -> int:
    """Post those that are not there yet; how many that were. Raises EntryConflict, or IntegrityError if overdrawn."""
    known = await _known(connection, [entry.id for entry in entries])
    for entry in entries:
        if entry.id in known and known[entry.id] != _substance(entry):
            raise EntryConflict(f"There is an entry {entry.id} that says something else.")
    fresh = [entry for entry in entries if entry.id not in known]
    await post_new(connection, fresh)
    return len(fresh)


async def post_new(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Post entries that are known not to be there. Raises IntegrityError if one is, or if an account is overdrawn."""
    if not entries:
        return
    await open_accounts(connection, [account for entry in entries for account in (entry.source, entry.target)])
    changes: dict[str, int] = defaultdict(int)
    for entry in entries:
        changes[entry.source.name] -= entry.amount
        changes[entry.target.name] += entry.amount
    await connection.execute(ENTRIES.insert(), [_row(entry) for entry in entries])
    rows = [{"account": name, "by": by} for name, by in sorted(changes.items()) if by]
    if rows:
        await connection.execute(_APPLY, rows)


async def open_accounts(connection: AsyncConnection, accounts: Iterable[Account]) -> None:
    """Make accounts that are not there yet, with nothing in them."""
    rows = {account.name: {**_fields(account), "balance": 0} for account in accounts}
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(ACCOUNTS).on_conflict_do_nothing(index_elements=["name"])
    await connection.execute(statement, [rows[name] for name in sorted(rows)])


def _fields(account: Account) -> dict[str, str]:
    return {name: getattr(account, name) for name in account.__struct_fields__}


async def _known(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, tuple[str, str, int]]:
    columns = ENTRIES.c
    query = select(columns.id, columns.source, columns.target, columns.amount).where(columns.id.in_(ids))
    return {row.id: (row.source, row.target, row.amount) for row in await connection.execute(query)}


def _substance(entry: Entry) -> tuple[str, str, int]:
    return entry.source.name, entry.target.name, entry.amount


def _row(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": entry.at,
        "source": entry.source.name,
        "target": entry.target.name,
        "amount": entry.amount,
        "reason": entry.reason,
        "reference": entry.reference,
    }


async def wrong_balances(connection: AsyncConnection) -> list[str]:
    """Accounts whose balance is not the sum of their entries; none, or something other than this code wrote."""
    moved = union_all(
        select(ENTRIES.c.target.label("name"), ENTRIES.c.amount.label("by")),
        select(ENTRIES.c.source, -ENTRIES.c.amount),
    ).subquery()
    sums = select(moved.c.name, func.sum(moved.c.by).label("total")).group_by(moved.c.name).subquery()
    query = (
        select(ACCOUNTS.c.name)
        .outerjoin(sums, sums.c.name == ACCOUNTS.c.name)
        .where(ACCOUNTS.c.balance != func.coalesce(sums.c.total, 0))
        .order_by(ACCOUNTS.c.name)
    )
    return list((await connection.execute(query)).scalars())
