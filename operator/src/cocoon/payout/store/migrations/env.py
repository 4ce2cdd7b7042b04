"""How Alembic runs: over the connection that it is handed, in one transaction."""

from __future__ import annotations

from alembic import context

from cocoon.payout.store import tables
from cocoon.payout.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA if tables.TABLES else None,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
