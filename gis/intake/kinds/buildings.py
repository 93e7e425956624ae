"""Buildings: footprints or points, in one compound."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pyarrow as pa
from sqlalchemy import literal_column, text

from gis.intake.fields import read_code, read_text, read_whole
from gis.intake.kinds.base import Kind, name_some, staged
from gis.intake.kinds.compounds import ensure_compounds
from gis.intake.positions import POINTS, POLYGONS, as_hex
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Building, Compound
from gis.store.assigning import assign, assign_buildings

_MOVE_HOUSEHOLDS = """
UPDATE households h SET geometry = ST_SetSRID(ST_MakePoint(b.lon, b.lat), 4326), lon = b.lon, lat = b.lat
FROM buildings b JOIN staged_buildings s ON s.code = b.code
WHERE h.building_id = b.id AND NOT h.own_position AND (h.lon, h.lat) IS DISTINCT FROM (b.lon, b.lat)
RETURNING h.id"""


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
        return pa.table(
            {"code": codes, **texts, "floors": floors, "units": units, "geometry": as_hex(shapes)}
        )

    def write(self) -> None:
        """Write the buildings, make compounds that are not known, move their households, and assign both to grids."""
        query = text("SELECT DISTINCT compound FROM staged_buildings WHERE compound IS NOT NULL")
        made = ensure_compounds(self.connection, self.connection.execute(query).scalars().all())
        if made:
            self.notice(
                f"新建小区 {len(made)} 个：{name_some(made)}",
                f"{len(made)} compounds were made from the buildings' column",
            )
        self.staging.analyse()
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
                "geometry": literal_column("s.geometry"),
            },
            new_rows=self.staging.rows,
            update=[*plain, *(["compound_id"] if self.job.has("compound") else []), "geometry"],
        )
        self.set_metric_crs()
        if written:
            moved = self.connection.execute(text(_MOVE_HOUSEHOLDS)).scalars().all()
            here = (
                self.connection.execute(
                    text("SELECT b.id FROM buildings b JOIN staged_buildings s ON s.code = b.code")
                )
                .scalars()
                .all()
            )
            assign_buildings(self.connection, np.array(here, dtype=np.int64))
            if moved:
                assign(self.connection, household_ids=np.array(moved, dtype=np.int64))
                self.notice(
                    f"{len(moved)} 户随楼栋移动", f"{len(moved)} households moved with their buildings"
                )
