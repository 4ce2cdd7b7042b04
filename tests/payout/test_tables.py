"""Migrations make the tables that the code uses, on each database; posting keeps balances and entries together."""

from __future__ import annotations

import random

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from cocoon.api.money import NanoTon
from cocoon.payout.ledger import accounts
from cocoon.payout.ledger.entries import Entry, EntryConflict, post, wrong_balances
from cocoon.payout.store import tables
from cocoon.payout.store.schema import METADATA
from cocoon.payout.store.writer import Store


def differences(connection: Connection) -> list[object]:
    assert tables.TABLES
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


async def test_migrations_make_the_tables_that_the_code_uses(database: str) -> None:
    async with Store(database) as store, store.writing() as connection:
        assert await connection.run_sync(differences) == []
        assert {table.name for table in tables.TABLES} == set(METADATA.tables)


def credit(number: int, amount: int) -> Entry:
    client = accounts.client("c", f"n{number % 3}")
    return Entry(f"e{number}", 0.0, accounts.DEPOSITS, client, NanoTon(amount), "credit", "r")


async def test_posting_in_any_portions_and_again_gives_the_same_balances(database: str) -> None:
    luck = random.Random(7)
    entries = [credit(number, luck.randint(1, 2**40)) for number in range(60)]
    async with Store(database) as store:
        for _ in range(12):
            async with store.writing() as connection:
                await post(connection, luck.sample(entries, luck.randint(1, 20)))
        async with store.writing() as connection:
            await post(connection, entries)
            assert await post(connection, entries) == 0
            assert await wrong_balances(connection) == []
            total = await connection.exec_driver_sql("SELECT balance FROM accounts WHERE name = 'deposits'")
            assert total.scalar_one() == -sum(entry.amount for entry in entries)


async def in_two_steps(store: Store, first: Entry, second: Entry) -> None:
    async with store.writing() as connection:
        await post(connection, [first])
        await post(connection, [second])


async def test_an_overdraft_undoes_the_whole_transaction(database: str) -> None:
    client, payee = accounts.client("c", "n"), accounts.payee("c", "p", "0:00")
    given = Entry("a", 0.0, accounts.DEPOSITS, client, NanoTon(5), "credit", "r")
    spent = Entry("b", 0.0, client, payee, NanoTon(6), "work", "r")
    async with Store(database) as store:
        with pytest.raises(IntegrityError):
            await in_two_steps(store, given, spent)
        async with store.reading() as connection:
            assert (await connection.exec_driver_sql("SELECT count(*) FROM entries")).scalar_one() == 0


async def test_an_entry_of_the_same_id_says_the_same(database: str) -> None:
    async with Store(database) as store:
        async with store.writing() as connection:
            await post(connection, [credit(1, 5)])
        with pytest.raises(EntryConflict):
            async with store.writing() as connection:
                await post(connection, [credit(1, 6)])
