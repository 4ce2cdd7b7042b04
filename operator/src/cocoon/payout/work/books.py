"""The part of the books that a batch of receipts touches: read in a few queries, written in a few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, BindParameter, ColumnElement, RowMapping, Table, bindparam, case, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.payout import WorkAnswer
from cocoon.api.times import Instant
from cocoon.api.ton_address import parse_address
from cocoon.api.trust import Trust
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import post_new
from cocoon.payout.store.books import ACCOUNTS, DAILY
from cocoon.payout.store.work import RECEIPTS, SERVERS, WINDOWS
from cocoon.payout.work.case import Case, Server, Window
from cocoon.payout.work.decide import Excerpt, Known, Taken, day_of, scope_of


async def servers(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, Server]:
    """The servers of these receipt keys, by key."""
    wanted = sorted(set(keys))
    columns = WINDOWS.c
    windows: dict[str, list[Window]] = defaultdict(list)
    for row in await connection.execute(select(WINDOWS).where(columns.key.in_(wanted))):
        windows[row.key].append(Window(row.opens, row.closes))
    rows = await connection.execute(select(SERVERS).where(SERVERS.c.key.in_(wanted)))
    return {
        row.key: Server(row.key, row.public_key, row.evidence, row.payee, Trust(row.trust), tuple(windows[row.key]))
        for row in rows
    }


async def excerpt(connection: AsyncConnection, cases: Sequence[Case], now: Instant) -> Excerpt:
    """What the books say about these cases."""
    books = Excerpt()
    await _receipts(connection, cases, books)
    names = {accounts.client(each.submission.cluster, each.claims.namespace).name for each in cases}
    query = select(ACCOUNTS.c.name, ACCOUNTS.c.balance).where(ACCOUNTS.c.name.in_(sorted(names)))
    books.available.update({row.name: row.balance for row in await connection.execute(query)})
    scopes = {"", *(scope_of(each) for each in cases)}
    today = select(DAILY).where(DAILY.c.day == day_of(now), DAILY.c.scope.in_(sorted(scopes)))
    books.daily.update({row.scope: row.amount for row in await connection.execute(today)})
    return books


async def _receipts(connection: AsyncConnection, cases: Sequence[Case], books: Excerpt) -> None:
    """Those of the same names, and those that were paid for the same jobs. Each query is one look into one index."""
    columns = RECEIPTS.c
    jobs: dict[str, set[str]] = defaultdict(set)
    for each in cases:
        jobs[each.submission.cluster].add(each.job)
    wanted: list[ColumnElement[bool]] = [columns.jti.in_(sorted({each.claims.jti for each in cases}))]
    wanted += [
        (columns.state == "Accepted") & (columns.cluster == cluster) & columns.job.in_(sorted(jobs[cluster]))
        for cluster in sorted(jobs)
    ]
    query = select(columns.jti, columns.receipt, columns.state, columns.cluster, columns.job, columns.cost, columns.fee)
    rows = [row for each in wanted for row in (await connection.execute(query.where(each))).mappings()]
    books.paid.update({(row["cluster"], row["job"]): row["jti"] for row in rows if row["state"] == "Accepted"})
    for row in rows:
        books.receipts[row["jti"]] = Known(row["receipt"], _answer(row, books))


def _answer(row: RowMapping, books: Excerpt) -> WorkAnswer:
    accepted = books.paid.get((row["cluster"], row["job"]), "")
    return WorkAnswer(row["jti"], row["state"], str(row["cost"]), str(row["fee"]), accepted)


async def write(connection: AsyncConnection, taken: Sequence[Taken], books: Excerpt, now: Instant) -> None:
    """Put them into the books."""
    if not taken:
        return
    await connection.execute(RECEIPTS.insert(), [_row(each) for each in taken])
    await post_new(connection, [entry for each in taken for entry in each.entries])
    await _count_daily(connection, books.accepted_today, day_of(now))
    await _count_sequences(connection, taken)


def _row(taken: Taken) -> dict[str, object]:
    case_, claims, answer = taken.case, taken.case.claims, taken.answer
    return {
        "jti": claims.jti,
        "receipt": case_.submission.receipt,
        "state": answer.state,
        "cluster": case_.submission.cluster,
        "job": case_.job,
        "attempt": claims.attempt,
        "outcome": claims.outcome,
        "namespace": claims.namespace,
        "name": claims.name,
        "provider": claims.provider,
        "payee": parse_address(claims.payee).raw(),
        "model": claims.model.name,
        "items": claims.usage.items,
        "failed_items": claims.usage.failed_items,
        "prompt_tokens": claims.usage.prompt_tokens,
        "completion_tokens": claims.usage.completion_tokens,
        "cost": int(answer.cost),
        "fee": int(answer.fee),
        "trust": claims.trust.value,
        "evidence": claims.evidence_sha256,
        "finished": claims.finished,
        "received": case_.now,
    }


async def _count_daily(connection: AsyncConnection, accepted: dict[str, int], day: int) -> None:
    rows = [{"day": day, "scope": scope, "amount": accepted[scope]} for scope in sorted(accepted)]
    if not rows:
        return
    insert = _insert(connection, DAILY)
    summed = {"amount": DAILY.c.amount + insert.excluded.amount}
    await connection.execute(insert.on_conflict_do_update(index_elements=["day", "scope"], set_=summed), rows)


async def _count_sequences(connection: AsyncConnection, taken: Sequence[Taken]) -> None:
    """A key's receipts are numbered without gaps: what is missing was withheld."""
    highest: dict[str, int] = defaultdict(lambda: -1)
    count: dict[str, int] = defaultdict(int)
    for each in taken:
        key = each.case.server.key
        highest[key] = max(highest[key], each.case.claims.seq)
        count[key] += 1
    seen: BindParameter[int] = bindparam("seen", type_=BigInteger)
    statement = (
        update(SERVERS)
        .where(SERVERS.c.key == bindparam("of"))
        .values(
            highest=case((SERVERS.c.highest < seen, seen), else_=SERVERS.c.highest),
            taken=SERVERS.c.taken + bindparam("more"),
        )
    )
    await connection.execute(
        statement, [{"of": key, "seen": highest[key], "more": count[key]} for key in sorted(count)]
    )


def _insert(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
