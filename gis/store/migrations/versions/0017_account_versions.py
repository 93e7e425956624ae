"""versions of accounts, so that no admin overwrites what another has set; and functions that look past the policies are for the service alone."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# What admins set counts; a wrong password, a new one, or a second factor is no change of theirs.
COUNTED = """
CREATE TRIGGER next_version BEFORE UPDATE ON accounts FOR EACH ROW
  WHEN ((OLD.name, OLD.role, OLD.disabled, OLD.updated_at) IS DISTINCT FROM (NEW.name, NEW.role, NEW.disabled, NEW.updated_at))
  EXECUTE FUNCTION linli_next_version();
"""
# A database that was once of PostgreSQL 14 or older still lets everybody make tables and functions in public.
CLOSED = """
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON FUNCTION linli_role(), linli_grids(), linli_today(), linli_changed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_role(), linli_grids(), linli_today() TO linli_service;
"""
OPENED = """
GRANT EXECUTE ON FUNCTION linli_role(), linli_grids(), linli_today(), linli_changed() TO PUBLIC;
REVOKE EXECUTE ON FUNCTION linli_role(), linli_grids(), linli_today() FROM linli_service;
"""


def upgrade() -> None:
    op.add_column("accounts", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column(
        "accounts",
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.execute(COUNTED)
    op.execute(CLOSED)


def downgrade() -> None:
    op.execute(OPENED)
    op.execute("DROP TRIGGER next_version ON accounts")
    op.drop_column("accounts", "updated_at")
    op.drop_column("accounts", "version")
