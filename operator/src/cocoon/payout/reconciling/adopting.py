"""Payments on the chain that the books know nothing of: made by an earlier life of this database, or by a twin of it.

The payment's id and address lead to the account that it was for, and it is booked there as a transfer like any other.
What leads to no account, or was more than the account held, stays out of the books and shows as drift.
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cocoon.api.money import NanoTon
from cocoon.payout.ledger.accounts import HOT_WALLET, Account, is_test
from cocoon.payout.ledger.entries import Entry, post
from cocoon.payout.reconciling.meaning import Finding
from cocoon.payout.sending.batches import in_flight_of
from cocoon.payout.sending.payment_ids import mark, mark_of
from cocoon.payout.sending.rules import Lane
from cocoon.payout.store.books import ACCOUNTS
from cocoon.payout.store.sending import BATCHES, CHAIN_TRANSACTIONS, TRANSFERS
from cocoon.ton.chain import WalletTransaction
from cocoon.ton.highload import Transfer


class _Adopted(Struct, frozen=True):
    account: Account
    transfer: Transfer


async def adopt(connection: AsyncConnection, lane: Lane, transaction: WalletTransaction, finding: Finding) -> None:
    """Book the payments of a foreign list that belong to accounts of ours."""
    found = await _owners(connection, finding.foreign)
    if not found:
        return
    number = await _batch(connection, lane, transaction, found)
    at, name = transaction.utime, transaction.id.hash.hex()
    rows = [_row(each, number, at, name) for each in found]
    await post(connection, [entry for each in found for entry in _entries(each, at)])
    await connection.execute(TRANSFERS.insert(), rows)
    here = (CHAIN_TRANSACTIONS.c.lane == lane.number) & (CHAIN_TRANSACTIONS.c.lt == str(transaction.id.lt))
    await connection.execute(update(CHAIN_TRANSACTIONS).where(here).values(batch=number))


async def _owners(connection: AsyncConnection, payments: tuple[Transfer, ...]) -> list[_Adopted]:
    """Each payment with the account that it was for, as far as that holds enough and nothing else has its id."""
    ids = sorted({each.payment for each in payments})
    taken = set((await connection.execute(select(TRANSFERS.c.id).where(TRANSFERS.c.id.in_(ids)))).scalars())
    wanted = sorted({each.to.raw() for each in payments})
    query = select(ACCOUNTS).where(ACCOUNTS.c.kind == "payee", ACCOUNTS.c.payee.in_(wanted))
    rows = {(mark(row.name), row.payee): row for row in await connection.execute(query)}
    left = {row.name: row.balance for row in rows.values()}
    found: list[_Adopted] = []
    for each in payments:
        row = rows.get((mark_of(each.payment), each.to.raw()))
        if row is not None and each.payment not in taken and left[row.name] >= each.amount:
            taken.add(each.payment)
            left[row.name] -= each.amount
            found.append(_Adopted(Account(row.name, row.kind, row.cluster, row.provider, row.payee), each))
    return found


async def _batch(connection: AsyncConnection, lane: Lane, transaction: WalletTransaction, found: list[_Adopted]) -> int:
    """A batch for them; its bytes were lost with the books that it came from."""
    at, lt, name = transaction.utime, str(transaction.id.lt), transaction.id.hash.hex()
    values = {
        "lane": lane.number, "query": -transaction.id.lt, "created_at": at, "expires_at": at, "message": b"",
        "message_hash": f"adopted from {name}", "state": "confirmed", "transfers": len(found),
        "total": sum(each.transfer.amount for each in found), "network_cost": transaction.fees,
        "listed_lt": lt, "listed_hash": name, "reserved": at, "first_sent": at, "settled": at,
    }  # fmt: skip
    return int((await connection.execute(BATCHES.insert().values(**values).returning(BATCHES.c.number))).scalar_one())


def _row(each: _Adopted, number: int, at: int, transaction: str) -> dict[str, object]:
    owner = each.account
    return {
        "id": each.transfer.payment, "batch": number, "account": owner.name, "cluster": owner.cluster,
        "provider": owner.provider, "payee": owner.payee, "amount": each.transfer.amount, "state": "confirmed",
        "transaction": transaction, "reserved": at, "settled": at,
        "purpose": "test" if is_test(owner) else "payout",
    }  # fmt: skip


def _entries(each: _Adopted, at: int) -> tuple[Entry, Entry]:
    name, owner, amount = each.transfer.payment, each.account, NanoTon(each.transfer.amount)
    way = in_flight_of(owner)
    return (
        Entry(f"reserved:{name}", at, owner, way, amount, "reserved", name),
        Entry(f"confirmed:{name}", at, way, HOT_WALLET, amount, "confirmed", name),
    )
