"""Households: each in one building or at a position of its own, or without a position."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import ColumnElement, and_, case, literal_column, text

from gis.errors import Fault, Invalid
from gis.intake.fields import read_code, read_text, read_word
from gis.intake.kinds.base import Job, Kind, ids, missing, name_some, staged
from gis.intake.positions import points_as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Household
from gis.models.vocabulary import COLOURS
from gis.store.assigning import assign, follow_buildings, place, read_grids

_GONE = """
SELECT s.code FROM staged_households s
WHERE s.building_id IS NOT NULL AND NOT EXISTS (SELECT FROM buildings b WHERE b.id = s.building_id) ORDER BY 1 LIMIT 6"""
_PLACED = ("own_position", "geometry", "lon", "lat", "grid_id", "grid_reason")
_BUILDINGS = MappingProxyType({"id": pa.int64(), "lon": pa.float64(), "lat": pa.float64()})


class Households(Kind):
    """户: assigned to their grids as they are read, so that they are written once.

    What a file does not speak of stays as it is stored: without ``lon`` and ``lat`` a household keeps the position of its own that it
    has; without ``building`` its building, and its position too where ``lon`` and ``lat`` are blank.
    """

    name = "households"
    columns = ("code", "building", "unit", "room", "lon", "lat", "geometry", "colour")
    required = ("code",)
    position = "optional"
    staged = MappingProxyType(
        {
            "code": "text",
            "building_id": "bigint",
            "unit": "text",
            "room": "text",
            "own_position": "boolean",
            "lon": "double precision",
            "lat": "double precision",
            "grid_id": "bigint",
            "grid_reason": "text",
            "colour": "text",
        }
    )
    refers = MappingProxyType({"building": ("buildings", _BUILDINGS)})
    locks = ("grids", "buildings")
    built_on = ("grids", "buildings")
    model = Household
    fills = True

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._grids = read_grids(self.connection, positions=job.expected_rows, hold=False)
        self.in_grids = self._grids.contain
        self._without = {"no position": 0, "outside every grid": 0}

    def check(self, sheet: Sheet) -> pa.Table:
        """Check codes, references, positions and colours, and find the grids."""
        codes = read_code(sheet, "code")
        texts = {column: read_text(sheet, column, longest=100) for column in ("unit", "room")}
        colours = read_word(sheet, "colour", COLOURS)
        buildings = read_code(sheet, "building", required=False)
        stored = self.references["building"].of(buildings)
        sheet.reject(
            missing(stored) & sheet.given("building"),
            "building",
            "没有这个楼栋，请先导入楼栋 / no such building: import buildings first",
        )
        lon, lat = self.job.positions.points(sheet, required=False)
        own = np.isfinite(lon)
        building_lon, building_lat = (np.asarray(stored[name], dtype=float) for name in ("lon", "lat"))
        self.job.positions.expect(building_lon, building_lat)
        lon, lat = np.where(own, lon, building_lon), np.where(own, lat, building_lat)
        self.first_rows.reject_repeats(sheet, "code", codes)
        grid_id, reason = place(self._grids, lon, lat)
        for word in self._without:
            self._without[word] += int((reason[sheet.ok] == word).sum())
        self.job.positions.remember(lon[sheet.ok])
        return pa.table(
            {
                "code": codes,
                "building_id": stored["id"],
                **texts,
                "own_position": pa.array(own),
                "lon": pa.array(lon, mask=np.isnan(lon)),
                "lat": pa.array(lat, mask=np.isnan(lat)),
                "grid_id": ids(grid_id),
                "grid_reason": pa.array(reason, pa.string(), mask=grid_id >= 0),
                "colour": colours,
            }
        )

    def write(self) -> None:
        """Write the households."""
        update = self.stored("unit", "room", "colour")
        if self.job.has("building"):
            update.append("building_id")
        if self.job.has("building") or self.job.has_positions:
            update.extend(_PLACED)
        source = self.staging.table.alias("s")
        upsert(self.connection, Household, source, self._values, new_rows=self.staging.rows, update=update)

    def fill(self, rows: pa.Table) -> None:
        """Write the rows with their points."""
        lon, lat = (rows[name].to_numpy() for name in ("lon", "lat"))
        super().fill(rows.append_column("geometry", points_as_wkb(lon, lat)))

    def written(self) -> None:
        """Give the place its zone, and say how many households are nowhere."""
        self.set_metric_crs()
        self._tell()

    def check_again(self) -> None:
        """Refuse the file where a building has been deleted since it was found."""
        gone = self.connection.execute(text(_GONE)).scalars().all()
        if gone:
            some = name_some(list(gone))
            message = f"导入期间楼栋被删除，户 {some} 无处可归：请核对后重新导入 / buildings were deleted during the import, of households {some}: check them and import again"
            raise Invalid(
                f"无法导入 {self.job.file_name} / {self.job.file_name} cannot be imported",
                [Fault(f"{self.job.file_name}:building", message)],
            )

    def catch_up(self) -> None:
        """Bring households to where their buildings are now, and into the grids in force now."""
        follow_buildings(self.connection)
        assign(self.connection)

    def _values(self, old: Any) -> dict[str, ColumnElement[Any]]:
        new = {
            column: staged(column)
            for column in ("code", "building_id", "unit", "room", "colour", *_PLACED)
            if column != "geometry"
        }
        new["geometry"] = literal_column("ST_SetSRID(ST_MakePoint(s.lon, s.lat), 4326)")
        keep: ColumnElement[bool] | None = None
        if not self.job.has_positions:
            keep = and_(old.id.is_not(None), old.own_position)
        elif not self.job.has("building"):
            keep = and_(old.id.is_not(None), staged("lon").is_(None))
        if keep is not None:
            for column in _PLACED:
                new[column] = case((keep, literal_column(f"stored.{column}")), else_=new[column])
        return new

    def _tell(self) -> None:
        missing, outside = self._without["no position"], self._without["outside every grid"]
        if missing and (self.job.has("building") or self.job.has_positions):
            self.notice(f"{missing} 户没有位置", f"{missing} households have no position")
        if outside and len(self._grids.ids):
            self.notice(
                f"{outside} 户不在任何网格内；若很多，请检查坐标系（GCJ-02 偏移 300–600 米）",
                f"{outside} households are outside every grid; if they are many, check the CRS (GCJ-02 is 300 to 600 m off)",
            )
