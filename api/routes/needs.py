"""Where needs are."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from api.answers import GeoJson, Json, compact
from api.desk import AtDesk
from api.parameters import AskedNeeds, TakesGzip
from api.schemas import FeatureCollection
from api.security import allow
from gis.services import hotspots, needs
from maps.classify import MAX_CLASSES, classify

router = APIRouter(tags=["需求 / needs"])


@router.get(
    "/api/needs/cells",
    summary="需求热力单元 / cells of needs",
    responses={200: {"model": FeatureCollection}},
    response_model=None,
    dependencies=[allow("planner", "screen")],
)
def cells(
    desk: AtDesk,
    takes_gzip: TakesGzip,
    query: AskedNeeds,
    form: Annotated[
        Literal["geojson", "columns"],
        Query(description="GeoJSON，或供地图绘制的紧凑数组 / GeoJSON, or compact arrays for a map to draw"),
    ] = "geojson",
) -> Response:
    """Return squares with count, households and rate per 100 households; small cells are suppressed.

    For planners and screens needs are counted in fives, in whole months and in squares of 100, 200, 400 … m: what was used is in the answer
    (`from`, `to`, `size_m`). Screens cannot filter by `colour` or `age`. Rates are per 100 of all households, whatever the filter.

    With `form=columns` the same comes as arrays, a twentieth as large: `column` and `row` of each cell as steps from the one before (the first
    from `lattice`), `count` (null: suppressed) and `households`; `lattice` gives `lon` and `lat` of every so many corners, and what lies between is
    bilinear.
    """
    with desk.session() as session:
        if form == "columns":
            return compact(needs.cells_by_column(session, desk.snapshots, query), takes_gzip)
        return GeoJson(needs.cells(session, desk.snapshots, query, desk.today()))


@router.get(
    "/api/needs/grids",
    summary="各网格的需求 / needs of every grid",
    responses={200: {"content": {"application/json": {"example": {"from": "2026-01-01", "to": "2026-06-30", "threshold": 5, "people_in": 5,
        "total": 4260, "outside": 0, "grids": [
            {"code": "530102001001001", "name": "一网格", "count": 95, "households": 412, "rate": 23.06, "suppressed": False}]}}}}},
    dependencies=[allow("planner")],
)  # fmt: skip
def grids(
    desk: AtDesk,
    query: AskedNeeds,
    measure: Annotated[
        Literal["count", "rate"] | None,
        Query(description="要分级的指标；不填则不分级 / what to sort into classes; absent: no classes"),
    ] = None,
    scheme: Annotated[
        Literal["quantiles", "natural", "equal"],
        Query(description="分级方法 / how values are sorted into classes"),
    ] = "quantiles",
    k: Annotated[int, Query(ge=2, le=MAX_CLASSES, description="分级数 / number of classes")] = 5,
) -> Json:
    """Return each grid's needs: count, households, rate per 100 households, and whether it is suppressed as small.

    The filters are those of the cells; `size_m` is not looked at. A `count` of 0 with a `rate` of null: nobody lives there. For planners needs are
    counted in fives, in whole months. With `measure`, classes of it for a map: `breaks`, `colours`, `counts`, `no_data`; 0 is in no class.
    """
    with desk.session() as session:
        found = needs.grids(session, desk.snapshots, query, desk.today())
    if measure is None:
        return Json(found)
    classes = classify({row["code"]: row[measure] or None for row in found["grids"]}, scheme, k, palette="ember")
    return Json({**found, "measure": measure, **classes.as_dict()})


@router.get(
    "/api/needs/hotspots",
    summary="需求冷热点 / hot and cold spots of needs",
    responses={200: {"content": {"application/json": {"example": {"by": "grids", "measure": "rate", "false_share": 0.05, "least": 30,
        "tested": 46, "hot": 3, "cold": 1, "from": None, "to": None, "threshold": 5, "people_in": 5, "total": 4380, "outside": 0, "grids": [
            {"code": "530102001001001", "name": "一网格", "count": 95, "households": 412, "rate": 23.06, "suppressed": False, "z": 3.42,
             "q": 0.0071, "spot": "hot"}]}}}}},
    response_model=None,
    dependencies=[allow("planner")],
)  # fmt: skip
def spots(
    desk: AtDesk,
    query: AskedNeeds,
    by: Annotated[Literal["grids", "cells"], Query(description="按网格或按单元 / by grid or by cell")] = "grids",
    measure: Annotated[
        Literal["count", "rate"],
        Query(description="件数，或每百户 / the number of needs, or per 100 households"),
    ] = "rate",
) -> GeoJson | Json:
    """Return the cells, or the grids, each with what a test says of it: `z`, `q` and `spot` (hot, cold, none; null: not tested).

    The test is Getis-Ord Gi*: a unit with those that touch it, against as many drawn at random; `q` is the p-value adjusted for the number of tests
    (Benjamini-Hochberg). It works on the figures that are shown, so it tells nothing more. Fewer than 30
    units are not tested (`least`); at most a twentieth of the spots told (`false_share`) are chance. The filters are those of the cells.
    """
    with desk.session() as session:
        found = hotspots.hotspots(session, desk.snapshots, query, desk.today(), by, measure)
    return GeoJson(found) if by == "cells" else Json(found)
