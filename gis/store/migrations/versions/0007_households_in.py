"""households in an area, by the spatial index: row security would have every household looked at."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION linli_households_in(area geometry)
        RETURNS TABLE (id bigint, lon double precision, lat double precision, grid_id bigint, grid_reason text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
          SELECT h.id, h.lon, h.lat, h.grid_id, h.grid_reason FROM households h
          WHERE h.geometry && area AND ST_Intersects(h.geometry, area) AND (SELECT linli_role()) = 'admin' $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION linli_households_in(geometry) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION linli_households_in(geometry) TO linli_service")


def downgrade() -> None:
    op.execute("DROP FUNCTION linli_households_in(geometry)")
