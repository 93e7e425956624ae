"""Assignment in memory: 1,000,000 positions, 4,000 irregular grids."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from benchmarks.measure import Line, in_turn, show
from fixtures.city import synthetic_city
from gis.grids.assignment import GridIndex

HOUSEHOLDS, GRIDS = 1_000_000, 4_000


def main() -> None:
    """Measure and print."""
    city = synthetic_city(HOUSEHOLDS, GRIDS, seed=1)
    shapes = city.grids.geometry.to_numpy()
    codes = city.grids["code"].tolist()
    index = GridIndex(shapes, codes)

    def ours() -> np.ndarray:
        return index.assign(city.lon, city.lat)

    def ours_with_building() -> np.ndarray:
        return GridIndex(shapes, codes).assign(city.lon, city.lat)

    def sjoin() -> gpd.GeoDataFrame:
        points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(city.lon, city.lat), crs=4326)
        return gpd.sjoin(points, city.grids[["code", "geometry"]], predicate="within", how="left")

    ours_s, built_s, tree_s, sjoin_s = in_turn(
        ours, ours_with_building, lambda: by_tree(shapes, city.lon, city.lat), sjoin
    )
    show(
        f"assign {HOUSEHOLDS:,} positions to {GRIDS:,} grids in memory",
        [
            Line("assign, index ready", "tree over boxes + contains_xy", ours_s, tree_s, 1 / 1.1),
            Line("assign, index ready", "geopandas.sjoin", ours_s, sjoin_s, 2),
            Line("build the index and assign", "tree over boxes + contains_xy", built_s, tree_s),
        ],
    )


def by_tree(shapes: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Assign by a tree over the grids' boxes, then contains_xy on prepared polygons: edges belong to nobody."""
    shapely.prepare(shapes)
    place, point = shapely.STRtree(shapely.box(*shapely.bounds(shapes).T)).query(shapely.points(lon, lat)).copy()[::-1]
    order = np.argsort(place, kind="stable")
    place, point = place[order], point[order]
    starts = np.searchsorted(place, np.arange(len(shapes) + 1))
    found = np.full(len(lon), -1)
    for grid, shape in enumerate(shapes):
        asked = point[starts[grid] : starts[grid + 1]]
        found[asked[shapely.contains_xy(shape, lon[asked], lat[asked])]] = grid
    return found
