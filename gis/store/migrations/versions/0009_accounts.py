"""proofs of identity: second factors, screen keys, OpenID Connect, and whose sessions and accounts one may touch."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"
ROLES = "'admin', 'planner', 'worker', 'screen', 'auditor'"
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.alter_column("accounts", "password_hash", nullable=True)
    op.add_column("accounts", _flag("must_change_password"))
    op.add_column("accounts", sa.Column("second_factor_at", MOMENT, nullable=True))
    op.create_check_constraint(op.f("ck_account_grids_dates"), "account_grids", "valid_to >= valid_from")
    _proofs()
    _screen_keys()
    _sessions()
    op.execute((SQL / "0009_accounts.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0009_accounts_down.sql").read_text(encoding="utf-8"))
    for column in ("screen_key_id", "address", "second_factor", "method"):
        op.drop_column("sessions", column)
    for table in ("screen_keys", "account_identities", "recovery_codes", "second_factors", "role_policies"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_account_grids_dates"), "account_grids")
    op.drop_column("accounts", "second_factor_at")
    op.drop_column("accounts", "must_change_password")
    op.execute("UPDATE accounts SET password_hash = '!' WHERE password_hash IS NULL")
    op.alter_column("accounts", "password_hash", nullable=False)


def _proofs() -> None:
    op.create_table(
        "role_policies",
        sa.Column("role", sa.Text(), nullable=False),
        _flag("second_factor_required"),
        sa.CheckConstraint(f"role IN ({ROLES})", name=op.f("ck_role_policies_role")),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_role_policies")),
    )
    op.create_table(
        "second_factors",
        _account("second_factors"),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        _now("created_at"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        _account("recovery_codes"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "digest", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "account_identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        _account("account_identities"),
        _now("linked_at"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_account_identities")),
        sa.UniqueConstraint("account_id", "issuer", name=op.f("uq_account_identities_account_id")),
    )


def _screen_keys() -> None:
    op.create_table(
        "screen_keys",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        _account("screen_keys"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _now("created_at"),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screen_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_screen_keys_digest")),
    )
    op.create_index("ix_screen_keys_account_id", "screen_keys", ["account_id"])
    op.create_index(
        "uq_screen_keys_in_force",
        "screen_keys",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def _sessions() -> None:
    op.add_column("sessions", sa.Column("method", sa.Text(), server_default="password", nullable=False))
    op.add_column("sessions", sa.Column("second_factor", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("address", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("screen_key_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(op.f("ck_sessions_method"), "sessions", "method IN ('password', 'oidc', 'key')")
    op.create_check_constraint(
        op.f("ck_sessions_second_factor"), "sessions", "second_factor IN ('code', 'recovery', 'provider')"
    )
    op.create_foreign_key(
        op.f("fk_sessions_screen_key_id_screen_keys"),
        "sessions",
        "screen_keys",
        ["screen_key_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index(op.f("ix_sessions_screen_key_id"), "sessions", ["screen_key_id"])


def _flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _now(name: str) -> sa.Column:
    return sa.Column(name, MOMENT, server_default=sa.text("now()"), nullable=False)


def _account(of: str) -> sa.Column:
    return sa.Column(
        "account_id",
        sa.BigInteger(),
        sa.ForeignKey("accounts.id", name=op.f(f"fk_{of}_account_id_accounts"), ondelete="CASCADE"),
        nullable=False,
    )
