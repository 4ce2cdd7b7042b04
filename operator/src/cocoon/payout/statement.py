"""The statement: what each payee earned and was paid, day by day (UTC), as CSV in nanoTON.

`net` is `gross` less `fees`, and is what is paid. `network_cost` is what the chain took for the day's payments; the
service bears it out of its fees. A message's cost is shared evenly by its transfers, and the shares add up to it.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Row, Subquery, func, select

from cocoon.payout.overview import Wanted, between, chosen
from cocoon.payout.store.sending import BATCHES, TRANSFERS
from cocoon.payout.store.work import RECEIPTS
from cocoon.payout.store.writer import Store

COLUMNS: Final = ("date", "cluster", "provider", "payee", "jobs", "gross", "fees", "net", "paid", "network_cost")
_DAY: Final = 86_400
_EPOCH: Final = date(1970, 1, 1)
#: Day, cluster, provider, payee.
_Line = tuple[int, str, str, str]


async def statement(store: Store, wanted: Wanted) -> str:
    """Accepted work by the day it finished, confirmed transfers by the day the chain showed them."""
    lines: dict[_Line, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    await _add_work(store, wanted, lines)
    await _add_transfers(store, wanted, lines)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for (day, *owner), (jobs, gross, fees, paid, network) in sorted(lines.items()):
        date_text, net = (_EPOCH + timedelta(days=day)).isoformat(), gross - fees
        writer.writerow([date_text, *owner, jobs, gross, fees, net, paid, network])
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
    placed = _placed(wanted)
    query = select(placed, BATCHES.c.network_cost, BATCHES.c.transfers).join(
        BATCHES, BATCHES.c.number == placed.c.batch
    )
    async with store.reading() as connection:
        for row in await connection.execute(query.where(*_paid(placed, wanted))):
            line = lines[int(row.settled // _DAY), row.cluster, row.provider, row.payee]
            line[3] += row.amount
            line[4] += _up_to(row, row.place) - _up_to(row, row.place - 1)


def _placed(wanted: Wanted) -> Subquery:
    """Transfers with their place in their message, which is the same for everybody who asks."""
    columns = TRANSFERS.c
    place = func.row_number().over(partition_by=columns.batch, order_by=columns.id)
    batches = select(columns.batch).where(*_paid(TRANSFERS, wanted))
    return select(TRANSFERS, place.label("place")).where(columns.batch.in_(batches)).subquery()


def _paid(table: FromClause, wanted: Wanted) -> list[ColumnElement[bool]]:
    columns = table.c
    payouts = [columns.state == "confirmed", columns.purpose == "payout"]
    return [*payouts, *chosen(table, wanted), *between(columns.settled, wanted)]


def _up_to(row: Row[Any], place: int) -> int:
    """What the transfers up to that place have of their message's cost, in nanoTON."""
    return int(row.network_cost) * place // int(row.transfers)
