"""Layers of facts about places: renovation of compounds, street units, merchants, things; listed, and counted by grid and area."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid
from gis.models.vocabulary import RENOVATION_STATES
from gis.services.features import Filter, area_prefix, collection, feature, page_of, refuse_unknown_area
from gis.services.snapshots import Snapshots


@dataclass(frozen=True)
class LayerTable:
    """Where a layer comes from: rows with a code, a geometry (``geometry``) and facts."""

    source: str
    facts: tuple[str, ...]
    kind: str
    """The fact by which it is chosen and counted."""


LAYERS = {
    "renovation": LayerTable(
        "(SELECT c.code, c.name, r.state, r.started_on, r.finished_on, c.geometry, r.version FROM renovations r JOIN compounds c ON c.id = r.compound_id)",
        ("name", "state", "started_on", "finished_on", "version"),
        "state",
    ),
    "street_units": LayerTable("street_units", ("name", "kind", "version"), "kind"),
    "merchants": LayerTable("merchants", ("name", "kind", "street", "state", "version"), "kind"),
    "things": LayerTable("things", ("name", "kind", "state", "version"), "kind"),
}
_TOPICS = ("layers", "grids", "buildings")
_IN_AREA = """ AND EXISTS (SELECT FROM grids g WHERE starts_with(g.code, :prefix) AND g.valid_to IS NULL
 AND ST_Covers(g.geometry, ST_PointOnSurface(t.geometry)))"""
_BOX = " AND t.geometry && ST_MakeEnvelope(:west, :south, :east, :north, 4326)"


def list_layer(session: Session, layer: str, wanted: Filter, kind: str | None) -> dict[str, Any]:
    """Return a page of a layer as a FeatureCollection; ``next`` is the cursor of the following page, or None.

    What reaches over several grids is where a point on its surface is. A compound without a boundary or position has no geometry.

    Args:
        session: a transaction.
        layer: a key of :data:`LAYERS`.
        wanted: area, box and page.
        kind: only these: a kind in the place's own words; of renovation, a state.
    """
    table = LAYERS[layer]
    params: dict[str, Any] = {"prefix": area_prefix(wanted.area), "after": wanted.cursor or "", "kind": kind}
    where = _IN_AREA if params["prefix"] else ""
    if wanted.bbox is not None:
        params.update(zip(("west", "south", "east", "north"), wanted.bbox, strict=True))
        where += _BOX
    query = (
        f"SELECT t.code, {', '.join(f't.{fact}' for fact in table.facts)}, ST_AsGeoJSON(t.geometry, 15) AS shape FROM {table.source} t "
        f"WHERE t.code > :after AND (CAST(:kind AS text) IS NULL OR t.{table.kind} = :kind){where} "
        "ORDER BY t.code LIMIT :limit"
    )
    rows, more = page_of(session, query, params, wanted.limit)
    if not rows:
        refuse_unknown_area(session, wanted.area)
    return collection((_feature(layer, row) for row in rows), next=rows[-1]["code"] if more else None)


def count_layer(session: Session, snapshots: Snapshots, layer: str, area: str | None, by: str) -> dict[str, Any]:
    """Return how many of a layer there are, in all and by kind, and in each grid or area inside ``area``.

    Args:
        session: a transaction.
        snapshots: the caches.
        layer: a key of :data:`LAYERS`.
        area: code of an area; None: the whole place, those in no grid included.
        by: ``grid``, or the level of area to count by: ``community``, ``township``, ``county``.

    Returns:
        ``total``, ``kinds`` (kind → number), ``units``: of each with any ``code``, ``total`` and ``kinds``; ``outside``, those in no grid (0 for an area).
    """
    table: pd.DataFrame = snapshots.remember(
        session, ("layer", layer), _TOPICS, lambda loading: _load(loading, snapshots, layer)
    )
    prefix = area_prefix(area)
    if prefix:
        table = table[table["grid"].str.startswith(prefix)]
        if table.empty:
            refuse_unknown_area(session, area)
    outside = int((table["grid"] == "").sum())
    inside = table[table["grid"] != ""]
    unit = inside["grid"] if by == "grid" else _areas_of(session, snapshots, inside["grid"], by)
    return {
        "layer": layer,
        "total": len(table),
        "kinds": _tally(table["kind"]),
        "units": [
            {"code": code, "total": len(part), "kinds": _tally(part)}
            for code, part in inside["kind"].groupby(unit.to_numpy(), sort=True)
        ],
        "outside": outside,
    }


def _load(session: Session, snapshots: Snapshots, layer: str) -> pd.DataFrame:
    """Return a layer's rows as grid (code, '' for none) and kind."""
    table = LAYERS[layer]
    rows = session.execute(
        text(
            f"SELECT coalesce(t.{table.kind}, ''), ST_X(ST_PointOnSurface(t.geometry)), ST_Y(ST_PointOnSurface(t.geometry)) FROM {table.source} t"
        )
    ).all()
    lon = np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=float)
    lat = np.array([np.nan if row[2] is None else row[2] for row in rows], dtype=float)
    grids = snapshots.grids(session)
    codes = np.array([*grids.codes, ""], dtype=object)
    return pd.DataFrame({"grid": codes[grids.index.assign(lon, lat)], "kind": [row[0] for row in rows]}, dtype=object)


def _areas_of(session: Session, snapshots: Snapshots, grids: pd.Series, level: str) -> pd.Series:
    """Return the code of the area of a level that each grid's code lies in."""
    prefixes = {area_prefix(code): code for code, area in snapshots.areas(session).items() if area.level == level}
    if not prefixes:
        message = f"没有{level}一级的区划 / there is no area of the level {level}"
        raise Invalid(message, [Fault("query.by", message)])
    digits = len(next(iter(prefixes)))
    return grids.str.slice(0, digits).map(lambda begin: prefixes.get(begin, begin))


def _tally(kinds: Any) -> dict[str, int]:
    return dict(Counter(kinds).most_common())


def _feature(layer: str, row: Any) -> dict[str, Any]:
    properties = {"code": row["code"], **{fact: row[fact] for fact in LAYERS[layer].facts}}
    if layer == "renovation":
        properties["label"] = RENOVATION_STATES[row["state"]]
    return feature(row["shape"], properties)
