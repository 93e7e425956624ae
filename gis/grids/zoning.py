"""Is a set of grids a proper division? Whole coverage and no overlap (domain.md, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.crs import WGS84, MetricCRS


@dataclass(frozen=True)
class ZoningReport:
    """What is wrong with a division, in EPSG:4326 with areas in m².

    ``overlaps``: columns ``codes`` (the two grids, joined by a comma), ``area_m2``, geometry. ``gaps``: ``community``, ``area_m2``,
    geometry.
    """

    overlaps: gpd.GeoDataFrame
    gaps: gpd.GeoDataFrame

    @property
    def is_proper(self) -> bool:
        """Whether nothing overlaps and nothing is left out."""
        return self.overlaps.empty and self.gaps.empty


def check_zoning(
    grids: gpd.GeoDataFrame,
    communities: gpd.GeoDataFrame | None,
    metric: MetricCRS,
    tolerance_m2: float = 1.0,
) -> ZoningReport:
    """Find where grids overlap and what they leave out.

    Args:
        grids: columns ``code`` and geometry (polygons, EPSG:4326).
        communities: columns ``code`` and geometry; where a community has no boundary here, holes between its grids are the gaps.
        metric: the place's metric zone.
        tolerance_m2: slivers of at most this area, m², are let pass.
    """
    shapes_m = metric.geometry_to_m(grids.geometry.to_numpy())
    codes = grids["code"].to_numpy(object)
    return ZoningReport(
        _overlaps(shapes_m, codes, metric, tolerance_m2),
        _gaps(shapes_m, codes, communities, metric, tolerance_m2),
    )


def _overlaps(
    shapes_m: np.ndarray, codes: np.ndarray, metric: MetricCRS, tolerance_m2: float
) -> gpd.GeoDataFrame:
    left, right = (
        shapely.STRtree(shapes_m).query(shapes_m, predicate="intersects")
        if len(shapes_m)
        else (np.array([], int),) * 2
    )
    pair = codes[left] < codes[right]
    left, right = left[pair], right[pair]
    shared = shapely.intersection(shapes_m[left], shapes_m[right])
    area_m2 = shapely.area(shared)
    kept = np.flatnonzero(area_m2 > tolerance_m2)
    names = [f"{codes[left[i]]},{codes[right[i]]}" for i in kept]
    return _report({"codes": names, "area_m2": np.round(area_m2[kept], 1)}, shared[kept], metric)


def _gaps(
    shapes_m: np.ndarray,
    codes: np.ndarray,
    communities: gpd.GeoDataFrame | None,
    metric: MetricCRS,
    tolerance_m2: float,
) -> gpd.GeoDataFrame:
    bounded: dict[str, shapely.Geometry] = {}
    if communities is not None and len(communities):
        bounded = dict(
            zip(communities["code"], metric.geometry_to_m(communities.geometry.to_numpy()), strict=True)
        )
    owners = pd.Series([code[:-3] for code in codes], dtype=object)
    names: list[str] = []
    pieces: list[shapely.Geometry] = []
    for community in sorted({*owners, *bounded}):
        mine = (
            shapely.union_all(shapes_m[(owners == community).to_numpy(bool)])
            if len(codes)
            else shapely.MultiPolygon()
        )
        whole = bounded.get(community)
        if whole is None:
            whole = _filled(mine)
        # Drawn by different hands, lines that are meant to be one differ by millimetres: such threads are no gap.
        for piece in shapely.get_parts(shapely.difference(whole, mine)):
            if piece.area > tolerance_m2 and not shapely.buffer(piece, -0.01).is_empty:
                names.append(community)
                pieces.append(piece)
    shapes = np.array(pieces, dtype=object) if pieces else np.zeros(0, dtype=object)
    area_m2 = np.round(shapely.area(shapes), 1) if pieces else np.zeros(0)
    return _report({"community": names, "area_m2": area_m2}, shapes, metric)


def _filled(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry without its holes."""
    return shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(geometry)])


def _report(columns: dict[str, object], shapes_m: np.ndarray, metric: MetricCRS) -> gpd.GeoDataFrame:
    shapes = metric.geometry_to_lonlat(shapes_m) if len(shapes_m) else shapes_m
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=WGS84)
