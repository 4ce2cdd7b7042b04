"""The tables of evidence and of receipts."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table, Text, text

from cocoon.payout.store.schema import METADATA, amount, moment

#: A receipt key and what its evidence fixed. `highest` and `taken` tell whether receipts of this key are missing.
SERVERS: Final = Table(
    "servers",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("payee", Text, nullable=False),
    Column("trust", Text, nullable=False),
    Column("highest", BigInteger, nullable=False, server_default="-1"),
    Column("taken", BigInteger, nullable=False, server_default="0"),
    moment("registered"),
)

#: When a key's evidence vouches for it: from `opens` up to and without `closes`.
WINDOWS: Final = Table(
    "windows",
    METADATA,
    Column("key", Text, ForeignKey("servers.key"), primary_key=True),
    Column("opens", moment("opens").type, primary_key=True),
    moment("closes"),
)

#: The newest bundle of each evidence digest, as it was handed in.
EVIDENCE: Final = Table(
    "evidence",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("bundle", LargeBinary, nullable=False),
    moment("registered"),
)

#: `state` is Accepted (at most one of a job), Superseded or Interrupted; only accepted ones moved money.
RECEIPTS: Final = Table(
    "receipts",
    METADATA,
    Column("jti", Text, primary_key=True),
    Column("receipt", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cluster", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("payee", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("items", BigInteger, nullable=False),
    Column("failed_items", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    amount("cost"),
    amount("fee"),
    Column("trust", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("finished", BigInteger, nullable=False),
    moment("received"),
    Index(
        "receipts_one_accepted",
        "cluster",
        "job",
        unique=True,
        postgresql_where=text("state = 'Accepted'"),
        sqlite_where=text("state = 'Accepted'"),
    ),
    Index(None, "cluster", "job"),
    Index(None, "provider", "finished"),
    Index(None, "received"),
)
