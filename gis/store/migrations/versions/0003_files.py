"""household files: chiefs, contacts, moves, history and door codes."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"
HEALTH_NEEDS = (
    "'measuring', 'medicine_reminder', 'medicine_delivery', 'clinic_escort', 'family_doctor', "
    "'home_nursing', 'rehabilitation', 'mobility_aid', 'soft_diet', 'emergency_call'"
)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _columns()
    _people_who_look_after()
    _moves()
    _history()
    _door_codes()
    op.execute((SQL / "0003_files.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "0003_files_down.sql").read_text(encoding="utf-8"))
    for table in (
        "door_codes",
        "history",
        "household_addresses",
        "residencies",
        "household_contacts",
        "contacts",
        "building_chiefs",
    ):
        op.drop_table(table)
    for name in ("health_needs", "moved"):
        op.drop_constraint(op.f(f"ck_residents_{name}"), "residents")
    op.drop_constraint(op.f("ck_households_colour_confirmed"), "households")
    for name in ("health_needs", "moved_in_on", "created_at"):
        op.drop_column("residents", name)
    for name in ("reason", "confirmed_by", "confirmed_at", "expires_on"):
        op.drop_column("households", f"colour_{name}")
    op.drop_column("households", "created_at")


def _columns() -> None:
    for column in (
        sa.Column("colour_reason", sa.Text(), nullable=True),
        sa.Column("colour_confirmed_by", sa.Text(), nullable=True),
        sa.Column("colour_confirmed_at", MOMENT, nullable=True),
        sa.Column("colour_expires_on", sa.Date(), nullable=True),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
    ):
        op.add_column("households", column)
    op.create_check_constraint(
        op.f("ck_households_colour_confirmed"),
        "households",
        "(colour_confirmed_at IS NULL) = (colour_confirmed_by IS NULL)",
    )
    for column in (
        sa.Column("health_needs", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("moved_in_on", sa.Date(), nullable=True),
        sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False),
    ):
        op.add_column("residents", column)
    op.create_check_constraint(
        op.f("ck_residents_health_needs"), "residents", f"health_needs <@ ARRAY[{HEALTH_NEEDS}]::text[]"
    )
    op.create_check_constraint(op.f("ck_residents_moved"), "residents", "moved_out_on >= moved_in_on")


def _people_who_look_after() -> None:
    op.create_table(
        "building_chiefs",
        _uuid(),
        _reference("building_id", "buildings", "building_chiefs"),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        *_interval(),
        *_versioned(),
        _sealed("building_chiefs"),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_building_chiefs_dates")),
        sa.ForeignKeyConstraint(
            ["resident_id"],
            ["residents.id"],
            name=op.f("fk_building_chiefs_resident_id_residents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_building_chiefs")),
    )
    op.create_index(op.f("ix_building_chiefs_building_id"), "building_chiefs", ["building_id"])
    op.create_index(
        "ix_building_chiefs_resident_id",
        "building_chiefs",
        ["resident_id"],
        postgresql_where=sa.text("resident_id IS NOT NULL"),
    )
    op.create_table(
        "contacts",
        _uuid(),
        sa.Column("grid_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        *_versioned(),
        _sealed("contacts"),
        sa.ForeignKeyConstraint(["grid_id"], ["grids.id"], name=op.f("fk_contacts_grid_id_grids"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_grid_id"), "contacts", ["grid_id"])
    op.create_table(
        "household_contacts",
        _id(),
        _reference("household_id", "households", "household_contacts"),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        *_interval(),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_household_contacts_dates")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_household_contacts_contact_id_contacts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_contacts")),
        sa.UniqueConstraint(
            "household_id", "contact_id", "valid_from", name=op.f("uq_household_contacts_household_id")
        ),
    )
    op.create_index(op.f("ix_household_contacts_contact_id"), "household_contacts", ["contact_id"])


def _moves() -> None:
    op.create_table(
        "residencies",
        _id(),
        _reference("resident_id", "residents", "residencies"),
        _reference("household_id", "households", "residencies"),
        *_past(),
        sa.CheckConstraint("until_on >= from_on", name=op.f("ck_residencies_dates")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_residencies")),
    )
    for column in ("resident_id", "household_id"):
        op.create_index(op.f(f"ix_residencies_{column}"), "residencies", [column])
    op.create_table(
        "household_addresses",
        _id(),
        _reference("household_id", "households", "household_addresses"),
        sa.Column("building_id", sa.BigInteger(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("room", sa.Text(), nullable=True),
        *_past(),
        sa.CheckConstraint("until_on >= from_on", name=op.f("ck_household_addresses_dates")),
        sa.ForeignKeyConstraint(
            ["building_id"],
            ["buildings.id"],
            name=op.f("fk_household_addresses_building_id_buildings"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_addresses")),
    )
    for column in ("household_id", "building_id"):
        op.create_index(op.f(f"ix_household_addresses_{column}"), "household_addresses", [column])


def _history() -> None:
    op.create_table(
        "history",
        _id(),
        sa.Column("at", MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        _reference("household_id", "households", "history"),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "subject IN ('household', 'resident', 'need', 'contact', 'door_code')",
            name=op.f("ck_history_subject"),
        ),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["residents.id"], name=op.f("fk_history_resident_id_residents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index("ix_history_household_id", "history", ["household_id", "id"])
    op.create_index(
        "ix_history_resident_id",
        "history",
        ["resident_id"],
        postgresql_where=sa.text("resident_id IS NOT NULL"),
    )
    op.create_index("ix_history_at", "history", ["at"])


def _door_codes() -> None:
    op.create_table(
        "door_codes",
        _id(),
        _reference("household_id", "households", "door_codes"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("issued_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.CheckConstraint("code ~ '^[A-Z2-7]{26}$'", name=op.f("ck_door_codes_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_door_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_door_codes_code")),
    )
    op.create_index(
        "uq_door_codes_in_force",
        "door_codes",
        ["household_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("ix_door_codes_household_id", "door_codes", ["household_id"])


def _id() -> sa.Column:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _uuid() -> sa.Column:
    return sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False)


def _interval() -> tuple[sa.Column, ...]:
    return (
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
    )


def _past() -> tuple[sa.Column, ...]:
    return (
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=False),
    )


def _versioned() -> tuple[sa.Column, ...]:
    return (
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("updated_at", MOMENT, server_default=sa.text("now()"), nullable=False),
    )


def _sealed(table: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        "get_byte(phone_sealed, 0) = 1 AND octet_length(phone_sealed) > 32",
        name=op.f(f"ck_{table}_phone_sealed"),
    )


def _reference(column: str, table: str, of: str) -> sa.Column:
    return sa.Column(
        column,
        sa.BigInteger(),
        sa.ForeignKey(f"{table}.id", name=op.f(f"fk_{of}_{column}_{table}"), ondelete="CASCADE"),
        nullable=False,
    )
