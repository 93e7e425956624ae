"""grids and buildings read anew of which something changed."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "shape_marks",
        sa.Column(
            "touched_in",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shape_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("touched_in", "kind", "shape_id", name=op.f("pk_shape_marks")),
    )
    op.execute((SQL / "0024_shape_marks.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0024_shape_marks_down.sql").read_text(encoding="utf-8"))
    op.drop_table("shape_marks")
