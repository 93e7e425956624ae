"""Areas: their codes say their level and what they are part of."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, literal_column, text

from gis.grids.codes import BadCode, CodeProfile
from gis.intake.fields import read_code, read_text, read_word
from gis.intake.kinds.base import Kind, name_some, or_stored, staged
from gis.intake.parsing import Unreadable, parse_each
from gis.intake.positions import POLYGONS, as_multi, as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Area

LEVEL_WORDS = {
    "city": "市/地级市/自治州/州/市级",
    "county": "区县/区/县/县级市/县级",
    "township": "街道/镇/乡/乡镇/街道办事处/乡级",
    "community": "社区/村/居委会/村委会/社区居委会/村级",
}
"""What a level is called in files; the first of each is for messages."""


class Areas(Kind):
    """区划: city, county, township and community."""

    name = "areas"
    columns = ("code", "name", "level", "geometry")
    required = ("code",)
    position = "required"
    staged = MappingProxyType({"code": "text", "name": "text", "level": "text", "geometry": "geometry"})

    def check(self, sheet: Sheet) -> pa.Table:
        """Check codes, levels and polygons."""
        codes = read_code(sheet, "code")
        names = read_text(sheet, "name", longest=200)
        said = read_word(sheet, "level", LEVEL_WORDS)

        def level_of(code: str) -> str:
            try:
                return self.job.profile.check_area(code)
            except BadCode as error:
                raise Unreadable(str(error)) from error

        levels = parse_each(codes, level_of)
        sheet.reject(levels.reasons != "", "code", levels.reasons)
        said_levels = np.array(said.to_pylist(), dtype=object)
        other = (levels.values != said_levels) & (said_levels != None) & (levels.reasons == "")  # noqa: E711
        sheet.reject(other, "level", "级别与编码不符 / the level contradicts the code")
        shapes = self.job.positions.shapes(sheet, POLYGONS, required=True)
        self.first_rows.reject_repeats(sheet, "code", codes)
        self.remember(sheet, shapes)
        return pa.table(
            {
                "code": codes,
                "name": names,
                "level": pa.array(levels.values, pa.string()),
                "geometry": as_wkb(as_multi(shapes)),
            }
        )

    def write(self) -> None:
        """Write the areas, make those above them that are not known, and link each to the one above."""
        upsert(
            self.connection,
            Area,
            self.staging.table.alias("s"),
            lambda old: {
                "code": staged("code"),
                "name": or_stored(staged("name"), old.name, staged("code")),
                "level": staged("level"),
                "geometry": literal_column("s.geometry"),
            },
            new_rows=self.staging.rows,
            update=["name", "level", "geometry"],
        )
        codes = self.connection.execute(text("SELECT code FROM staged_areas")).scalars()
        made = ensure_areas(self.connection, codes, self.job.profile)
        if made:
            self.notice(
                f"按编码新建上级区划 {len(made)} 个：{name_some(made)}",
                f"{len(made)} areas above were made from their codes",
            )
        self.set_metric_crs()


def ensure_areas(connection: Connection, codes: Iterable[str], profile: CodeProfile) -> list[str]:
    """Make the areas of these codes, and those above them, that are not known: named by their codes until somebody names them.

    Returns:
        The codes of the areas made, in order.
    """
    levels, parents = {}, {}
    for code in set(codes):
        chain = profile.ancestors(code)
        levels.update({own: level for level, own in chain})
        parents.update({low[1]: high[1] for high, low in pairwise(chain)})
    made = (
        connection.execute(
            text(
                "INSERT INTO areas (code, name, level) SELECT code, code, level FROM unnest(CAST(:codes AS text[]), CAST(:levels AS text[])) "
                "AS wanted (code, level) ON CONFLICT (code) DO NOTHING RETURNING code"
            ),
            {"codes": list(levels), "levels": list(levels.values())},
        )
        .scalars()
        .all()
    )
    connection.execute(
        text(
            "UPDATE areas a SET parent_id = p.id FROM unnest(CAST(:codes AS text[]), CAST(:parents AS text[])) AS link (code, parent) "
            "JOIN areas p ON p.code = link.parent WHERE a.code = link.code AND a.parent_id IS DISTINCT FROM p.id"
        ),
        {"codes": list(parents), "parents": list(parents.values())},
    )
    return sorted(made)
