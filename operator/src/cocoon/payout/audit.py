"""Counting the books: that every balance is the sum of its entries, and the sums that metrics show."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.payout.ledger.entries import wrong_balances
from cocoon.payout.metrics import Metrics
from cocoon.payout.store.books import ACCOUNTS
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.standing import PAUSES
from cocoon.payout.store.work import SERVERS
from cocoon.payout.store.writer import DatabaseAway, Store

_LOG: Final = logging.getLogger(__name__)
EVERY: Final = 3_600.0
_OPEN: Final = ("reserved", "sent")


async def audit(store: Store, metrics: Metrics) -> list[str]:
    """Accounts that are wrong. It reads all entries, so it is done at the start and every hour."""
    async with store.reading() as connection:
        wrong = await wrong_balances(connection)
    metrics.wrong_balances.set(len(wrong))
    if wrong:
        _LOG.error("balances are wrong", extra={"accounts": wrong[:10]})
    return wrong


async def be_audited(store: Store, metrics: Metrics) -> None:
    """Audit every hour, until cancelled."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            await audit(store, metrics)
        except DatabaseAway as error:
            _LOG.warning("not audited", extra={"why": str(error)})


async def show(store: Store, metrics: Metrics) -> None:
    """Bring the figures up to date. Raises DatabaseAway."""
    async with store.reading() as connection:
        kinds = await connection.execute(
            select(ACCOUNTS.c.kind, func.sum(ACCOUNTS.c.balance).label("sum")).group_by(ACCOUNTS.c.kind)
        )
        for row in kinds:
            metrics.owed.labels(row.kind).set(int(row.sum))
        await _show_transfers(connection, metrics)
        missing = await connection.execute(select(func.sum(SERVERS.c.highest + 1 - SERVERS.c.taken)))
        metrics.missing.set(int(missing.scalar_one() or 0))
        paused = await connection.execute(select(func.count()).where(PAUSES.c.subject == ""))
        metrics.paused.set(paused.scalar_one())


async def _show_transfers(connection: AsyncConnection, metrics: Metrics) -> None:
    columns = TRANSFERS.c
    sums = (func.count().label("n"), func.sum(columns.amount).label("sum"), func.min(columns.reserved).label("oldest"))
    oldest: list[float] = []
    for state in _OPEN:  # a state that no transfer is in any more has no row
        metrics.transfers.labels(state).set(0)
        metrics.transferred.labels(state).set(0)
    for row in await connection.execute(select(columns.state, *sums).group_by(columns.state)):
        metrics.transfers.labels(row.state).set(row.n)
        metrics.transferred.labels(row.state).set(int(row.sum))
        if row.state in _OPEN:
            oldest.append(float(row.oldest))
    metrics.oldest_open.set(min(oldest, default=0.0))
