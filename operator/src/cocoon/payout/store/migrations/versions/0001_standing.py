"""The stamp and the pauses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Go forward."""
    _stamp()
    _pauses()


def _stamp() -> None:
    op.create_table(
        "stamp",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("zero_state", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.Column("quiet_until", sa.Double(), server_default="0", nullable=False),
        sa.CheckConstraint("number = 1", name=op.f("stamp_one_row")),
        sa.PrimaryKeyConstraint("number", name=op.f("stamp_key")),
    )


def _pauses() -> None:
    op.create_table(
        "pauses",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pauses_key")),
    )
