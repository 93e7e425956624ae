"""Compounds: residential estates, with a boundary, a point, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import pyarrow as pa
from sqlalchemy import Connection, literal_column, text

from gis.intake.fields import read_code, read_text
from gis.intake.kinds.base import Kind, or_stored, staged
from gis.intake.positions import POINTS, POLYGONS, as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Compound

_FACTS = ("property_arrangement", "committee", "renovation")


class Compounds(Kind):
    """小区."""

    name = "compounds"
    columns = ("code", "name", *_FACTS, "lon", "lat", "geometry")
    required = ("code",)
    position = "optional"
    staged = MappingProxyType({"code": "text", "name": "text", **dict.fromkeys(_FACTS, "text"), "geometry": "geometry"})

    def check(self, sheet: Sheet) -> pa.Table:
        """Check codes, texts and shapes."""
        codes = read_code(sheet, "code")
        texts = {"name": read_text(sheet, "name", longest=200)} | {
            fact: read_text(sheet, fact, longest=100) for fact in _FACTS
        }
        shapes = self.job.positions.shapes(sheet, POINTS | POLYGONS, required=False)
        self.first_rows.reject_repeats(sheet, "code", codes)
        self.remember(sheet, shapes)
        return pa.table({"code": codes, **texts, "geometry": as_wkb(shapes)})

    def write(self) -> None:
        """Write the compounds."""
        upsert(
            self.connection,
            Compound,
            self.staging.table.alias("s"),
            lambda old: {
                "code": staged("code"),
                "name": or_stored(staged("name"), old.name, staged("code")),
                **{fact: staged(fact) for fact in _FACTS},
                "geometry": literal_column("s.geometry"),
            },
            new_rows=self.staging.rows,
            update=["name", *self.stored(*_FACTS), *(["geometry"] if self.job.has_positions else [])],
        )
        self.set_metric_crs()


def ensure_compounds(connection: Connection, codes: Sequence[str]) -> list[str]:
    """Make the compounds of these codes that are not known, named by their codes; return the codes of those made, in order."""
    made = connection.execute(
        text(
            "INSERT INTO compounds (code, name) SELECT code, code FROM unnest(CAST(:codes AS text[])) AS wanted (code) "
            "ON CONFLICT (code) DO NOTHING RETURNING code"
        ),
        {"codes": list(codes)},
    ).scalars()
    return sorted(made)
