"""Two measures of the grids, or one at two times, side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.answers import Json
from api.desk import AtDesk
from api.openapi import problems
from api.routes.grids import Palette, Scheme, Sorts, figure_reader
from api.schemas_maps import Comparison
from api.security import allow
from gis.services import measures
from maps.classify import classify, classify_together

router = APIRouter(tags=["网格 / grids"])
Key = Annotated[str, Query(max_length=60, description="指标 / its key", examples=["needs_opened"])]
Month = Annotated[str | None, Query(max_length=7, description="月份 / month, YYYY-MM", examples=["2026-10"])]


@router.get(
    "/api/comparison",
    summary="两个指标或两个时段对比 / two measures or two times",
    response_model=Comparison,
    responses=problems(404),
    dependencies=[allow("planner")],
)
def comparison(
    desk: AtDesk,
    left: Key,
    right: Key,
    left_from: Month = None,
    left_to: Month = None,
    right_from: Month = None,
    right_to: Month = None,
    scheme: Scheme = "quantiles",
    k: Sorts = 5,
    palette: Palette = "teal",
    common: Annotated[
        bool,
        Query(
            description="两边用同一分级（单位相同时） / the same classes on both sides, where units are the same"
        ),
    ] = False,
) -> Json:
    """Return both measures with classes for a map each, from one state of the data, and right minus left where units are the same."""
    today, reader = desk.today(), figure_reader(desk)
    spans = [
        measures.Span.asked(left_from, left_to, today, "left_"),
        measures.Span.asked(right_from, right_to, today, "right_"),
    ]
    with desk.session() as session:
        sides = [
            measures.measure(session, desk.snapshots, key, desk.now(), reader, span)
            for key, span in zip((left, right), spans, strict=True)
        ]
    values = [side["values"] for side in sides]
    difference = measures.difference(*sides)
    shared = common and difference is not None
    classes = (
        classify_together(values, scheme, k, palette=palette)
        if shared
        else [classify(each, scheme, k, palette=palette) for each in values]
    )
    told = [{**side, **each.as_dict()} for side, each in zip(sides, classes, strict=True)]
    return Json({"left": told[0], "right": told[1], "common": shared, "difference": difference})
