"""Clients' accounts: credited by an administrator, each credit once."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from cocoon.api.money import NanoTon, parse_nanoton
from cocoon.api.payout import ClientAccount, Credit
from cocoon.api.times import Instant
from cocoon.payout.archive import Archive, CreditTaken
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, EntryConflict, post
from cocoon.payout.refusal import Refusal, Refused
from cocoon.payout.store.books import ACCOUNTS
from cocoon.payout.store.schema import MOST_NANOTON
from cocoon.payout.store.writer import Store


class Clients:
    """Takes credits, tells what is left."""

    def __init__(self, store: Store, archive: Archive, now: Callable[[], Instant]) -> None:
        self._store = store
        self._archive = archive
        self._now = now

    async def credit(self, cluster: str, namespace: str, given: Credit) -> tuple[ClientAccount, bool]:
        """The account after it, and whether this was new. Raises Refused."""
        entry = credit_entry(cluster, namespace, given, self._now())
        async with self._store.writing() as connection:
            query = select(ACCOUNTS.c.balance).where(ACCOUNTS.c.name == entry.target.name)
            before = (await connection.execute(query)).scalar_one_or_none() or 0
            if before + entry.amount > MOST_NANOTON:
                raise Refused(Refusal("TooMuch", "amount", "There is not so much TON."))
            try:
                new = bool(await post(connection, [entry]))
            except EntryConflict:
                detail = f"Another amount was credited as {given.id} before: use a new id."
                raise Refused(Refusal("IdReused", "id", detail, 409)) from None
            if new:
                record = CreditTaken(entry.at, cluster, namespace, given.id, given.amount)
                await self._archive.append([record])
            after = (await connection.execute(query)).scalar_one()
        return ClientAccount(cluster, namespace, str(after)), new

    async def of(self, cluster: str) -> tuple[ClientAccount, ...]:
        """All accounts of a cluster, by namespace."""
        columns = ACCOUNTS.c
        query = select(columns.name, columns.balance).where(columns.kind == "client", columns.cluster == cluster)
        prefix = len(accounts.client(cluster, "").name)
        async with self._store.reading() as connection:
            rows = (await connection.execute(query.order_by(columns.name))).all()
        return tuple(ClientAccount(cluster, row.name[prefix:], str(row.balance)) for row in rows)


def credit_entry(cluster: str, namespace: str, given: Credit, at: Instant) -> Entry:
    """What a credit moves, once. Raises Refused."""
    name, account = f"credit:{cluster}/{namespace}/{given.id}", accounts.client(cluster, namespace)
    return Entry(name, at, accounts.DEPOSITS, account, _amount(given), "credit", given.id)


def _amount(given: Credit) -> NanoTon:
    amount = parse_nanoton(given.amount)
    if not 0 < amount <= MOST_NANOTON:
        raise Refused(Refusal("InvalidAmount", "amount", f"Credit 1 to {MOST_NANOTON} nanoTON."))
    return amount
