"""the journal of changes keeps a line for each that writes a topic at once, not one for each change."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((SQL / "0022_change_lines.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0022_change_lines_down.sql").read_text(encoding="utf-8"))
