"""What merchants and things share: points with a kind of the place's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
from sqlalchemy import literal_column

from gis.intake.fields import read_code, read_text
from gis.intake.kinds.base import Kind, staged
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Base

_STAGED: Mapping[str, str] = {"code": "text", "lon": "double precision", "lat": "double precision"}


class Spots(Kind):
    """Points with texts, each at most so long; what the file does not speak of stays as it is."""

    position = "required"
    model: ClassVar[type[Base]]
    longest: ClassVar[Mapping[str, int]]
    """Letters of each text."""

    def __init_subclass__(cls) -> None:
        """Derive the columns from the texts."""
        cls.columns = ("code", *cls.longest, "lon", "lat", "geometry")
        cls.staged = {**_STAGED, **dict.fromkeys(cls.longest, "text")}

    def check(self, sheet: Sheet) -> pa.Table:
        """Check codes, texts and positions."""
        codes = read_code(sheet, "code")
        texts = {
            name: read_text(sheet, name, required=name in self.required, longest=longest)
            for name, longest in self.longest.items()
        }
        lon, lat = self.job.positions.points(sheet, required=True)
        self.first_rows.reject_repeats(sheet, "code", codes)
        self.job.positions.remember(lon[sheet.ok])
        return pa.table({"code": codes, "lon": pa.array(lon), "lat": pa.array(lat), **texts})

    def write(self) -> None:
        """Write the points."""
        upsert(
            self.connection,
            self.model,
            self.staging.table.alias("s"),
            lambda _: {
                **{name: staged(name) for name in ("code", *self.longest)},
                "geometry": literal_column("ST_SetSRID(ST_MakePoint(s.lon, s.lat), 4326)"),
            },
            new_rows=self.staging.rows,
            update=[*self.stored(*self.longest), "geometry"],
        )
        self.set_metric_crs()
