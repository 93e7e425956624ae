"""Layers of facts about places: renovation, street units, merchants, things such as cameras and hydrants."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request

from api.answers import GeoJson, Json, page
from api.desk import AtDesk
from api.parameters import Area, AskedFilter
from api.schemas import FeatureCollection
from api.schemas_lists import LayerCounts
from api.security import allow
from gis.services import layers

router = APIRouter(tags=["图层 / layers"])
LayerName = Annotated[Literal["renovation", "street_units", "merchants", "things"], Path(description="图层 / layer")]


@router.get(
    "/api/layers/{layer}",
    summary="图层要素 / features of a layer",
    response_model=FeatureCollection,
    dependencies=[allow("planner", "worker", "screen")],
)
def list_layer(
    request: Request,
    desk: AtDesk,
    layer: LayerName,
    wanted: AskedFilter,
    kind: Annotated[
        str | None, Query(max_length=60, description="种类；改造为状态 / kind; of renovation, the state")
    ] = None,
) -> GeoJson:
    """Return a page of a layer's features, by area, box and kind."""
    with desk.session() as session:
        return page(request, layers.list_layer(session, layer, wanted, kind))


@router.get(
    "/api/layers/{layer}/counts",
    summary="图层计数 / counts of a layer",
    response_model=LayerCounts,
    dependencies=[allow("planner", "worker", "screen")],
)
def count_layer(
    desk: AtDesk, layer: LayerName, area: Area = None, by: Literal["grid", "community", "township", "county"] = "grid"
) -> Json:
    """Return how many there are of each kind, in all and in each grid or area."""
    with desk.session() as session:
        return Json(layers.count_layer(session, desk.snapshots, layer, area, by))
