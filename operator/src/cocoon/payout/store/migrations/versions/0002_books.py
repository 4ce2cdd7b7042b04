"""Accounts, entries and daily sums."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Go forward."""
    _accounts()
    _entries()
    _daily()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), server_default="", nullable=False),
        sa.Column("provider", sa.Text(), server_default="", nullable=False),
        sa.Column("payee", sa.Text(), server_default="", nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "balance >= 0 OR kind IN ('deposits', 'network costs', 'hot wallet')", name=op.f("accounts_covered")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("accounts_key")),
    )
    op.create_index(op.f("accounts_provider"), "accounts", ["provider"], unique=False)


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("entries_moves")),
        sa.CheckConstraint("source <> target", name=op.f("entries_between_two")),
        sa.ForeignKeyConstraint(["source"], ["accounts.name"], name=op.f("entries_source_exists")),
        sa.ForeignKeyConstraint(["target"], ["accounts.name"], name=op.f("entries_target_exists")),
        sa.PrimaryKeyConstraint("number", name=op.f("entries_key")),
        sa.UniqueConstraint("id", name=op.f("entries_id_once")),
    )
    op.create_index(op.f("entries_reference"), "entries", ["reference"], unique=False)
    op.create_index(op.f("entries_source_number"), "entries", ["source", "number"], unique=False)
    op.create_index(op.f("entries_target_number"), "entries", ["target", "number"], unique=False)


def _daily() -> None:
    op.create_table(
        "daily",
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("daily_counted")),
        sa.PrimaryKeyConstraint("day", "scope", name=op.f("daily_key")),
    )
