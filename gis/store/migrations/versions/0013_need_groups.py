"""needs told apart by the household's colour and by the ages that lived there."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((SQL / "0013_need_groups.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0013_need_groups_down.sql").read_text(encoding="utf-8"))
