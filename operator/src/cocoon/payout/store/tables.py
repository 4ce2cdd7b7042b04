"""All tables, in an order in which each stands behind those that it refers to."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Table

from cocoon.payout.store.books import ACCOUNTS, DAILY, ENTRIES
from cocoon.payout.store.owners import OWNER_TERMS
from cocoon.payout.store.sending import BATCHES, CHAIN_TRANSACTIONS, LANES, TRANSFERS
from cocoon.payout.store.standing import PAUSES, STAMP
from cocoon.payout.store.work import EVIDENCE, RECEIPTS, SERVERS, WINDOWS

TABLES: Final[tuple[Table, ...]] = (
    STAMP, PAUSES,
    ACCOUNTS, ENTRIES, DAILY,
    SERVERS, WINDOWS, EVIDENCE, RECEIPTS,
    LANES, BATCHES, TRANSFERS, CHAIN_TRANSACTIONS,
    OWNER_TERMS,
)  # fmt: skip
