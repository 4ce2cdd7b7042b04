"""Servers, evidence and receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Go forward."""
    _servers()
    _windows()
    _evidence()
    _receipts()


def _servers() -> None:
    op.create_table(
        "servers",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("highest", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("taken", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("registered", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("servers_key")),
    )


def _windows() -> None:
    op.create_table(
        "windows",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("opens", sa.Double(), nullable=False),
        sa.Column("closes", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["servers.key"], name=op.f("windows_key_exists")),
        sa.PrimaryKeyConstraint("key", "opens", name=op.f("windows_key")),
    )


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("bundle", sa.LargeBinary(), nullable=False),
        sa.Column("registered", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("evidence_key")),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("items", sa.BigInteger(), nullable=False),
        sa.Column("failed_items", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("jti", name=op.f("receipts_key")),
    )
    op.create_index(op.f("receipts_cluster_job"), "receipts", ["cluster", "job"], unique=False)
    op.create_index(
        "receipts_one_accepted",
        "receipts",
        ["cluster", "job"],
        unique=True,
        postgresql_where=sa.text("state = 'Accepted'"),
        sqlite_where=sa.text("state = 'Accepted'"),
    )
    op.create_index(op.f("receipts_provider_finished"), "receipts", ["provider", "finished"], unique=False)
    op.create_index(op.f("receipts_received"), "receipts", ["received"], unique=False)
