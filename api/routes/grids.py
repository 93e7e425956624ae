"""The register of grids, and what is known of each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Query, Request, Response

from api.answers import GeoJson, Json, compact, etag, page, tagged
from api.desk import AtDesk, Desk
from api.openapi import problems
from api.parameters import AskedClassing, AskedFilter, AskedSpan, AskedVersion, Code, TakesGzip, example
from api.schemas import FEATURE_EXAMPLES, Feature, FeatureCollection, GridSummary, Moved
from api.security import allow
from gis.errors import Denied
from gis.needs.disclosure import shown
from gis.services import indicators, measures, registry
from gis.services.accounts import grids_of
from gis.services.rows import measure_in_columns
from maps.classify import classify

router = APIRouter(tags=["网格 / grids"])
READERS = ("planner", "worker", "screen")


def figure_reader(desk: Desk) -> measures.Reader:
    """Return for whom figures of grids are told."""
    return measures.Reader(exact=desk.account.sees_exact, wall=desk.account.role == "screen")


@router.get(
    "/api/grids",
    summary="网格列表 / list grids",
    response_model=FeatureCollection,
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def list_grids(
    request: Request,
    desk: AtDesk,
    wanted: AskedFilter,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Return a page of grids with their boundaries; 304 when the caller has it already, 404 for an unknown area."""
    with desk.session() as session:
        headers = {
            "ETag": f'"{desk.snapshots.version(session, ("grids", "areas"))}"',
            "Cache-Control": "private, no-cache",
        }
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        answer = page(request, registry.list_grids(session, wanted))
    answer.headers.update(headers)
    return answer


@router.get(
    "/api/grids/measures",
    summary="网格指标 / a measure of every grid",
    responses={
        200: {
            "content": {
                "application/json": {
                    "example": {
                        "key": "households",
                        "label": "户数",
                        "unit": "户",
                        "date": "2026-11-20",
                        "values": {"530102001001001": 701, "530102001001002": None},
                        "suppressed": ["530102001001002"],
                        "threshold": 5,
                        "scheme": "quantiles",
                        "breaks": [701.0, 701.0],
                        "colours": ["#99d8c9"],
                        "counts": [1],
                        "no_data": 1,
                    }
                }
            }
        },
        **problems(404),
    },
    dependencies=[allow("planner", "screen")],
)
def get_measures(
    desk: AtDesk,
    takes_gzip: TakesGzip,
    span: AskedSpan,
    classing: AskedClassing,
    measure: Annotated[
        str | None,
        Query(
            max_length=60,
            description="指标；不填则列出全部 / its key; absent: list them",
            examples=["elders_60"],
        ),
    ] = None,
    form: Annotated[
        Literal["codes", "columns"],
        Query(description="按编码取值，或供地图绘制的紧凑列 / values by code, or compact columns for a map to draw"),
    ] = "codes",
) -> Response:
    """Return one measure's value in every grid (null: no data, or suppressed as small) with classes for a map, or the list of measures.

    A measure that the list calls ``monthly`` is of the months from ``from`` to ``to``, the last twelve where they are absent. With `form=columns` `code` (the
    first code and the steps from each to the next) and `value` stand for `values`, and `suppressed` counts from each of them to the next: a fifth as large.
    """
    reader = figure_reader(desk)
    with desk.session() as session:
        if measure is None:
            return Json({"measures": measures.measure_names(session, desk.snapshots, wall=reader.wall)})
        found = measures.measure(session, desk.snapshots, measure, desk.now(), reader, span)
    classes = classify(found["values"], classing.scheme, classing.k, palette=classing.palette).as_dict()
    if form == "columns":
        return compact({**measure_in_columns(found), **classes}, takes_gzip)
    return Json({**found, **classes})


@router.get(
    "/api/grids/{code}",
    summary="一个网格 / one grid",
    response_model=Feature,
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def get_grid(desk: AtDesk, code: Code) -> GeoJson:
    """Return a grid; its ETag is what a write must name."""
    with desk.session() as session:
        return tagged(registry.get_grid(session, code))


@router.put(
    "/api/grids/{code}",
    summary="修改边界 / change a grid's boundary",
    response_model=Moved,
    responses=problems(404, 412, 428),
    dependencies=[allow("admin")],
)
def put_grid(
    desk: AtDesk,
    code: Code,
    version: AskedVersion,
    body: Annotated[dict[str, Any], Body(openapi_examples=example("grid", FEATURE_EXAMPLES["grid"]))],
) -> Json:
    """Replace a boundary; households that it takes in or leaves out are assigned again in the same transaction.

    422 names the place of an invalid ring or of an overlap with another grid.
    """
    with desk.session() as session:
        moved = registry.put_grid(session, desk.snapshots, code, body, version)
    return Json(moved, headers={"ETag": etag(moved["version"])})


@router.get(
    "/api/grids/{code}/summary",
    summary="网格概况 / counts of a grid",
    response_model=GridSummary,
    responses=problems(404),
    dependencies=[allow(*READERS)],
)
def summary(desk: AtDesk, code: Code) -> Json:
    """Return people, care flags, colours, open needs and the share covered per service.

    A worker sees own grids only (403 for others), counted one by one. For planners and screens people are counted in fives, and null
    stands for fewer than five; for a screen so do small numbers of households.
    """
    with desk.session() as session:
        exact = desk.account.sees_exact or desk.account.role == "worker"
        found = indicators.grid_summary(session, desk.snapshots, code, desk.today(), exact=exact)
        if desk.account.role == "worker" and code not in grids_of(session, desk.account.account_id):
            raise Denied("不是您负责的网格 / this grid is not yours")
    return Json(_for_wall(found) if desk.account.role == "screen" else found)


def _for_wall(found: dict[str, Any]) -> dict[str, Any]:
    """Return a summary fit for a wall: small numbers of households hidden, and no colours at all."""
    return {**found, "households": shown(found["households"]), "colours": {}}
