"""visits and their policy; how needs came and ended."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE visits ENABLE ROW LEVEL SECURITY;
CREATE POLICY admin_all ON visits USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON visits
  USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households));
GRANT SELECT, INSERT ON visits TO linli_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON visit_policy TO linli_service;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON visits FOR EACH STATEMENT EXECUTE FUNCTION linli_changed('visits');
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON visit_policy FOR EACH STATEMENT EXECUTE FUNCTION linli_changed('visits');

-- 呼声回应: what was replied for everyone to read; nothing of who asked or where.
CREATE FUNCTION linli_public_replies(since date) RETURNS TABLE (service text, public_reply text, replied_on date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT n.service, n.public_reply, n.replied_on FROM needs n
  WHERE linli_require_account() AND n.replied_on >= since ORDER BY n.replied_on DESC, n.id LIMIT 200 $$;
REVOKE ALL ON FUNCTION linli_public_replies(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_public_replies(date) TO linli_service;
"""


def upgrade() -> None:
    op.create_table(
        "visits",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("missed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("unchanged", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("visited_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["household_id"], ["households.id"], name=op.f("fk_visits_household_id_households"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
    )
    op.create_index("ix_visits_household_visited", "visits", ["household_id", "visited_on"])
    op.create_index("ix_visits_visited_on", "visits", ["visited_on"])
    op.create_table(
        "visit_policy",
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("interval_days", sa.Integer(), nullable=False),
        sa.CheckConstraint("colour IN ('red', 'yellow', 'green')", name=op.f("ck_visit_policy_colour")),
        sa.CheckConstraint("interval_days BETWEEN 1 AND 3660", name=op.f("ck_visit_policy_interval_days")),
        sa.PrimaryKeyConstraint("colour", name=op.f("pk_visit_policy")),
    )
    op.add_column("needs", sa.Column("origin", sa.Text(), server_default="import", nullable=False))
    for name, kind in (("result", sa.Text()), ("public_reply", sa.Text()), ("replied_on", sa.Date())):
        op.add_column("needs", sa.Column(name, kind, nullable=True))
    op.create_check_constraint(op.f("ck_needs_origin"), "needs", "origin IN ('import', 'worker', 'request')")
    op.create_check_constraint(op.f("ck_needs_replied"), "needs", "(public_reply IS NULL) = (replied_on IS NULL)")
    op.create_index("ix_needs_replied_on", "needs", ["replied_on"], postgresql_where=sa.text("replied_on IS NOT NULL"))
    op.execute(UP)


def downgrade() -> None:
    op.execute("DROP FUNCTION linli_public_replies(date)")
    op.drop_index("ix_needs_replied_on", "needs")
    for name in ("replied", "origin"):
        op.drop_constraint(op.f(f"ck_needs_{name}"), "needs")
    for name in ("replied_on", "public_reply", "result", "origin"):
        op.drop_column("needs", name)
    op.drop_table("visit_policy")
    op.drop_table("visits")
