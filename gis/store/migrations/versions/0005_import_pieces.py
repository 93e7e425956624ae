"""imports: files and rejected rows in sealed pieces of their own; how often an import was begun."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import_pieces",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("part IN ('content', 'rejected')", name=op.f("ck_import_pieces_part")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_import_pieces_import_id_imports"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_pieces")),
        sa.UniqueConstraint("import_id", "part", "number", name=op.f("uq_import_pieces_import_id")),
    )
    op.execute("ALTER TABLE import_pieces ALTER sealed SET STORAGE EXTERNAL")  # what is sealed cannot be compressed
    op.execute("ALTER TABLE import_pieces ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY admin_all ON import_pieces USING ((SELECT linli_role()) = 'admin')")
    op.execute("GRANT SELECT, INSERT, DELETE ON import_pieces TO linli_service")
    op.add_column("imports", sa.Column("size_bytes", sa.BigInteger(), nullable=True))
    op.add_column("imports", sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False))
    _forget_files()
    op.drop_column("imports", "content")
    op.drop_column("imports", "rejected_csv")


def downgrade() -> None:
    _forget_files()
    op.add_column("imports", sa.Column("rejected_csv", sa.LargeBinary(), nullable=True))
    op.add_column("imports", sa.Column("content", sa.LargeBinary(), nullable=True))
    op.drop_column("imports", "attempts")
    op.drop_column("imports", "size_bytes")
    op.drop_table("import_pieces")


def _forget_files() -> None:
    """Files do not come along: what waits is to be sent again, and says so."""
    op.execute(
        "UPDATE imports SET state = 'failed', finished_at = now(), errors = jsonb_build_array(jsonb_build_object('where', file_name, "
        "'message', '升级时未能保留文件，请重新上传 / the file was not kept over an upgrade: send it again')) "
        "WHERE state IN ('queued', 'running')"
    )
