"""Lanes, batches, transfers and what the chain showed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Go forward."""
    _lanes()
    _batches()
    _transfers()
    _chain_transactions()


def _lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("subwallet", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("timeout", sa.BigInteger(), nullable=False),
        sa.Column("next_query", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("deployed", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("seen_lt", sa.Text(), server_default="0", nullable=False),
        sa.Column("seen_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("seen_time", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subwallet", name=op.f("lanes_key")),
        sa.UniqueConstraint("address", name=op.f("lanes_address_once")),
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lane", sa.BigInteger(), nullable=False),
        sa.Column("query", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("message_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("transfers", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("network_cost", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("taken_lt", sa.Text(), server_default="", nullable=False),
        sa.Column("taken_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("listed_lt", sa.Text(), server_default="", nullable=False),
        sa.Column("listed_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("reserved", sa.Double(), nullable=False),
        sa.Column("first_sent", sa.Double(), nullable=True),
        sa.Column("settled", sa.Double(), nullable=True),
        sa.CheckConstraint("state IN ('reserved', 'sent', 'confirmed', 'expired')", name=op.f("batches_state")),
        sa.CheckConstraint("total > 0 AND transfers BETWEEN 1 AND 254", name=op.f("batches_pays")),
        sa.ForeignKeyConstraint(["lane"], ["lanes.subwallet"], name=op.f("batches_lane_exists")),
        sa.PrimaryKeyConstraint("number", name=op.f("batches_key")),
        sa.UniqueConstraint("lane", "query", "created_at", name=op.f("batches_lane_query_created_at_once")),
        sa.UniqueConstraint("message_hash", name=op.f("batches_message_hash_once")),
    )
    op.create_index(op.f("batches_state"), "batches", ["state"], unique=False)


def _transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), server_default="payout", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("transaction", sa.Text(), server_default="", nullable=False),
        sa.Column("reserved", sa.Double(), nullable=False),
        sa.Column("settled", sa.Double(), nullable=True),
        sa.CheckConstraint("purpose IN ('payout', 'test')", name=op.f("transfers_purpose")),
        sa.CheckConstraint(
            "state IN ('reserved', 'sent', 'confirmed', 'expired', 'bounced')", name=op.f("transfers_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("transfers_pays")),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name=op.f("transfers_account_exists")),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name=op.f("transfers_batch_exists")),
        sa.PrimaryKeyConstraint("id", name=op.f("transfers_key")),
    )
    op.create_index(op.f("transfers_account_state"), "transfers", ["account", "state"], unique=False)
    op.create_index(op.f("transfers_batch"), "transfers", ["batch"], unique=False)
    op.create_index(op.f("transfers_provider_reserved"), "transfers", ["provider", "reserved"], unique=False)


def _chain_transactions() -> None:
    op.create_table(
        "chain_transactions",
        sa.Column("lane", sa.BigInteger(), nullable=False),
        sa.Column("lt", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("previous_lt", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fees", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("received >= 0 AND sent >= 0 AND fees >= 0", name=op.f("chain_transactions_amounts")),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name=op.f("chain_transactions_batch_exists")),
        sa.ForeignKeyConstraint(["lane"], ["lanes.subwallet"], name=op.f("chain_transactions_lane_exists")),
        sa.PrimaryKeyConstraint("lane", "lt", name=op.f("chain_transactions_key")),
    )
    op.create_index(op.f("chain_transactions_hash"), "chain_transactions", ["hash"], unique=False)
