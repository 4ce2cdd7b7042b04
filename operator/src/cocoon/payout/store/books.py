"""The books' tables. The database itself refuses an entry that moves nothing, and a balance that is overdrawn."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text

from cocoon.payout.store.schema import COUNTER, METADATA, amount, moment

#: `balance` is the sum of all entries to the account less those from it: it can be derived, and is checked to be.
#: `cluster` says whose readers may see it; empty for the service's own accounts. The kinds that may go below zero are
#: those whose other side is outside of the books.
ACCOUNTS: Final = Table(
    "accounts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("cluster", Text, nullable=False, server_default=""),
    Column("provider", Text, nullable=False, server_default=""),
    Column("payee", Text, nullable=False, server_default=""),
    amount("balance"),
    CheckConstraint("balance >= 0 OR kind IN ('deposits', 'network costs', 'hot wallet')", name="covered"),
    Index(None, "provider"),
)

#: `id` makes posting idempotent; `reason` is the kind of business; `reference` names its receipt, transfer or credit.
ENTRIES: Final = Table(
    "entries",
    METADATA,
    Column("number", COUNTER, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    moment("at"),
    Column("source", Text, ForeignKey("accounts.name"), nullable=False),
    Column("target", Text, ForeignKey("accounts.name"), nullable=False),
    amount("amount"),
    Column("reason", Text, nullable=False),
    Column("reference", Text, nullable=False),
    CheckConstraint("amount > 0", name="moves"),
    CheckConstraint("source <> target", name="between_two"),
    Index(None, "source", "number"),
    Index(None, "target", "number"),
    Index(None, "reference"),
)

#: What was accepted on one day (days since 1970, UTC), of one provider or in all (scope "").
DAILY: Final = Table(
    "daily",
    METADATA,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", Text, primary_key=True),
    amount("amount"),
    CheckConstraint("amount >= 0", name="counted"),
)
