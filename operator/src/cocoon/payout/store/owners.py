"""The table of what owners ask for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, Table, Text

from cocoon.payout.store.schema import METADATA, amount, moment

#: How a provider wants to be paid, as its cluster's operator told last; the sender bounds both by its own rules.
OWNER_TERMS: Final = Table(
    "owner_terms",
    METADATA,
    Column("cluster", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    amount("minimum_payout"),
    moment("maximum_delay"),
    moment("told"),
    CheckConstraint("minimum_payout >= 0 AND maximum_delay >= 0", name="sound"),
)
