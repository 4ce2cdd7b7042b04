"""The books as the sender reads and writes them. Every function works within its caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from sqlalchemy import Row, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import NanoTon
from cocoon.api.times import Instant
from cocoon.payout.ledger.accounts import Account, is_test
from cocoon.payout.ledger.entries import open_accounts, post_new
from cocoon.payout.sending.batches import OPEN, Draft, in_flight_of, reserving
from cocoon.payout.sending.due import Owed, Spent
from cocoon.payout.sending.rules import Lane
from cocoon.payout.store.books import ACCOUNTS, ENTRIES
from cocoon.payout.store.owners import OWNER_TERMS
from cocoon.payout.store.sending import BATCHES, LANES, TRANSFERS
from cocoon.payout.store.standing import PAUSES
from cocoon.ton.chain import TransactionId
from cocoon.ton.highload import HighloadWallet

DAY = 86_400


class WrongWallet(Exception):
    """The database knows this lane under another address: another key, or another time-out."""


class LaneBooks(Struct, frozen=True):
    """What the books say of a lane. `committed`: totals of batches that its wallet has not carried out yet."""

    next_query: int
    seen: TransactionId
    open_batches: int
    open_transfers: int
    committed: NanoTon


class Outgoing(Struct, frozen=True):
    """A batch whose message the wallet has not taken yet, as far as the books know."""

    number: int
    state: str
    expires_at: int
    message: bytes


async def open_lanes(connection: AsyncConnection, lanes: Sequence[Lane]) -> None:
    """Make rows for lanes that are new. Raises WrongWallet if one is known with another address or time-out."""
    rows = {row.subwallet: row for row in await connection.execute(select(LANES))}
    for lane in lanes:
        row = rows.get(lane.number)
        if row is None:
            values = {"subwallet": lane.number, "address": lane.address.raw(), "timeout": lane.wallet.timeout}
            await connection.execute(LANES.insert().values(**values))
        elif (row.address, row.timeout) != (lane.address.raw(), lane.wallet.timeout):
            raise WrongWallet(
                f"Lane {lane.number} of this database is the wallet {row.address} with time-out {row.timeout}, and the "
                f"key makes {lane.address.raw()} with {lane.wallet.timeout}: mount the old key, or name another lane."
            )


async def earlier_lanes(connection: AsyncConnection, lanes: Sequence[Lane], key: Ed25519PrivateKey) -> tuple[Lane, ...]:
    """Wallets of this key that the database knows and that are not paid from any more: what is in them still counts."""
    public, used = key.public_key().public_bytes_raw(), {lane.number for lane in lanes}
    rows = await connection.execute(select(LANES).order_by(LANES.c.subwallet))
    found = {row.address: Lane(HighloadWallet(public, row.subwallet, row.timeout)) for row in rows}
    return tuple(lane for raw, lane in found.items() if lane.number not in used and lane.address.raw() == raw)


async def longest_timeout(connection: AsyncConnection) -> int:
    """How long a message of any wallet lives, in seconds."""
    return int((await connection.execute(select(func.coalesce(func.max(LANES.c.timeout), 0)))).scalar_one())


async def lane_books(connection: AsyncConnection, lane: Lane) -> LaneBooks:
    """What is known of a lane."""
    row = (await connection.execute(select(LANES).where(LANES.c.subwallet == lane.number))).one()
    found = await connection.execute(
        select(
            func.count(), func.coalesce(func.sum(BATCHES.c.transfers), 0), func.coalesce(func.sum(BATCHES.c.total), 0)
        ).where(BATCHES.c.lane == lane.number, BATCHES.c.state.in_(OPEN))
    )
    count, transfers, total = found.one()
    seen = TransactionId(int(row.seen_lt), bytes.fromhex(row.seen_hash) or bytes(32))
    return LaneBooks(row.next_query, seen, count, int(transfers), NanoTon(int(total)))


async def query_is_free(connection: AsyncConnection, lane: Lane, query: int, chain_time: int) -> bool:
    """Whether the wallet has surely forgotten the last use of a query id.

    It has two sets of them, and when it takes a message more than a time-out after it last did so, moves the newer
    one's to the older and drops those: so it remembers for up to three time-outs after it took a message.
    """
    found = await connection.execute(
        select(func.count()).where(
            BATCHES.c.lane == lane.number,
            BATCHES.c.query == query,
            BATCHES.c.expires_at + 3 * lane.wallet.timeout >= chain_time,
        )
    )
    return found.scalar_one() == 0


async def owed(connection: AsyncConnection) -> list[Owed]:
    """What is owed, and since when. What came back from an expired transfer has waited long enough."""
    last = (
        select(func.coalesce(func.max(ENTRIES.c.number), 0))
        .where(ENTRIES.c.source == ACCOUNTS.c.name)
        .correlate(ACCOUNTS)
        .scalar_subquery()
    )
    moment = case((ENTRIES.c.reason == "expired", 0.0), else_=ENTRIES.c.at)
    since = (
        select(func.coalesce(func.min(moment), 0.0))
        .where(ENTRIES.c.target == ACCOUNTS.c.name, ENTRIES.c.number > last)
        .correlate(ACCOUNTS)
        .scalar_subquery()
    )
    terms = OWNER_TERMS.c
    asked = (terms.minimum_payout, terms.maximum_delay)
    same = (terms.cluster == ACCOUNTS.c.cluster) & (terms.provider == ACCOUNTS.c.provider)
    query = select(ACCOUNTS, since.label("since"), *asked).outerjoin(OWNER_TERMS, same)
    rows = await connection.execute(query.where(ACCOUNTS.c.kind == "payee", ACCOUNTS.c.balance > 0))
    return [_owed(row) for row in rows]


def _owed(row: Row[Any]) -> Owed:
    account = Account(row.name, row.kind, row.cluster, row.provider, row.payee)
    minimum, delay = NanoTon(row.minimum_payout or 0), row.maximum_delay or 0.0
    return Owed(account, NanoTon(row.balance), row.since, minimum, delay, is_test(account))


async def spent(connection: AsyncConnection, chain_time: int) -> Spent:
    """What was reserved on the present day of chain time."""
    start = chain_time - chain_time % DAY
    query = (
        select(TRANSFERS.c.cluster, TRANSFERS.c.provider, func.sum(TRANSFERS.c.amount).label("amount"))
        .where(TRANSFERS.c.reserved >= start, TRANSFERS.c.state != "expired")
        .group_by(TRANSFERS.c.cluster, TRANSFERS.c.provider)
    )
    by_provider = {f"{row.cluster}/{row.provider}": int(row.amount) for row in await connection.execute(query)}
    return Spent(sum(by_provider.values()), by_provider)


async def pauses(connection: AsyncConnection) -> frozenset[str]:
    """The subjects of all pauses in force: "" for all sending, else a provider's uid or a payee."""
    return frozenset((await connection.execute(select(PAUSES.c.subject))).scalars())


