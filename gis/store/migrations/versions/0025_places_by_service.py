"""places of a station are taken of one of its services, not of all together."""

from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((SQL / "0025_places_by_service.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0025_places_by_service_down.sql").read_text(encoding="utf-8"))
