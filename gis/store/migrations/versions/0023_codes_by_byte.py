"""codes are compared byte by byte; households are found by longitude and latitude."""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    _compare_codes('"C"')
    op.execute((SQL / "0023_households_in.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0023_households_in_down.sql").read_text(encoding="utf-8"))
    _compare_codes('pg_catalog."default"')


def _compare_codes(collation: str) -> None:
    op.execute((SQL / "0023_codes.sql").read_text(encoding="utf-8").replace("{collation}", collation))
