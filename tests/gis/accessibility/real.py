"""Walks on real streets against the oracle, by hand: ``python -m tests.gis.accessibility.real PLACE.osm.pbf …``."""

import sys

import numpy as np
import osmium
import shapely

from gis.accessibility.ways import Ways
from gis.crs import MetricCRS
from tests.gis.accessibility.test_walking import compare_with_oracle


def real_ways(path):
    """Return the highways of a file in metres."""
    lines, tags = [], []
    for way in osmium.FileProcessor(str(path)).with_locations():
        if way.is_way() and "highway" in way.tags:
            positions = [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
            if len(positions) > 1:
                lines.append(shapely.LineString(positions))
                tags.append({tag.k: tag.v for tag in way.tags})
    degrees = np.array(lines, dtype=object)
    metric = MetricCRS.for_lon(float(shapely.total_bounds(degrees)[0]))
    return Ways.from_lines(
        metric.geometry_to_m(degrees),
        kind=[tag["highway"] for tag in tags],
        foot=[tag.get("foot") for tag in tags],
        bridge=[tag.get("bridge", "no") != "no" for tag in tags],
        tunnel=[tag.get("tunnel", "no") != "no" for tag in tags],
        layer=[int(tag.get("layer", 0)) for tag in tags],
    )


def main(paths):
    """Compare 300 places near the streets of each file with the oracle, on foot and in a wheelchair."""
    for path in paths:
        ways = real_ways(path)
        rng = np.random.default_rng(7)
        along = rng.integers(0, len(ways.x_m), 300)
        places = np.column_stack([ways.x_m[along], ways.y_m[along]]) + rng.normal(0, 60, (300, 2))
        stations = places[rng.integers(0, 300, 6)] + 3.0
        for profile in ("adult", "wheelchair"):
            reached = compare_with_oracle(ways, places, stations, profile)
            print(f"{path} {profile}: equal, {reached:.0%} reached")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
