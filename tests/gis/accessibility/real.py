"""Real ways of OpenStreetMap from the folder beside the repository; tests that need it are left out where it is absent."""

from pathlib import Path

import numpy as np
import osmium
import shapely

from gis.accessibility.ways import Ways
from gis.crs import MetricCRS

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
FILES = [
    path
    for path in (
        DATA / "haidian" / "beijing_tsinghua.osm.pbf",
        DATA / "haidian" / "beijing_xueqing.osm.pbf",
        DATA / "guixi" / "guixi.osm.pbf",
    )
    if path.is_file()
]


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
