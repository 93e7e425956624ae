"""events of a grid read anew when one of them changes, and those of a kind, in a state or of a reporter by indexes of their own."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"
OPEN = sa.text("state IN ('reported', 'dispatched', 'handling', 'returned', 'escalated')")
NEWEST = (sa.text("reported_at DESC"), sa.text("id DESC"))


def upgrade() -> None:
    op.create_index("ix_events_grid_kind", "events", ["grid_id", "kind", *NEWEST], unique=False)
    op.create_index("ix_events_grid_state", "events", ["grid_id", "state", *NEWEST], unique=False)
    op.drop_index("ix_events_reported_by", table_name="events")
    op.create_index("ix_events_reported_by", "events", ["reported_by", "state", *NEWEST], unique=False)
    op.create_index(
        "ix_events_reported_by_open", "events", ["reported_by", "due_at", "id"], unique=False, postgresql_where=OPEN
    )
    stamp = sa.text("(pg_current_xact_id()::text)::bigint")
    op.add_column("event_days", sa.Column("touched_in", sa.BigInteger(), server_default=stamp, nullable=False))
    op.create_index("ix_event_days_touched_in", "event_days", ["touched_in"], unique=False)
    op.execute((SQL / "0018_event_standing.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.drop_index("ix_event_days_touched_in", table_name="event_days")
    op.drop_column("event_days", "touched_in")
    op.execute((SQL / "0018_event_standing_down.sql").read_text(encoding="utf-8"))
    for name in ("ix_events_reported_by_open", "ix_events_reported_by", "ix_events_grid_state", "ix_events_grid_kind"):
        op.drop_index(name, table_name="events")
    op.create_index("ix_events_reported_by", "events", ["reported_by"], unique=False)
