"""What owners ask for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "owner_terms",
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("minimum_payout", sa.BigInteger(), nullable=False),
        sa.Column("maximum_delay", sa.Double(), nullable=False),
        sa.Column("told", sa.Double(), nullable=False),
        sa.CheckConstraint("minimum_payout >= 0 AND maximum_delay >= 0", name=op.f("owner_terms_sound")),
        sa.PrimaryKeyConstraint("cluster", "provider", name=op.f("owner_terms_key")),
    )
