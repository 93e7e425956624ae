"""the five lists (resources, projects, duties, feedback) and the layers of renovation, merchants, street units and things."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"
KINDS = (
    "'areas', 'grids', 'compounds', 'buildings', 'households', 'residents', 'stations', 'streets', 'needs', 'backdrop'"
)
LAYERS = "'renovation', 'street_units', 'merchants', 'things'"


def upgrade() -> None:
    op.execute((SQL / "0011_lists.sql").read_text(encoding="utf-8"))
    _kinds(f"{KINDS}, {LAYERS}")


def downgrade() -> None:
    op.execute(f"DELETE FROM imports WHERE kind IN ({LAYERS})")
    _kinds(KINDS)
    op.execute((SQL / "0011_lists_down.sql").read_text(encoding="utf-8"))


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_imports_kind"), "imports")
    op.create_check_constraint(op.f("ck_imports_kind"), "imports", f"kind IN ({kinds})")
