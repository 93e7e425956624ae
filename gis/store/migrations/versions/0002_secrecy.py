"""sealed fields and the audit log."""

from pathlib import Path

import sqlalchemy as sa
from alembic import context, op

from gis.store.migrations.sealing import seal_stored, unseal_stored

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"
SEALED = ("phone_sealed", "id_number_sealed", "guardian_phone_sealed")
INDEXES = (
    ("ix_residents_phone_hash", "phone_hash"),
    ("ix_residents_id_number_hash", "id_number_hash"),
    ("ix_residents_guardian_id", "guardian_id"),
    ("ix_residents_moved_out_on", "moved_out_on"),
)


def upgrade() -> None:
    _secrecy_tables()
    for name in (*SEALED, "phone_hash", "id_number_hash"):
        op.add_column("residents", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.add_column("residents", sa.Column("guardian_id", sa.BigInteger(), nullable=True))
    op.add_column("residents", sa.Column("guardian_name", sa.Text(), nullable=True))
    op.add_column("residents", sa.Column("moved_out_on", sa.Date(), nullable=True))
    op.create_foreign_key(
        op.f("fk_residents_guardian_id_residents"),
        "residents",
        "residents",
        ["guardian_id"],
        ["id"],
        ondelete="SET NULL",
    )
    seal_stored(op.get_bind(), context.config.attributes.get("vault"))
    op.drop_column("residents", "phone")
    op.drop_column("residents", "id_number")
    op.create_check_constraint(op.f("ck_residents_guardian"), "residents", "guardian_id <> id")
    for name in SEALED:
        op.create_check_constraint(
            op.f(f"ck_residents_{name}"), "residents", f"get_byte({name}, 0) = 1 AND octet_length({name}) > 32"
        )
    for index, column in INDEXES:
        op.create_index(index, "residents", [column], postgresql_where=sa.text(f"{column} IS NOT NULL"))
    op.execute((SQL / "0002_secrecy.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.add_column("residents", sa.Column("phone", sa.Text(), nullable=True))
    op.add_column("residents", sa.Column("id_number", sa.Text(), nullable=True))
    unseal_stored(op.get_bind(), context.config.attributes.get("vault"))
    op.execute((SQL / "0002_secrecy_down.sql").read_text(encoding="utf-8"))
    for index, _column in INDEXES:
        op.drop_index(index, table_name="residents")
    for name in SEALED:
        op.drop_constraint(op.f(f"ck_residents_{name}"), "residents")
    op.drop_constraint(op.f("ck_residents_guardian"), "residents")
    op.drop_constraint(op.f("fk_residents_guardian_id_residents"), "residents", type_="foreignkey")
    for name in (*SEALED, "phone_hash", "id_number_hash", "guardian_id", "guardian_name", "moved_out_on"):
        op.drop_column("residents", name)
    for index in ("at", "account", "action", "subject"):
        op.drop_index(f"ix_audit_log_{index}", table_name="audit_log")
    for table in ("audit_log", "audit_head", "field_secrets", "field_keys"):
        op.drop_table(table)


def _secrecy_tables() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "field_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_keys")),
    )
    op.create_table(
        "field_secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_field_secrets")),
    )
    op.create_table(
        "audit_head",
        sa.Column("one", sa.SmallInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_audit_head_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), server_default="{}", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    for name in ("account", "action", "subject"):
        op.create_index(f"ix_audit_log_{name}", "audit_log", [name, "id"])