async def reserve(connection: AsyncConnection, batch: Draft, signed: tuple[bytes, str], at: Instant) -> int:
    """Put a batch into the books: query id, bytes, transfers and entries. Returns its number."""
    lane, count = batch.slot.lane.number, len(batch.transfers)
    await connection.execute(update(LANES).where(LANES.c.subwallet == lane).values(next_query=batch.slot.number + 1))
    values = {
        "lane": lane, "query": batch.query, "created_at": batch.created_at, "expires_at": batch.expires_at,
        "message": signed[0], "message_hash": signed[1], "state": "reserved", "transfers": count,
        "total": batch.total, "reserved": at,
    }  # fmt: skip
    number = (await connection.execute(BATCHES.insert().values(**values).returning(BATCHES.c.number))).scalar_one()
    await open_accounts(connection, [in_flight_of(payment.account) for _, payment in batch.transfers])
    await connection.execute(TRANSFERS.insert(), [_transfer(number, batch, place, at) for place in range(count)])
    await post_new(connection, reserving(batch, at))
    return int(number)


def _transfer(number: int, batch: Draft, place: int, at: Instant) -> dict[str, object]:
    name, payment = batch.transfers[place]
    owner = payment.account
    return {
        "id": name, "batch": number, "account": owner.name, "cluster": owner.cluster, "provider": owner.provider,
        "payee": owner.payee, "amount": payment.amount, "state": "reserved", "reserved": at,
        "purpose": "test" if payment.test else "payout",
    }  # fmt: skip


async def outgoing(connection: AsyncConnection, lane: Lane) -> list[Outgoing]:
    """The messages of a lane that are still to be taken."""
    columns = BATCHES.c
    query = (
        select(columns.number, columns.state, columns.expires_at, columns.message)
        .where(columns.lane == lane.number, columns.state.in_(OPEN), columns.taken_lt == "")
        .order_by(columns.number)
    )
    return [Outgoing(row.number, row.state, row.expires_at, row.message) for row in await connection.execute(query)]


async def mark_sent(connection: AsyncConnection, numbers: Sequence[int], at: Instant) -> None:
    """From now on these may be out there."""
    fresh = BATCHES.c.number.in_(numbers) & (BATCHES.c.state == "reserved")
    await connection.execute(update(BATCHES).where(fresh).values(state="sent", first_sent=at))
    moved = TRANSFERS.c.batch.in_(numbers) & (TRANSFERS.c.state == "reserved")
    await connection.execute(update(TRANSFERS).where(moved).values(state="sent"))
