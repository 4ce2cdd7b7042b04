"""The statement: what each payee earned and was paid, day by day (UTC), as CSV in nanoTON."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select

from cocoon.payout.overview import Wanted, between, chosen
from cocoon.payout.store.sending import TRANSFERS
from cocoon.payout.store.work import RECEIPTS
from cocoon.payout.store.writer import Store

COLUMNS: Final = ("date", "cluster", "provider", "payee", "jobs", "gross", "fees", "net", "paid")
_DAY: Final = 86_400
_EPOCH: Final = date(1970, 1, 1)
#: Day, cluster, provider, payee.
_Line = tuple[int, str, str, str]


async def statement(store: Store, wanted: Wanted) -> str:
    """Accepted work by the day it finished, confirmed transfers by the day the chain showed them."""
    lines: dict[_Line, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    await _add_work(store, wanted, lines)
    await _add_transfers(store, wanted, lines)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for (day, *owner), (jobs, gross, fees, paid) in sorted(lines.items()):
        writer.writerow([(_EPOCH + timedelta(days=day)).isoformat(), *owner, jobs, gross, fees, gross - fees, paid])
    return text.getvalue()


async def _add_work(store: Store, wanted: Wanted, lines: dict[_Line, list[int]]) -> None:
    columns = RECEIPTS.c
    day = columns.finished // _DAY
    keys = (columns.cluster, columns.provider, columns.payee)
    sums = (func.count().label("jobs"), func.sum(columns.cost).label("gross"), func.sum(columns.fee).label("fees"))
    query = select(day.label("day"), *keys, *sums).where(
        columns.state == "Accepted", *chosen(RECEIPTS, wanted), *between(columns.finished, wanted)
    )
    async with store.reading() as connection:
        for row in await connection.execute(query.group_by(day, *keys)):
            lines[int(row.day), row.cluster, row.provider, row.payee][:3] = [row.jobs, int(row.gross), int(row.fees)]


async def _add_transfers(store: Store, wanted: Wanted, lines: dict[_Line, list[int]]) -> None:
    columns = TRANSFERS.c
    query = select(columns.settled, columns.cluster, columns.provider, columns.payee, columns.amount).where(
        columns.state == "confirmed",
        columns.purpose == "payout",
        *chosen(TRANSFERS, wanted),
        *between(columns.settled, wanted),
    )
    async with store.reading() as connection:
        for row in await connection.execute(query):
            lines[int(row.settled // _DAY), row.cluster, row.provider, row.payee][3] += row.amount
