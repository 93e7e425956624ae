"""What each of the planner's maps shows, as its own queries have it: the same parameters make its sheet of paper and its file.

A map is a dependency that reads the query and returns :class:`Shown`; ``SHOWN`` lists them by the name that they have in addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session

from api.desk import AtDesk
from api.language import language_of
from api.parameters import Area, AskedClassing, AskedCoverage, AskedNeeds, AskedSides, AskedSpan, Measure
from gis.needs.disclosure import BASE
from gis.services.circles import circles
from gis.services.coverage import resolve
from gis.services.exporting import tables
from gis.services.exporting.coverage import Shade, coverage_table
from gis.services.exporting.model import MapTable, Say
from maps import printing
from maps.language import catalogue

NeedMode = Literal["heat", "count", "rate", "spots"]


@dataclass(frozen=True)
class Shown:
    """A map as it is shown: what its file holds, which of the file's layers go into a form that holds one, and its sheet of paper."""

    table: Callable[[Session], MapTable]
    sheet: Callable[[Session], printing.Sheet]
    layer: str | None = None


async def say_of(request: Request) -> Say:
    """Return the language of whoever asks, in which paper and files are made."""
    return catalogue(language_of(request)).half


AskedSay = Annotated[Say, Depends(say_of)]


def grids(
    desk: AtDesk,
    say: AskedSay,
    span: AskedSpan,
    classing: AskedClassing,
    measure: Measure = "households",
    area: Area = None,
) -> Shown:
    """Return the grids shaded by a measure; a file holds every measure."""

    def table(session: Session, only: str | None = None) -> MapTable:
        exact = desk.account.sees_exact
        return tables.grid_table(session, desk.snapshots, desk.now(), say, exact=exact, area=area, span=span, only=only)

    return Shown(table, lambda session: printing.grid_sheet(table(session, measure), classing))


def comparison(desk: AtDesk, say: AskedSay, sides: AskedSides, classing: AskedClassing) -> Shown:
    """Return two measures of the grids, or one at two times, side by side."""

    def table(session: Session) -> MapTable:
        exact = desk.account.sees_exact
        return tables.comparison_table(session, desk.snapshots, desk.now(), say, sides.pairs, exact=exact)

    def sheet(session: Session) -> printing.Sheet:
        return printing.comparison_sheet(table(session), classing, common=sides.common)

    return Shown(table, sheet)


def needs(
    desk: AtDesk,
    say: AskedSay,
    query: AskedNeeds,
    classing: AskedClassing,
    by: Annotated[Literal["cells", "grids"], Query(description="按单元或按网格 / by cell or by grid")] = "cells",
    mode: Annotated[
        NeedMode,
        Query(description="热力、件数、每百户或冷热点 / heat, needs, per 100 households, or hot and cold spots"),
    ] = "rate",
    measure: Annotated[
        Literal["count", "rate"],
        Query(description="冷热点按件数或每百户 / what hot and cold spots are of"),
    ] = "rate",
    radius_m: Annotated[
        float, Query(ge=25, le=5000, allow_inf_nan=False, description="热力半径，米 / radius of the heat, m")
    ] = 200,
) -> Shown:
    """Return the cells of the map of needs, or the grids; the classes are those of all months, and what the top of the heat's scale stands for too."""
    open_ended = replace(query, since=None, until=None)

    def table(session: Session, asked: Any = query) -> MapTable:
        return tables.needs_table(session, desk.snapshots, asked, desk.today(), say, by, measure)

    def sheet(session: Session) -> printing.Sheet:
        least, metric = 1 if query.exact else BASE, desk.snapshots.metric(session)
        whole = table(session, open_ended)
        return printing.needs_sheet(table(session), whole, mode, classing, least, (metric, radius_m))

    return Shown(table, sheet)


def coverage(
    desk: AtDesk,
    say: AskedSay,
    query: AskedCoverage,
    shade: Annotated[
        Shade,
        Query(
            description="网格按什么着色 / what the grids are shaded by: the share of a group, the difference from a straight line, hours of the "
            "week, places"
        ),
    ] = "households",
    beside: Annotated[
        bool,
        Query(description="步行圈与直线圈一起画 / circles in a straight line beside those on the streets"),
    ] = False,
    layer: Annotated[
        Literal["grids", "uncovered"],
        Query(description="GeoJSON 与 CSV 只含一个图层 / the layer of GeoJSON and CSV, which hold one"),
    ] = "grids",
) -> Shown:
    """Return the share covered in each grid, the circles, the stations, and for one service the buildings left out: codes, never names."""

    def table(session: Session) -> MapTable:
        return coverage_table(session, desk.snapshots, query, desk.now(), say, shade)

    def sheet(session: Session) -> printing.Sheet:
        found, outlines = table(session), []
        method = resolve(session, desk.snapshots, query).method or "buffer"
        for each in dict.fromkeys([method, "buffer"] if beside else [method]):
            drawn = circles(session, desk.snapshots, replace(query, method=each, dissolve=True))
            outlines.append((each, [one["geometry"].shape for one in drawn["features"]]))
        offering = {
            one["properties"]["code"]
            for one in circles(session, desk.snapshots, replace(query, method="buffer", dissolve=False))["features"]
        }
        stations = desk.snapshots.stations(session)
        marks = [
            (float(stations.lon[i]), float(stations.lat[i]), stations.names[i])
            for i, code in enumerate(stations.codes)
            if code in offering
        ]
        return printing.coverage_sheet(found, shade, query.minutes, outlines, marks)

    return Shown(table, sheet, layer)


SHOWN: dict[str, tuple[Any, str]] = {
    "grids": (Depends(grids), "网格地图 / the grid map"),
    "needs": (Depends(needs), "需求地图 / the map of needs"),
    "coverage": (Depends(coverage), "覆盖地图 / the map of coverage"),
    "comparison": (Depends(comparison), "对比地图 / two maps side by side"),
}
"""Name in addresses → the map, and what it is called."""
