"""when a file was last found unchanged, and by whom; entries that a phone may send twice."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("residents", sa.Column("entry_id", sa.Uuid(), nullable=True))
    op.create_index(
        "uq_residents_entry_id",
        "residents",
        ["entry_id"],
        unique=True,
        postgresql_where=sa.text("entry_id IS NOT NULL"),
    )
    op.create_table(
        "household_confirmations",
        sa.Column("household_id", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["household_id"],
            ["households.id"],
            name=op.f("fk_household_confirmations_household_id_households"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household_confirmations")),
    )
    for statement in (
        "ALTER TABLE household_confirmations ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY admin_all ON household_confirmations USING ((SELECT linli_role()) = 'admin')",
        "CREATE POLICY worker_own_grids ON household_confirmations "
        "USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households))",
        "GRANT SELECT, INSERT, UPDATE ON household_confirmations TO linli_service",
    ):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("household_confirmations")
    op.drop_index("uq_residents_entry_id", "residents")
    op.drop_column("residents", "entry_id")
