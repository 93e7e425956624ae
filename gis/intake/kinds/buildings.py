"""Buildings: footprints or points, in one compound."""

from __future__ import annotations

from hashlib import sha256
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from sqlalchemy import TableClause, column, literal_column, table, text

from gis.intake.fields import read_code, read_text, read_whole
from gis.intake.kinds.base import Job, Kind, ids, name_some, staged
from gis.intake.kinds.compounds import ensure_compounds
from gis.intake.positions import POINTS, POLYGONS, as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Building, Compound
from gis.store.assigning import assign, assign_buildings, place, read_grids
from gis.store.bulk import copy_frame, read_columns, read_frame

_MOVE_HOUSEHOLDS = """
UPDATE households h SET geometry = ST_SetSRID(ST_MakePoint(b.lon, b.lat), 4326), lon = b.lon, lat = b.lat
FROM buildings b JOIN staged_buildings s ON s.code = b.code
WHERE h.building_id = b.id AND NOT h.own_position AND (h.lon, h.lat) IS DISTINCT FROM (b.lon, b.lat)
RETURNING h.id"""

_STORED = "SELECT id, lon, lat, coalesce(grid_id, -1) AS grid_id FROM buildings"
_DIGEST = "SELECT sha256(string_agg(float8send(lon) || float8send(lat), '' ORDER BY id)) FROM buildings"
_STORED_TYPES = {"id": pa.int64(), "lon": pa.float64(), "lat": pa.float64(), "grid_id": pa.int64()}

_COMPOUNDS = text("SELECT code, id FROM compounds WHERE code = ANY(:codes)")

# OFFSET keeps the point from being worked out once for each coordinate.
_POINTS = """
SELECT code, ST_X(point) AS lon, ST_Y(point) AS lat
FROM (SELECT code, ST_PointOnSurface(geometry) AS point FROM staged_buildings OFFSET 0) s"""


class Buildings(Kind):
    """楼栋: households without a position of their own go where their building goes."""

    name = "buildings"
    columns = ("code", "name", "kind", "compound", "floors", "units", "lon", "lat", "geometry")
    required = ("code",)
    position = "required"
    staged = MappingProxyType(
        {
            "code": "text",
            "name": "text",
            "kind": "text",
            "compound": "text",
            "floors": "integer",
            "units": "integer",
            "geometry": "geometry",
        }
    )
    locks = ("grids", "buildings")
    straight = Building

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._grids = read_grids(self.connection, positions=job.expected_rows)
        self._compounds: dict[str, int] = {}
        self._points = sha256()

    def check(self, sheet: Sheet) -> pa.Table:
        """Check codes, texts, numbers and shapes."""
        codes = read_code(sheet, "code")
        texts = {
            "name": read_text(sheet, "name", longest=200),
            "kind": read_text(sheet, "kind", longest=50),
            "compound": read_code(sheet, "compound", required=False),
        }
        floors, units = read_whole(sheet, "floors", 0, 200), read_whole(sheet, "units", 0, 1000)
        shapes = self.job.positions.shapes(sheet, POINTS | POLYGONS, required=True)
        self.first_rows.reject_repeats(sheet, "code", codes)
        self.remember(sheet, shapes)
        rows = {"code": codes, **texts, "floors": floors, "units": units, "geometry": as_wkb(shapes)}
        if self._direct is not None:
            # GEOS finds a point here as it does in the database; look_over() sees to it that no two versions of it disagree.
            points = shapely.point_on_surface(shapes)
            lon, lat = shapely.get_x(points), shapely.get_y(points)
            rows["grid_id"] = ids(place(self._grids, lon, lat)[0])
            self._points.update(np.column_stack([lon, lat])[sheet.ok].astype(">f8").tobytes())
        return pa.table(rows)

    def put(self, rows: pa.Table) -> None:
        """Write buildings straight to their table, compounds that are not known before them."""
        wanted = set(rows["compound"].unique().drop_null().to_pylist()) - self._compounds.keys()
        if wanted:
            self._tell_made(ensure_compounds(self.connection, sorted(wanted)))
            found = self.connection.execute(_COMPOUNDS, {"codes": list(wanted)})
            self._compounds |= {row.code: row.id for row in found}
        numbers = [self._compounds.get(code) for code in rows["compound"].to_pylist()]
        super().put(rows.drop_columns("compound").append_column("compound_id", pa.array(numbers, pa.int64())))

    def look_over(self) -> None:
        """Put buildings right whose stored point lies in another grid than the one worked out here; none where the points are the same."""
        if self.connection.scalar(text(_DIGEST)) == self._points.digest():
            return
        found = read_columns(self.connection, _STORED, _STORED_TYPES)
        grid_id, _ = place(self._grids, found["lon"].to_numpy(), found["lat"].to_numpy())
        wrong = found["grid_id"].to_numpy() != grid_id
        if wrong.any():
            assign_buildings(self.connection, found["id"].to_numpy()[wrong])

    def write(self) -> None:
        """Write the buildings, make compounds that are not known, move their households, and assign both to grids."""
        if not self.staging.rows:
            self.set_metric_crs()
            return
        query = text("SELECT DISTINCT compound FROM staged_buildings WHERE compound IS NOT NULL")
        self._tell_made(ensure_compounds(self.connection, self.connection.execute(query).scalars().all()))
        self.staging.analyse()
        compounds, placed = Compound.__table__.alias("c"), self._place()
        source = (
            self.staging.table.alias("s")
            .outerjoin(compounds, compounds.c.code == staged("compound"))
            .join(placed, placed.c.code == staged("code"))
        )
        plain = self.stored("name", "kind", "floors", "units")
        written = upsert(
            self.connection,
            Building,
            source,
            lambda _: {
                **{column: staged(column) for column in ("code", "name", "kind", "floors", "units")},
                "compound_id": compounds.c.id,
                "grid_id": placed.c.grid_id,
                "geometry": literal_column("s.geometry"),
            },
            new_rows=self.staging.rows,
            update=[*plain, *(["compound_id"] if self.job.has("compound") else []), "geometry", "grid_id"],
        )
        self.set_metric_crs()
        if written:
            moved = self.connection.execute(text(_MOVE_HOUSEHOLDS)).scalars().all()
            if moved:
                assign(self.connection, household_ids=np.array(moved, dtype=np.int64))
                self.notice(
                    f"{len(moved)} 户随楼栋移动", f"{len(moved)} households moved with their buildings"
                )

    def _tell_made(self, made: list[str]) -> None:
        if made:
            self.notice(
                f"新建小区 {len(made)} 个：{name_some(made)}",
                f"{len(made)} compounds were made from the buildings' column",
            )

    def _place(self) -> TableClause:
        """Find the grid of each staged building by the point on it that is stored, so that the building is written once."""
        frame = read_frame(self.connection, _POINTS)
        grid_id, _ = place(self._grids, frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
        placed = pd.DataFrame({"code": frame["code"], "grid_id": pd.array(grid_id, dtype="Int64")})
        placed.loc[grid_id < 0, "grid_id"] = pd.NA
        self.connection.execute(text("CREATE TEMP TABLE placed_buildings (code text, grid_id bigint) ON COMMIT DROP"))
        copy_frame(self.connection, "placed_buildings", placed)
        self.connection.execute(text("ANALYZE placed_buildings"))
        return table("placed_buildings", column("code"), column("grid_id"))
