"""Buildings: footprints or points, in one compound."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from sqlalchemy import literal_column, text

from gis.intake.fields import read_code, read_text, read_whole
from gis.intake.kinds.base import Job, Kind, ids, name_some, staged
from gis.intake.kinds.compounds import ensure_compounds
from gis.intake.positions import POINTS, POLYGONS, as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Building, Compound
from gis.store.assigning import assign, assign_buildings, follow_buildings, place, read_grids

# Another version of GEOS may have found another point on a shape than was found here.
_ELSEWHERE = text("""
SELECT b.id FROM buildings b JOIN staged_buildings s ON s.code = b.code
WHERE (b.lon, b.lat) IS DISTINCT FROM (s.lon, s.lat) AND b.id > :after ORDER BY b.id LIMIT 20000""")


_COMPOUNDS = text("SELECT code, id FROM compounds WHERE code = ANY(CAST(:codes AS text[]))")


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
            "lon": "double precision",
            "lat": "double precision",
            "grid_id": "bigint",
        }
    )
    locks = ("grids", "buildings")
    built_on = ("grids",)
    model = Building
    fills = True

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._compounds: dict[str, int] = {}
        self._made: list[str] = []
        self._grids = read_grids(self.connection, positions=job.expected_rows, hold=False)
        self.in_grids = self._grids.contain

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
        # GEOS finds a point here as it does in the database; _put_right() sees to those of which two versions of it disagree.
        points = shapely.point_on_surface(shapes)
        lon, lat = shapely.get_x(points), shapely.get_y(points)
        return pa.table(
            {
                "code": codes,
                **texts,
                "floors": floors,
                "units": units,
                "geometry": as_wkb(shapes, sheet.batch),
                "lon": lon,
                "lat": lat,
                "grid_id": ids(place(self._grids, lon, lat)[0]),
            }
        )

    def fill(self, rows: pa.Table) -> None:
        """Write the rows, having made compounds that are not known; points stay beside them, to be compared with the database's own."""
        self.staging.append(rows.select(["code", "lon", "lat"]))
        compounds = rows["compound"].combine_chunks()
        self._learn(pc.unique(compounds).drop_null().to_pylist())
        compound_id = pa.array([self._compounds.get(code) for code in compounds.to_pylist()], pa.int64())
        super().fill(rows.drop_columns(["compound", "lon", "lat"]).append_column("compound_id", compound_id))

    def _learn(self, codes: list[str]) -> None:
        """Find the compounds of these codes, and make those that are not known."""
        new = [code for code in codes if code not in self._compounds]
        if new:
            self._made += ensure_compounds(self.connection, new)
            self._compounds.update(self.connection.execute(_COMPOUNDS, {"codes": new}).all())

    def written(self) -> None:
        """Give the place its zone, name compounds that were made, and put right what the database sees otherwise."""
        self.set_metric_crs()
        self._tell_made(sorted(self._made))
        if self._filling is not None:
            self._put_right()

    def write(self) -> None:
        """Write the buildings, make compounds that are not known, move their households, and assign both to grids."""
        if not self.staging.rows:
            return
        query = text("SELECT DISTINCT compound FROM staged_buildings WHERE compound IS NOT NULL")
        self._made = ensure_compounds(self.connection, self.connection.execute(query).scalars().all())
        compounds = Compound.__table__.alias("c")
        source = self.staging.table.alias("s").outerjoin(compounds, compounds.c.code == staged("compound"))
        plain = self.stored("name", "kind", "floors", "units")
        written = upsert(
            self.connection,
            Building,
            source,
            lambda _: {
                **{column: staged(column) for column in ("code", "name", "kind", "floors", "units")},
                "compound_id": compounds.c.id,
                "grid_id": staged("grid_id"),
                "geometry": literal_column("s.geometry"),
            },
            new_rows=self.staging.rows,
            update=[*plain, *(["compound_id"] if self.job.has("compound") else []), "geometry"],
            beside=["grid_id"],
        )
        if written:
            self._put_right()
            moved = follow_buildings(self.connection, among="staged_buildings")
            if moved:
                self.notice(f"{moved} 户随楼栋移动", f"{moved} households moved with their buildings")

    def catch_up(self) -> None:
        """Bring all into the grids in force now."""
        assign(self.connection)

    def _put_right(self) -> None:
        after = -1
        while found := self.connection.execute(_ELSEWHERE, {"after": after}).scalars().all():
            assign_buildings(self.connection, np.array(found))
            after = found[-1]

    def _tell_made(self, made: list[str]) -> None:
        if made:
            self.notice(
                f"新建小区 {len(made)} 个：{name_some(made)}",
                f"{len(made)} compounds were made from the buildings' column",
            )
