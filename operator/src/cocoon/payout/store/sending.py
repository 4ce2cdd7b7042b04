"""The tables of payments: lanes, batches with their exact signed bytes, transfers, and what the chain has shown.

A transfer belongs to one batch for ever: if the batch expires, the money goes back to its payee's account, and a later
transfer with another id pays it.

    batch:     reserved ─▶ sent ─▶ confirmed          transfer:  as its batch, or bounced after confirmed
                   └─────────┴──▶ expired
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from cocoon.payout.store.schema import COUNTER, METADATA, amount, moment

#: One highload wallet each. `next_query` numbers query ids; (`seen_lt`, `seen_hash`) is the newest transaction of the
#: wallet's history that is in the books, "0" and "" before the first.
LANES: Final = Table(
    "lanes",
    METADATA,
    Column("subwallet", BigInteger, primary_key=True, autoincrement=False),
    Column("address", Text, nullable=False, unique=True),
    Column("timeout", BigInteger, nullable=False),
    Column("next_query", BigInteger, nullable=False, server_default="0"),
    Column("deployed", Boolean, nullable=False, server_default=text("false")),
    Column("seen_lt", Text, nullable=False, server_default="0"),
    Column("seen_hash", Text, nullable=False, server_default=""),
    Column("seen_time", BigInteger, nullable=False, server_default="0"),
)

#: One signed message. `created_at` and `expires_at` are chain time in whole seconds: from `expires_at` on, no block
#: can take `message` any more. `listed_*` names the transaction that sent the transfers.
BATCHES: Final = Table(
    "batches",
    METADATA,
    Column("number", COUNTER, primary_key=True, autoincrement=True),
    Column("lane", BigInteger, ForeignKey("lanes.subwallet"), nullable=False),
    Column("query", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("message", LargeBinary, nullable=False),
    Column("message_hash", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("transfers", BigInteger, nullable=False),
    amount("total"),
    amount("network_cost", server_default="0"),
    Column("taken_lt", Text, nullable=False, server_default=""),
    Column("taken_hash", Text, nullable=False, server_default=""),
    Column("listed_lt", Text, nullable=False, server_default=""),
    Column("listed_hash", Text, nullable=False, server_default=""),
    moment("reserved"),
    moment("first_sent", nullable=True),
    moment("settled", nullable=True),
    CheckConstraint("state IN ('reserved', 'sent', 'confirmed', 'expired')", name="state"),
    CheckConstraint("total > 0 AND transfers BETWEEN 1 AND 254", name="pays"),
    UniqueConstraint("lane", "query", "created_at"),
    Index(None, "state"),
)

#: `id` stands in the transfer's message body: at most 28 printable ASCII characters. `account` is the payee's account.
TRANSFERS: Final = Table(
    "transfers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("batch", BigInteger, ForeignKey("batches.number"), nullable=False),
    Column("account", Text, ForeignKey("accounts.name"), nullable=False),
    Column("cluster", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("payee", Text, nullable=False),
    amount("amount"),
    Column("purpose", Text, nullable=False, server_default="payout"),
    Column("state", Text, nullable=False),
    Column("transaction", Text, nullable=False, server_default=""),
    moment("reserved"),
    moment("settled", nullable=True),
    CheckConstraint("amount > 0", name="pays"),
    CheckConstraint("purpose IN ('payout', 'test')", name="purpose"),
    CheckConstraint("state IN ('reserved', 'sent', 'confirmed', 'expired', 'bounced')", name="state"),
    Index(None, "batch"),
    Index(None, "account", "state"),
    Index(None, "provider", "reserved"),
)

#: Every transaction of our wallets, as the reconciler read it with proof, and what it turned out to be.
CHAIN_TRANSACTIONS: Final = Table(
    "chain_transactions",
    METADATA,
    Column("lane", BigInteger, ForeignKey("lanes.subwallet"), primary_key=True),
    Column("lt", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("previous_lt", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("meaning", Text, nullable=False),
    Column("batch", BigInteger, ForeignKey("batches.number"), nullable=True),
    amount("received", server_default="0"),
    amount("sent", server_default="0"),
    amount("fees", server_default="0"),
    CheckConstraint("received >= 0 AND sent >= 0 AND fees >= 0", name="amounts"),
    Index(None, "hash"),
)
