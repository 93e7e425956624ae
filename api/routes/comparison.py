"""Two measures of the grids, or one at two times, side by side."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import Json
from api.desk import AtDesk
from api.openapi import problems
from api.parameters import AskedClassing, AskedSides
from api.routes.grids import figure_reader
from api.schemas_maps import Comparison
from api.security import allow
from gis.services import measures
from maps.classify import classify, classify_together

router = APIRouter(tags=["网格 / grids"])


@router.get(
    "/api/comparison",
    summary="两个指标或两个时段对比 / two measures or two times",
    response_model=Comparison,
    responses=problems(404),
    dependencies=[allow("planner")],
)
def comparison(desk: AtDesk, asked: AskedSides, classing: AskedClassing) -> Json:
    """Return both measures with classes for a map each, from one state of the data, and right minus left where units are the same."""
    reader = figure_reader(desk)
    with desk.session() as session:
        sides = [measures.measure(session, desk.snapshots, key, desk.now(), reader, span) for key, span in asked.pairs]
    values = [side["values"] for side in sides]
    difference = measures.difference(*sides)
    shared = asked.common and difference is not None
    scheme, k, palette = classing.scheme, classing.k, classing.palette
    classes = (
        classify_together(values, scheme, k, palette=palette)
        if shared
        else [classify(each, scheme, k, palette=palette) for each in values]
    )
    told = [{**side, **each.as_dict()} for side, each in zip(sides, classes, strict=True)]
    return Json({"left": told[0], "right": told[1], "common": shared, "difference": difference})
