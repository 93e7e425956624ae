"""Backdrop: water and green for the base map."""

from __future__ import annotations

from types import MappingProxyType

import pyarrow as pa
from sqlalchemy import literal_column

from gis.intake.fields import read_code, read_text, read_word
from gis.intake.kinds.base import Kind, shape_codes, staged
from gis.intake.positions import LINES, POLYGONS, as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Backdrop
from gis.models.vocabulary import BACKDROP_KINDS


class BackdropParts(Kind):
    """底图要素: areas and lines; one without a code is known by its shape."""

    name = "backdrop"
    columns = ("code", "kind", "name", "geometry")
    required = ("kind",)
    position = "required"
    staged = MappingProxyType({"code": "text", "kind": "text", "name": "text", "geometry": "geometry"})

    def check(self, sheet: Sheet) -> pa.Table:
        """Check kinds and shapes."""
        codes = read_code(sheet, "code", required=False)
        kinds = read_word(sheet, "kind", BACKDROP_KINDS, required=True)
        names = read_text(sheet, "name", longest=200)
        shapes = self.job.positions.shapes(sheet, LINES | POLYGONS, required=True)
        codes = shape_codes(codes, shapes)
        self.first_rows.reject_repeats(sheet, "code" if sheet.has("code") else "geometry", codes)
        self.remember(sheet, shapes)
        return pa.table({"code": codes, "kind": kinds, "name": names, "geometry": as_wkb(shapes)})

    def write(self) -> None:
        """Write the parts."""
        upsert(
            self.connection,
            Backdrop,
            self.staging.table.alias("s"),
            lambda _: {
                **{name: staged(name) for name in ("code", "kind", "name")},
                "geometry": literal_column("s.geometry"),
            },
            new_rows=self.staging.rows,
            update=["kind", *self.stored("name"), "geometry"],
        )
        self.set_metric_crs()
