"""The books as the reconciler reads and writes them. Every function works within its caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import NanoTon
from cocoon.payout.ledger.accounts import HOT_WALLET, Account
from cocoon.payout.ledger.entries import post
from cocoon.payout.reconciling.meaning import Finding, KnownBatch, KnownTransfer, expiring
from cocoon.payout.sending.batches import OPEN, query_number
from cocoon.payout.store.books import ACCOUNTS
from cocoon.payout.store.sending import BATCHES, CHAIN_TRANSACTIONS, LANES, TRANSFERS
from cocoon.ton.chain import BEFORE_THE_FIRST, TransactionId, WalletTransaction
from cocoon.ton.highload import QUERY_IDS
from cocoon.ton.wallet_history import Accepted, Paid, Returned, WalletEvent


async def seen(connection: AsyncConnection, lane: int) -> tuple[TransactionId, int]:
    """How far a lane's history is in the books, and up to which chain time it was complete."""
    row = (await connection.execute(select(LANES).where(LANES.c.subwallet == lane))).one()
    last = TransactionId(int(row.seen_lt), bytes.fromhex(row.seen_hash)) if row.seen_hash else BEFORE_THE_FIRST
    return last, row.seen_time


async def set_seen(connection: AsyncConnection, lane: int, last: TransactionId, time: int) -> None:
    """The history is in the books up to `last`."""
    values: dict[str, Any] = {"seen_lt": str(last.lt), "seen_hash": last.hash.hex() if last.lt else ""}
    await connection.execute(update(LANES).where(LANES.c.subwallet == lane).values(seen_time=time, **values))


async def skip_query(connection: AsyncConnection, lane: int, query: int) -> None:
    """The wallet took this query id for a message that the books don't know: go on behind it."""
    found = await connection.execute(select(LANES.c.next_query).where(LANES.c.subwallet == lane))
    upcoming = found.scalar_one()
    used = upcoming - upcoming % QUERY_IDS + query_number(query)
    await connection.execute(update(LANES).where(LANES.c.subwallet == lane).values(next_query=max(upcoming, used + 1)))


async def known(connection: AsyncConnection, lane: int, event: WalletEvent) -> KnownBatch | KnownTransfer | None:
    """What the books know of the batch or transfer that an event speaks of."""
    columns = BATCHES.c
    mine = (columns.lane == lane) & columns.state.in_(OPEN)
    if isinstance(event, Accepted):
        same = (columns.query == event.query_id) & (columns.created_at == event.created_at)
        return await _batch(connection, mine & same & (columns.taken_lt == ""))
    if isinstance(event, Paid):
        return await _batch(connection, mine & (columns.query == event.query_id) & (columns.taken_lt != ""))
    if isinstance(event, Returned) and event.payment:
        query = _transfers().where(TRANSFERS.c.id == event.payment, TRANSFERS.c.payee == event.source.raw())
        row = (await connection.execute(query)).one_or_none()
        return _transfer(row) if row else None
    return None


async def _batch(connection: AsyncConnection, which: Any) -> KnownBatch | None:  # noqa: ANN401 - a SQL expression
    number = (await connection.execute(select(BATCHES.c.number).where(which))).scalar_one_or_none()
    if number is None:
        return None
    rows = await connection.execute(_transfers().where(TRANSFERS.c.batch == number).order_by(TRANSFERS.c.id))
    return KnownBatch(number, tuple(_transfer(row) for row in rows))


def _transfers() -> Any:  # noqa: ANN401 - SQLAlchemy's type of a select with six columns
    columns = TRANSFERS.c
    return select(
        columns.id, columns.account, columns.cluster, columns.provider, columns.payee, columns.amount, columns.state
    )


def _transfer(row: Row[Any]) -> KnownTransfer:
    account = Account(row.account, "payee", row.cluster, row.provider, row.payee)
    return KnownTransfer(row.id, account, NanoTon(row.amount), row.state)


async def write(connection: AsyncConnection, lane: int, transaction: WalletTransaction, finding: Finding) -> None:
    """Put a transaction and its meaning into the books; a second time changes nothing."""
    await connection.execute(CHAIN_TRANSACTIONS.insert().values(**_row(lane, transaction, finding)))
    await post(connection, finding.entries)
    if finding.batch is not None and finding.outcome is not None:
        await _settle(connection, transaction, finding)
    if finding.bounced:
        await connection.execute(update(TRANSFERS).where(TRANSFERS.c.id == finding.bounced).values(state="bounced"))


