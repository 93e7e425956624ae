"""chiefs of buildings and contacts of households as kinds of import."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KINDS = (
    "'areas', 'grids', 'compounds', 'buildings', 'households', 'residents', 'stations', 'streets', 'needs', 'backdrop', "
    "'renovation', 'street_units', 'merchants', 'things'"
)
NEW = "'chiefs', 'contacts'"


def upgrade() -> None:
    _kinds(f"{KINDS}, {NEW}")


def downgrade() -> None:
    op.execute(f"DELETE FROM imports WHERE kind IN ({NEW})")
    _kinds(KINDS)


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_imports_kind"), "imports")
    op.create_check_constraint(op.f("ck_imports_kind"), "imports", f"kind IN ({kinds})")
