"""A city of any size for the benchmarks of walking: bent streets, buildings, stations, households; made from a seed, in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gis.accessibility.coverage import DemandSites
from gis.accessibility.ways import Ways
from gis.crs import MetricCRS

METRIC = MetricCRS("EPSG:4543")
ORIGIN_M = np.array([500_000.0, 2_770_000.0])
BLOCK_M = 250.0
"""Between two streets: so wide that 800 stations leave a part of the city uncovered."""
JITTER_M = 50.0
HOUSEHOLDS_A_BUILDING = 33
"""An old estate has 24 to 33 households a building."""


@dataclass(frozen=True)
class Town:
    """``lines`` are streets in metres, crossing at shared vertices; ``sites`` the buildings; ``stations_m`` (k, 2)."""

    lines: np.ndarray
    sites: DemandSites
    stations_m: np.ndarray
    n_grids: int
    side_m: float

    def ways(self) -> Ways:
        """Return the streets as ways that people walk on."""
        return Ways.from_lines(self.lines, ["residential"] * len(self.lines))


def town(households: int, n_grids: int, n_stations: int, junctions: int, seed: int = 1) -> Town:
    """Return a city of ``junctions`` × ``junctions`` junctions, about ``BLOCK_M`` apart."""
    rng = np.random.default_rng(seed)
    step = np.arange(junctions) * BLOCK_M
    x, y = np.meshgrid(step, step)
    points = np.stack([x, y], axis=2) + rng.uniform(-JITTER_M, JITTER_M, (junctions, junctions, 2)) + ORIGIN_M
    lines = [shapely.linestrings(row) for row in points] + [
        shapely.linestrings(row) for row in points.transpose(1, 0, 2)
    ]
    n_sites = max(1, households // HOUSEHOLDS_A_BUILDING)
    side_m = junctions * BLOCK_M
    places = rng.uniform(0, side_m - BLOCK_M, (n_sites, 2))
    homes = rng.multinomial(households, np.full(n_sites, 1 / n_sites)).astype(np.int64)
    columns = max(1, round(np.sqrt(n_grids)))
    grid = (places // (side_m / columns)).astype(np.int64)
    sites = DemandSites(
        site_id=np.arange(n_sites, dtype=np.int64),
        x_m=places[:, 0] + ORIGIN_M[0],
        y_m=places[:, 1] + ORIGIN_M[1],
        grid=(grid[:, 1] * columns + grid[:, 0]).astype(np.int32),
        households=homes,
        residents=homes * 3,
        elders_60=rng.binomial(homes * 3, 0.2).astype(np.int64),
        children_12=rng.binomial(homes * 3, 0.12).astype(np.int64),
    )
    stations_m = rng.uniform(0, side_m - BLOCK_M, (n_stations, 2)) + ORIGIN_M
    return Town(np.array(lines, dtype=object), sites, stations_m, columns * columns, side_m)
