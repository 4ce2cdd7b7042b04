"""What is true of the whole database: the chain it belongs to, and the switches that administrators set."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text

from cocoon.payout.store.schema import METADATA, moment

#: One row. `quiet_until` (seconds since 1970): nothing is sent before, for instance after a restore.
STAMP: Final = Table(
    "stamp",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("zero_state", Text, nullable=False),
    Column("trust", Text, nullable=False),
    moment("made"),
    Column("quiet_until", moment("quiet_until").type, nullable=False, server_default="0"),
    CheckConstraint("number = 1", name="one_row"),
)

#: Pauses by their subject: "" stops all sending.
PAUSES: Final = Table(
    "pauses",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    moment("since"),
)
