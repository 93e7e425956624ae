"""Is a set of grids a proper division? Whole coverage, no overlap, one community per grid (domain rules of GB/T 34300)."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gis.crs import WGS84, MetricCRS
from gis.grids.codes import CodeProfile
from gis.grids.geometry import polygonal

_THREAD_M = 0.02
"""What is nowhere wider than this is no fault: lines drawn by different hands that are meant to be one differ by as much."""
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class ZoningReport:
    """What is wrong with a division, in EPSG:4326 with areas in m².

    Attributes:
        overlaps: columns ``codes`` (the two grids, the lower first, joined by a comma), ``area_m2``, geometry.
        gaps: what no grid covers; columns ``community`` ('' between communities without boundaries), ``area_m2``, geometry.
        beyond: where a grid reaches out of its community's boundary; columns ``code``, ``community``, ``area_m2``, geometry.
    """

    overlaps: gpd.GeoDataFrame
    gaps: gpd.GeoDataFrame
    beyond: gpd.GeoDataFrame

    @property
    def is_proper(self) -> bool:
        """Whether nothing overlaps, nothing is left out and no grid leaves its community."""
        return self.overlaps.empty and self.gaps.empty and self.beyond.empty


def check_zoning(
    grids: gpd.GeoDataFrame,
    communities: gpd.GeoDataFrame | None,
    metric: MetricCRS,
    tolerance_m2: float = 1.0,
    profile: CodeProfile | None = None,
) -> ZoningReport:
    """Find where grids overlap, what they leave out, and where they leave their community.

    A gap is what lies inside a community's boundary and in no grid of any community; where a community's boundary is not known, a
    hole in the union of its grids (and where several such communities enclose one together, a hole in the union of all).

    Args:
        grids: columns ``code`` and geometry (valid polygons, EPSG:4326).
        communities: columns ``code`` and geometry, of those whose boundary is known; None for none.
        metric: the place's metric zone.
        tolerance_m2: faults of at most this area, m², and threads narrower than 2 cm are let pass.
        profile: the form of the codes; the usual 12 + 3 digits when None.

    Returns:
        The faults, ordered by code; nothing is changed.
    """
    profile = profile or CodeProfile()
    shapes, codes = np.array(grids.geometry, dtype=object), grids["code"].to_numpy(object)
    owners = np.array([profile.community_of(code) for code in codes], dtype=object)
    # Faults are looked for in degrees, in which the borders are drawn and shared: a straight border of one grid that runs along two
    # of another would be bent by the vertices in between, once these are moved to metres.
    clean = shapely.is_empty(shapely.coverage_invalid_edges(shapes)) if len(shapes) else np.zeros(0, dtype=bool)
    bounded = _bounded(communities)
    faults = _Measure(metric, tolerance_m2)
    return ZoningReport(
        _overlaps(shapes, codes, clean, faults),
        _gaps(shapes, owners, clean, bounded, faults),
        _beyond(shapes, codes, owners, bounded, faults),
    )


@dataclass(frozen=True)
class _Measure:
    """What counts as a fault, and how it is reported."""

    metric: MetricCRS
    tolerance_m2: float

    def report(self, columns: dict[str, list[str]], shapes: list[shapely.Geometry]) -> gpd.GeoDataFrame:
        """Return the shapes (EPSG:4326) that are large and wide enough, with their columns and areas."""
        faults = np.empty(len(shapes), dtype=object)
        faults[:] = shapes
        in_m = self.metric.geometry_to_m(faults)
        area_m2 = shapely.area(in_m)
        large = area_m2 > self.tolerance_m2
        large[large] = ~shapely.is_empty(shapely.buffer(in_m[large], -_THREAD_M / 2))
        kept = np.flatnonzero(large)
        data: dict[str, object] = {name: np.array(values, dtype=object)[kept] for name, values in columns.items()}
        return gpd.GeoDataFrame({**data, "area_m2": area_m2[kept]}, geometry=faults[kept], crs=WGS84)


def _bounded(communities: gpd.GeoDataFrame | None) -> dict[str, shapely.Geometry]:
    if communities is None:
        return {}
    pairs = zip(communities["code"], communities.geometry, strict=True)
    return {code: shape for code, shape in pairs if shape is not None and not shape.is_empty}


def _overlaps(shapes: np.ndarray, codes: np.ndarray, clean: np.ndarray, faults: _Measure) -> gpd.GeoDataFrame:
    # Of two grids that overlap at least one has an edge that does not match; most grids match all round and need no look.
    suspects = np.flatnonzero(~clean)
    pairs: set[tuple[int, int]] = set()
    if len(suspects):
        near, other = shapely.STRtree(shapes).query(shapes[suspects], predicate="intersects")
        for a, b in zip(suspects[near], other, strict=True):
            if a != b:
                pairs.add((a, b) if (codes[a], a) < (codes[b], b) else (b, a))
    ordered = sorted(pairs, key=lambda pair: (codes[pair[0]], codes[pair[1]]))
    first, second = (np.array([pair[side] for pair in ordered], dtype=int) for side in (0, 1))
    shared = [polygonal(shape) for shape in shapely.intersection(shapes[first], shapes[second])]
    names = [f"{codes[a]},{codes[b]}" for a, b in ordered]
    return faults.report({"codes": names}, shared)


def _gaps(
    shapes: np.ndarray,
    owners: np.ndarray,
    clean: np.ndarray,
    bounded: dict[str, shapely.Geometry],
    faults: _Measure,
) -> gpd.GeoDataFrame:
    tree = shapely.STRtree(shapes)
    names: list[str] = []
    pieces: list[shapely.Geometry] = []
    unions = []
    for community in sorted({*owners, *bounded}):
        mine = owners == community
        union = _union(shapes[mine], clean[mine])
        unions.append(union)
        if community in bounded:
            missing = [polygonal(shapely.difference(bounded[community], union))]
        else:
            missing = _holes(union, matched=bool(clean[mine].all()))
        for piece in _uncovered(missing, shapes, tree):
            names.append(community)
            pieces.append(piece)
    # A hole that several communities enclose together is in none of them; what is known already is taken out again. Where all that
    # enclose it have boundaries, these say that it belongs to none: a lake, or another place.
    matched = bool(clean.all())
    whole = _union(shapes, clean) if matched else shapely.union_all(unions)
    known = shapely.union_all([*bounded.values(), *pieces])
    between = [polygonal(shapely.difference(hole, known)) for hole in _holes(whole, matched=matched)]
    open_ended = shapely.STRtree(shapes[[owner not in bounded for owner in owners]])
    near_deg = 4 * _THREAD_M / _METRES_PER_DEGREE
    for piece in _uncovered(between, shapes, tree):
        if len(open_ended.query(piece, predicate="dwithin", distance=near_deg)):
            names.append("")
            pieces.append(piece)
    return faults.report({"community": names}, pieces)


def _union(shapes: np.ndarray, clean: np.ndarray) -> shapely.Geometry:
    """Return the union; where all edges match that takes no computing of intersections."""
    return shapely.coverage_union_all(shapes) if clean.all() else shapely.union_all(shapes)


def _holes(geometry: shapely.Geometry, *, matched: bool) -> list[shapely.Geometry]:
    """Return what a geometry encloses; where its parts do not match edge for edge, also what it would enclose but for threads."""
    if matched:
        return [shapely.Polygon(ring) for ring in _inner_rings(geometry)]
    half_deg = _THREAD_M / 2 / _METRES_PER_DEGREE
    closed = shapely.buffer(geometry, half_deg, join_style="mitre")
    return [shapely.buffer(shapely.Polygon(ring), 2 * half_deg, join_style="mitre") for ring in _inner_rings(closed)]


def _inner_rings(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    return [ring for part in shapely.get_parts(geometry) if not part.is_empty for ring in part.interiors]


def _uncovered(missing: list[shapely.Geometry], shapes: np.ndarray, tree: shapely.STRtree) -> list[shapely.Geometry]:
    """Return the connected parts of what is missing, without what a grid covers: an enclave has grids of its own."""
    left: list[shapely.Geometry] = []
    for piece in shapely.get_parts(missing):
        if piece.is_empty:
            continue
        covers = shapes[tree.query(piece, predicate="intersects")]
        left.extend(shapely.get_parts(polygonal(shapely.difference(piece, shapely.union_all(covers)))))
    return left


def _beyond(
    shapes: np.ndarray,
    codes: np.ndarray,
    owners: np.ndarray,
    bounded: dict[str, shapely.Geometry],
    faults: _Measure,
) -> gpd.GeoDataFrame:
    order = [i for i in np.argsort(codes.astype(str), kind="stable") if owners[i] in bounded]
    outside = [polygonal(shapely.difference(shapes[i], bounded[owners[i]])) for i in order]
    return faults.report({"code": [codes[i] for i in order], "community": [owners[i] for i in order]}, outside)
