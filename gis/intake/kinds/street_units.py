"""Street units: stretches of streets with what stands there, as polygons."""

from __future__ import annotations

from types import MappingProxyType

import pyarrow as pa
from sqlalchemy import literal_column

from gis.intake.fields import read_code, read_text
from gis.intake.kinds.base import Kind, or_stored, staged
from gis.intake.positions import POLYGONS, as_multi, as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import StreetUnit


class StreetUnits(Kind):
    """街区."""

    name = "street_units"
    columns = ("code", "name", "kind", "geometry")
    required = ("code",)
    position = "required"
    staged = MappingProxyType({"code": "text", "name": "text", "kind": "text", "geometry": "geometry"})

    def check(self, sheet: Sheet) -> pa.Table:
        """Check codes, texts and polygons."""
        codes = read_code(sheet, "code")
        names, kinds = read_text(sheet, "name", longest=200), read_text(sheet, "kind", longest=60)
        shapes = self.job.positions.shapes(sheet, POLYGONS, required=True)
        self.first_rows.reject_repeats(sheet, "code", codes)
        self.remember(sheet, shapes)
        return pa.table({"code": codes, "name": names, "kind": kinds, "geometry": as_wkb(as_multi(shapes))})

    def write(self) -> None:
        """Write the street units; one without a name is called by its code."""
        upsert(
            self.connection,
            StreetUnit,
            self.staging.table.alias("s"),
            lambda old: {
                "code": staged("code"),
                "name": or_stored(staged("name"), old.name, staged("code")),
                "kind": staged("kind"),
                "geometry": literal_column("s.geometry"),
            },
            new_rows=self.staging.rows,
            update=["name", *self.stored("kind"), "geometry"],
        )
        self.set_metric_crs()
