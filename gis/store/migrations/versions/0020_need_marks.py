"""needs read anew of the households in which something changed."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "need_marks",
        sa.Column(
            "touched_in",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.Column("household_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("touched_in", "household_id", name=op.f("pk_need_marks")),
    )
    op.execute((SQL / "0020_need_marks.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0020_need_marks_down.sql").read_text(encoding="utf-8"))
    op.drop_table("need_marks")
