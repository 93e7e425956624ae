"""events of a kind, newest first: a page of a seldom kind must not read through all others."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_events_kind_reported", "events", ["kind", sa.text("reported_at DESC"), sa.text("id DESC")], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_events_kind_reported", table_name="events")
