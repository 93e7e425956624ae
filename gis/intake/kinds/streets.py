"""Streets: lines as drawn, each with its class. Which of them can be walked is for the street graph to say."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from sqlalchemy import FromClause, literal_column, text
from sqlalchemy.sql import column

from gis.intake.fields import read_code, read_text, read_whole, read_yes
from gis.intake.formats.osm_tags import NOT_YET_OR_NO_MORE
from gis.intake.kinds.base import Job, Kind, shape_codes, staged
from gis.intake.parsing import Unreadable, parse_each, plain
from gis.intake.positions import LINES, as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Street

CLASSES = {
    "高速公路": "motorway",
    "高速": "motorway",
    "快速路": "trunk",
    "主干路": "primary",
    "主干道": "primary",
    "次干路": "secondary",
    "次干道": "secondary",
    "支路": "tertiary",
    "街巷": "residential",
    "居住区道路": "residential",
    "小区道路": "living_street",
    "内部道路": "service",
    "步行街": "pedestrian",
    "人行道": "footway",
    "步道": "footway",
    "人行天桥": "footway",
    "自行车道": "cycleway",
    "台阶": "steps",
    "阶梯": "steps",
    "小路": "path",
}
"""Chinese classes as OSM's ``highway`` values (GB/T 51328: 快速路, 主干路, 次干路, 支路)."""

NO_CLASS = "unclassified"
_PART = "~part"
_MULTI_LINE = 5
"""shapely's number of the type."""

# Parts that a street had when it was imported before and no longer has.
_DROP_PARTS = """
DELETE FROM streets t WHERE split_part(t.code, '~part', 1) IN (SELECT street FROM staged_streets)
AND NOT EXISTS (SELECT FROM staged_streets s WHERE s.code = t.code)"""


class Streets(Kind):
    """街道: a line of several parts becomes several streets."""

    name = "streets"
    columns = ("code", "name", "kind", "foot", "bridge", "tunnel", "layer", "geometry")
    position = "required"
    staged = MappingProxyType(
        {
            "code": "text",
            "street": "text",
            "name": "text",
            "kind": "text",
            "foot": "text",
            "bridge": "boolean",
            "tunnel": "boolean",
            "layer": "smallint",
            "geometry": "geometry",
        }
    )
    model = Street
    fills = True

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._like_parts = False

    def check(self, sheet: Sheet) -> pa.Table:
        """Check classes and lines; a street without a code is known by its line."""
        codes = read_code(sheet, "code", required=False)
        name, foot = read_text(sheet, "name", longest=200), read_text(sheet, "foot", longest=40)
        kinds = parse_each(pc.fill_null(sheet.text("kind"), NO_CLASS), _class)
        sheet.reject(kinds.reasons != "", "kind", kinds.reasons)
        bridge, tunnel = read_yes(sheet, "bridge"), read_yes(sheet, "tunnel")
        layer = pc.fill_null(read_whole(sheet, "layer", -20, 20), 0)
        shapes = self.job.positions.shapes(sheet, LINES, required=True)
        codes = shape_codes(codes, shapes)
        self.first_rows.reject_repeats(sheet, "code" if sheet.has("code") else "geometry", codes)
        self.remember(sheet, shapes)
        self._shapes = shapes
        return pa.table(
            {
                "street": codes,
                "name": name,
                "kind": pa.array(kinds.values, pa.string()),
                "foot": pc.utf8_lower(foot),
                "bridge": bridge,
                "tunnel": tunnel,
                "layer": layer,
            }
        )

    def take(self, sheet: Sheet) -> None:
        """Check a batch, and stage its good rows part by part."""
        rows = self.check(sheet)
        good = np.flatnonzero(sheet.ok)
        parts, codes = self._shapes[good], rows["street"].take(pa.array(good))
        if (shapely.get_type_id(parts) == _MULTI_LINE).any():
            parts, owner = shapely.get_parts(parts, return_index=True)
            good, codes = good[owner], _part_codes(codes.take(pa.array(owner)), owner)
        rows = (
            rows.take(pa.array(good)).append_column("code", codes).append_column("geometry", as_wkb(parts, sheet.batch))
        )
        self._like_parts = self._like_parts or bool(pc.any(pc.match_substring(rows["street"], _PART)).as_py())
        self.job.writer.do(self.staging.append if self._filling is None else self.fill, rows)

    def fill(self, rows: pa.Table) -> None:
        """Write the rows; parts, and what looks like one, wait until all are known."""
        parts = pc.match_substring(rows["code"], _PART)
        self.staging.append(rows.filter(parts))
        super().fill(rows.filter(pc.invert(parts)).drop_columns(["street"]))

    def written(self) -> None:
        """Write the parts that have waited, and give the place its zone."""
        if self._filling is not None and self.staging.rows:
            self.write()
        self.set_metric_crs()

    def write(self) -> None:
        """Write the streets."""
        source: FromClause = self.staging.table.alias("s")
        if self._like_parts:  # a code that looks like a part of another street cannot stop the import
            unique = text("SELECT DISTINCT ON (code) * FROM staged_streets ORDER BY code, street = code DESC")
            source = unique.columns(*[column(name) for name in self.staged]).subquery("s")
        plain_columns = ("code", "name", "kind", "foot", "bridge", "tunnel", "layer")
        self.connection.execute(text(_DROP_PARTS))
        upsert(
            self.connection,
            Street,
            source,
            lambda _: {
                **{name: staged(name) for name in plain_columns},
                "geometry": literal_column("s.geometry"),
            },
            new_rows=self.staging.rows,
            update=[*self.stored("name", "kind", "foot", "bridge", "tunnel", "layer"), "geometry"],
        )


def _part_codes(codes: pa.ChunkedArray, owner: np.ndarray) -> pa.Array:
    """Return the codes of parts (n,), numbered from 1 where a line (``owner``, ascending) has several."""
    several = np.bincount(owner)[owner] > 1
    number = np.arange(len(owner)) - np.searchsorted(owner, owner) + 1
    named = zip(codes.to_pylist(), number, several, strict=True)
    return pa.array([f"{name}{_PART}{n}" if many else name for name, n, many in named], pa.string())


def _class(word: str) -> str:
    kind = CLASSES.get(plain(word), plain(word))
    if kind in NOT_YET_OR_NO_MORE:
        raise Unreadable("尚未建成或已废弃的道路 / a road that is not there yet, or no more")
    if len(kind) > 40:
        raise Unreadable("类别过长 / the class is too long")
    return kind
