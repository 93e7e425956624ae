"""counts of people, needs and visits by grid, kept up to date."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "grid_counts",
        sa.Column("grid_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("grid_id", name=op.f("pk_grid_counts")),
    )
    op.create_table(
        "grid_counts_due",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=True),
        sa.Column("grid_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_counts_due")),
    )
    op.execute((SQL / "0010_counts.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0010_counts_down.sql").read_text(encoding="utf-8"))
    op.drop_table("grid_counts_due")
    op.drop_table("grid_counts")