def _row(lane: int, transaction: WalletTransaction, finding: Finding) -> dict[str, object]:
    return {
        "lane": lane,
        "lt": str(transaction.id.lt),
        "hash": transaction.id.hash.hex(),
        "previous_lt": str(transaction.previous.lt),
        "previous_hash": transaction.previous.hash.hex(),
        "time": transaction.utime,
        "meaning": finding.meaning,
        "batch": finding.batch,
        "received": transaction.inbound.value if transaction.inbound else 0,
        "sent": sum(each.value for each in transaction.outbound),
        "fees": transaction.fees,
    }


async def _settle(connection: AsyncConnection, transaction: WalletTransaction, finding: Finding) -> None:
    lt, name = str(transaction.id.lt), transaction.id.hash.hex()
    values: dict[str, Any] = {"network_cost": BATCHES.c.network_cost + transaction.fees}
    if finding.meaning in {"accepted", "refused"}:
        values |= {"taken_lt": lt, "taken_hash": name}
    if finding.meaning in {"paid", "unpaid"}:
        values |= {"listed_lt": lt, "listed_hash": name}
    state = "sent" if finding.outcome == "taken" else finding.outcome
    await connection.execute(update(BATCHES).where(BATCHES.c.number == finding.batch).values(state=state, **values))
    if finding.outcome == "taken":
        await _end(connection, [finding.batch or 0], {"state": "sent"})
    else:
        paid_by = {"transaction": name} if finding.outcome == "confirmed" else {}
        await _end(connection, [finding.batch or 0], {"state": state, "settled": transaction.utime, **paid_by})
        await _date(connection, [finding.batch or 0], transaction.utime)


async def _end(connection: AsyncConnection, numbers: Sequence[int], values: dict[str, Any]) -> None:
    await connection.execute(update(TRANSFERS).where(TRANSFERS.c.batch.in_(numbers)).values(**values))


async def _date(connection: AsyncConnection, numbers: Sequence[int], at: int) -> None:
    await connection.execute(update(BATCHES).where(BATCHES.c.number.in_(numbers)).values(settled=at))


async def expire(connection: AsyncConnection, lane: int, before: int, at: int) -> int:
    """Give up what the wallet did not take and can't take any more: messages that ran out by `before`. How many."""
    columns = BATCHES.c
    late = (columns.lane == lane) & columns.state.in_(OPEN) & (columns.taken_lt == "") & (columns.expires_at <= before)
    numbers = list((await connection.execute(select(columns.number).where(late))).scalars())
    for number in numbers:
        batch = await _batch(connection, columns.number == number)
        if batch is not None:
            await post(connection, list(expiring(batch, at)))
    if numbers:
        await _end(connection, numbers, {"state": "expired", "settled": at})
        await connection.execute(update(BATCHES).where(columns.number.in_(numbers)).values(state="expired", settled=at))
    return len(numbers)


async def expirable(connection: AsyncConnection, lane: int, before: int) -> bool:
    """Whether `expire` would find something."""
    columns = BATCHES.c
    late = (columns.lane == lane) & columns.state.in_(OPEN) & (columns.taken_lt == "") & (columns.expires_at <= before)
    return bool((await connection.execute(select(func.count()).where(late))).scalar_one())


async def held(connection: AsyncConnection) -> NanoTon:
    """What the books say that the wallets hold: nanoTON in them, and in their own messages on the way to themselves."""
    found = await connection.execute(select(ACCOUNTS.c.balance).where(ACCOUNTS.c.name == HOT_WALLET.name))
    return NanoTon(-(found.scalar_one_or_none() or 0))


async def on_the_way(connection: AsyncConnection) -> NanoTon:
    """What wallets have sent themselves and not yet taken in: the own messages of taken batches."""
    taken = (
        select(func.coalesce(func.sum(CHAIN_TRANSACTIONS.c.sent), 0))
        .join(BATCHES, BATCHES.c.number == CHAIN_TRANSACTIONS.c.batch)
        .where(BATCHES.c.state == "sent", CHAIN_TRANSACTIONS.c.lt == BATCHES.c.taken_lt)
    )
    return NanoTon(int((await connection.execute(taken)).scalar_one()))
