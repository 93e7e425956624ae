"""counts of single days, the order of needs on a day, and rounds of feedback."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((SQL / "0012_days.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0012_days_down.sql").read_text(encoding="utf-8"))
