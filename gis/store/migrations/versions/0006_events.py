"""events: what was reported, its flow, the desks, the day's counts of each grid."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"
MOMENT = sa.DateTime(timezone=True)
STATES = "('reported', 'dispatched', 'handling', 'returned', 'escalated', 'resolved', 'evaluated', 'merged')"
OPEN = "state IN ('reported', 'dispatched', 'handling', 'returned', 'escalated')"
KIND = "kind IN ('environment', 'facility', 'safety', 'dispute', 'service', 'emergency', 'other')"
SEVERITY = "severity IN ('minor', 'ordinary', 'prominent', 'major')"


def upgrade() -> None:
    _desks()
    _events()
    _steps()
    op.execute((SQL / "0006_events.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0006_events_down.sql").read_text(encoding="utf-8"))
    for table in ("event_days", "event_desks", "event_steps", "events", "event_limits", "desks"):
        op.drop_table(table)


def _desks() -> None:
    op.create_table(
        "desks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("updated_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("level IN ('city', 'county', 'township', 'community')", name=op.f("ck_desks_level")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desks")),
        sa.UniqueConstraint("code", name=op.f("uq_desks_code")),
    )
    op.create_table(
        "event_limits",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("dispatch_min", sa.Integer(), nullable=False),
        sa.Column("handle_min", sa.Integer(), nullable=False),
        sa.Column("round_the_clock", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(KIND, name=op.f("ck_event_limits_kind")),
        sa.CheckConstraint(SEVERITY, name=op.f("ck_event_limits_severity")),
        sa.CheckConstraint("dispatch_min > 0 AND handle_min > 0", name=op.f("ck_event_limits_minutes")),
        sa.PrimaryKeyConstraint("kind", "severity", name=op.f("pk_event_limits")),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="reported", nullable=False),
        sa.Column("geometry", Geometry("POINT", srid=4326, spatial_index=False), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("grid_id", sa.BigInteger(), nullable=True),
        sa.Column("reported_by", sa.BigInteger(), nullable=True),
        sa.Column("reported_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("warn_at", MOMENT, nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("dispatched_at", MOMENT, nullable=True),
        sa.Column("dispatched_in_time", sa.Boolean(), nullable=True),
        sa.Column("resolved_at", MOMENT, nullable=True),
        sa.Column("resolved_in_time", sa.Boolean(), nullable=True),
        sa.Column("reworks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("follow_up_on", sa.Date(), nullable=True),
        sa.Column("followed_up_on", sa.Date(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("updated_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(merged_into IS NOT NULL) = (state = 'merged')", name=op.f("ck_events_merged")),
        sa.CheckConstraint(KIND, name=op.f("ck_events_kind")),
        sa.CheckConstraint("outcome IN ('satisfied', 'neutral', 'dissatisfied')", name=op.f("ck_events_outcome")),
        sa.CheckConstraint(SEVERITY, name=op.f("ck_events_severity")),
        sa.CheckConstraint(f"state IN {STATES}", name=op.f("ck_events_state")),
        sa.CheckConstraint("merged_into <> id", name=op.f("ck_events_merged_into")),
        sa.ForeignKeyConstraint(["grid_id"], ["grids.id"], name=op.f("fk_events_grid_id_grids")),
        sa.ForeignKeyConstraint(["merged_into"], ["events.id"], name=op.f("fk_events_merged_into_events")),
        sa.ForeignKeyConstraint(
            ["reported_by"], ["accounts.id"], name=op.f("fk_events_reported_by_accounts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_due_at", "events", ["due_at", "id"], postgresql_where=sa.text(OPEN))
    op.create_index(
        "ix_events_follow_up_on",
        "events",
        ["follow_up_on"],
        postgresql_where=sa.text("follow_up_on IS NOT NULL AND followed_up_on IS NULL"),
    )
    op.create_index("ix_events_geometry", "events", ["geometry"], postgresql_using="gist")
    op.create_index("ix_events_grid_reported", "events", ["grid_id", sa.text("reported_at DESC"), sa.text("id DESC")])
    op.create_index(op.f("ix_events_merged_into"), "events", ["merged_into"])
    op.create_index("ix_events_open", "events", ["grid_id", "state", "due_at"], postgresql_where=sa.text(OPEN))
    op.create_index("ix_events_reported_at", "events", [sa.text("reported_at DESC"), sa.text("id DESC")])
    op.create_index(op.f("ix_events_reported_by"), "events", ["reported_by"])
    op.create_index("ix_events_state_reported", "events", ["state", sa.text("reported_at DESC"), sa.text("id DESC")])


def _steps() -> None:
    op.create_table(
        "event_steps",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("step_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(f"to_state IN {STATES}", name=op.f("ck_event_steps_to_state")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_steps_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_steps")),
        sa.UniqueConstraint("step_id", name=op.f("uq_event_steps_step_id")),
    )
    op.create_index("ix_event_steps_event_id", "event_steps", ["event_id", "id"])
    op.create_table(
        "event_desks",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("asked_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_desks_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "desk", name=op.f("pk_event_desks")),
    )
    op.create_table(
        "event_days",
        sa.Column("grid_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reported", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dispatched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dispatched_in_time", sa.Integer(), server_default="0", nullable=False),
        sa.Column("resolved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reworked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("closed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("closed_in_time", sa.Integer(), server_default="0", nullable=False),
        sa.Column("evaluated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("satisfied", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("grid_id", "day", name=op.f("pk_event_days")),
    )
    op.create_index("ix_event_days_day", "event_days", ["day"])
