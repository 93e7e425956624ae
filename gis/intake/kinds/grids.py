"""Grids: the leaf units of service; their codes name the community they are in."""

from __future__ import annotations

from types import MappingProxyType

import pyarrow as pa
from sqlalchemy import Date, cast, literal_column, null, text

from gis.grids.codes import BadCode
from gis.intake.fields import read_code, read_text
from gis.intake.kinds.areas import ensure_areas
from gis.intake.kinds.base import Kind, name_some, or_stored, staged
from gis.intake.parsing import Unreadable, parse_each
from gis.intake.positions import POLYGONS, as_multi, as_wkb
from gis.intake.sheet import Sheet
from gis.intake.staging import upsert
from gis.models import Area, Grid
from gis.store.assigning import assign

# By more than a square metre or so: neighbours that were drawn apart share slivers.
_OVERLAPS = """
SELECT DISTINCT least(s.code, o.code), greatest(s.code, o.code)
FROM staged_grids s JOIN grids o ON o.geometry && s.geometry AND o.code <> s.code AND o.valid_to IS NULL
WHERE ST_Relate(s.geometry, o.geometry, '2********') AND ST_Area(ST_Intersection(s.geometry, o.geometry)) > 1e-10
ORDER BY 1, 2"""


class Grids(Kind):
    """网格: importing them assigns every household and building again."""

    name = "grids"
    columns = ("code", "name", "geometry")
    required = ("code",)
    position = "required"
    staged = MappingProxyType({"code": "text", "name": "text", "community": "text", "geometry": "geometry"})
    locks = ("grids", "buildings")

    def check(self, sheet: Sheet) -> pa.Table:
        """Check codes and polygons."""
        codes = read_code(sheet, "code")
        names = read_text(sheet, "name", longest=200)

        def community_of(code: str) -> str:
            try:
                self.job.profile.check_grid(code)
            except BadCode as error:
                raise Unreadable(str(error)) from error
            return self.job.profile.community_of(code)

        communities = parse_each(codes, community_of)
        sheet.reject(communities.reasons != "", "code", communities.reasons)
        shapes = self.job.positions.shapes(sheet, POLYGONS, required=True)
        self.first_rows.reject_repeats(sheet, "code", codes)
        self.remember(sheet, shapes)
        return pa.table(
            {
                "code": codes,
                "name": names,
                "community": pa.array(communities.values, pa.string()),
                "geometry": as_wkb(as_multi(shapes)),
            }
        )

    def write(self) -> None:
        """Write the grids, make communities that are not known, and assign households and buildings."""
        codes = self.connection.execute(text("SELECT DISTINCT community FROM staged_grids")).scalars().all()
        made = ensure_areas(self.connection, codes, self.job.profile)
        if made:
            self.notice(
                f"按网格编码新建区划 {len(made)} 个：{name_some(made)}",
                f"{len(made)} areas were made from the grids' codes",
            )
        areas = Area.__table__.alias("a")
        source = self.staging.table.alias("s").join(areas, areas.c.code == staged("community"))
        written = upsert(
            self.connection,
            Grid,
            source,
            lambda old: {
                "code": staged("code"),
                "name": or_stored(staged("name"), old.name, staged("code")),
                "community_id": areas.c.id,
                "geometry": literal_column("s.geometry"),
                "valid_to": cast(null(), Date),
            },
            new_rows=self.staging.rows,
            update=["name", "community_id", "geometry", "valid_to"],
        )
        self.set_metric_crs()
        if written:
            self._tell_overlaps()
            outcome = assign(self.connection)
            if outcome.households:
                self.notice(
                    f"重新归格：{outcome.households} 户中 {outcome.assigned} 户有网格，{outcome.changed} 户变动",
                    f"of {outcome.households} households {outcome.assigned} have a grid, {outcome.changed} changed",
                )

    def _tell_overlaps(self) -> None:
        """Say which grids of the file overlap others: a household there could be in either."""
        pairs = self.connection.execute(text(_OVERLAPS)).all()
        if pairs:
            some = name_some([f"{one}–{other}" for one, other in pairs])
            self.notice(
                f"{len(pairs)} 对网格重叠：{some}；重叠处的户归编码小的网格，请改正边界",
                f"{len(pairs)} pairs of grids overlap; households there go to the lower code: mend the boundaries",
            )
