"""one clock for the whole place."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((SQL / "0019_place_clock.sql").read_text(encoding="utf-8"))
    op.drop_column("place", "time_zone")


def downgrade() -> None:
    op.add_column("place", sa.Column("time_zone", sa.Text(), server_default="Asia/Shanghai", nullable=False))
    op.execute((SQL / "0019_place_clock_down.sql").read_text(encoding="utf-8"))
