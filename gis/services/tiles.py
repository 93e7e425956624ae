"""Mapbox Vector Tiles of what everybody signed in may see: the base map, grids, buildings, streets, stations, merchants, things. Nothing
about people.

A tile is bounded however much lies in it: shapes are simplified to what the zoom can show, small things appear only when zoomed in, and
each layer takes its most important features up to a limit.

Source of the tile scheme: Web Mercator "XYZ" tiles as in OGC Two Dimensional Tile Matrix Set (17-083r4), WebMercatorQuad; of the format: Mapbox
Vector Tile specification 2.1. Web Mercator is only drawn in here, never measured in.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound

MAX_ZOOM = 22
EXTENT = 4096
"""Steps across a tile."""
BUFFER = 96
"""Steps by which a tile reaches into its neighbours, so that wide lines are whole at the seam."""

_CELL = """
WITH tile AS MATERIALIZED (
  SELECT ST_TileEnvelope(:z, :x, :y) AS bounds,
         ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => CAST(:margin AS double precision)), 4326) AS reach,
         360.0 / (2 ^ :z) / 2048 AS step
)"""

# An eighth of a CSS pixel is lost by snapping to the tile's steps; a quarter may go by simplification first, which saves most vertices.
_SHAPE = "ST_AsMVTGeom(ST_Transform(ST_Simplify({geometry}, tile.step, true), 3857), tile.bounds, {extent}, {buffer}, true)"

_LAYERS: dict[str, str] = {
    "backdrop": """
  SELECT {shape} AS geom, b.kind, b.name FROM backdrop b, tile
  WHERE b.geometry && tile.reach AND (:z >= 14 OR ST_Area(b.geometry) > tile.step * tile.step * 64 OR ST_Dimension(b.geometry) = 1)
  ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 5000""",
    "backdrop_names": """
  SELECT ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(b.geometry), 3857), tile.bounds, {extent}, 0, true) AS geom, b.kind, b.name
  FROM backdrop b, tile
  WHERE b.geometry && tile.reach AND :z >= 13 AND b.name IS NOT NULL ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 500""",
    "streets": """
  SELECT {shape} AS geom, b.kind, b.name, b.bridge, b.tunnel FROM streets b, tile
  WHERE b.geometry && tile.reach AND :z >= CASE
    WHEN b.kind IN ('motorway', 'trunk') THEN 8
    WHEN b.kind IN ('primary', 'motorway_link', 'trunk_link') THEN 10
    WHEN b.kind IN ('secondary', 'primary_link') THEN 11
    WHEN b.kind IN ('tertiary', 'secondary_link', 'tertiary_link') THEN 12
    WHEN b.kind IN ('residential', 'unclassified', 'living_street', 'pedestrian', 'road') THEN 13
    ELSE 15 END
  ORDER BY CASE WHEN b.kind LIKE 'motorway%' OR b.kind LIKE 'trunk%' THEN 0 WHEN b.kind LIKE 'primary%' THEN 1
    WHEN b.kind LIKE 'secondary%' THEN 2 WHEN b.kind LIKE 'tertiary%' THEN 3 ELSE 4 END, ST_Length(b.geometry) DESC, b.id LIMIT 10000""",
    "buildings": """
  SELECT {shape} AS geom, b.code, b.name, b.floors FROM buildings b, tile
  WHERE b.geometry && tile.reach AND :z >= 13 AND (:z >= 15 OR ST_Area(b.geometry) > tile.step * tile.step * 16)
  ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 10000""",
    "building_names": """
  SELECT ST_AsMVTGeom(ST_Transform(ST_SetSRID(ST_MakePoint(b.lon, b.lat), 4326), 3857), tile.bounds, {extent}, 0, true) AS geom, b.name
  FROM buildings b, tile
  WHERE b.geometry && tile.reach AND :z >= 16 AND b.name IS NOT NULL ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 2000""",
    "grids": """
  SELECT {shape} AS geom, b.code, b.name FROM grids b, tile
  WHERE b.geometry && tile.reach AND b.valid_to IS NULL ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 10000""",
    "grid_names": """
  SELECT ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(b.geometry), 3857), tile.bounds, {extent}, 0, true) AS geom, b.code, b.name
  FROM grids b, tile
  WHERE b.geometry && tile.reach AND b.valid_to IS NULL AND :z >= 11 ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 2000""",
    "stations": """
  SELECT ST_AsMVTGeom(ST_Transform(b.geometry, 3857), tile.bounds, {extent}, {buffer}, true) AS geom, b.code, b.name, b.kind,
    (SELECT string_agg(DISTINCT s.kind, ';' ORDER BY s.kind) FROM station_services s WHERE s.station_id = b.id) AS services
  FROM stations b, tile WHERE b.geometry && tile.reach ORDER BY b.id LIMIT 5000""",
    "renovation": """
  SELECT {shape} AS geom, b.code, b.name, r.state FROM renovations r JOIN compounds b ON b.id = r.compound_id, tile
  WHERE b.geometry && tile.reach AND :z >= 10 ORDER BY b.id LIMIT 5000""",
    "street_units": """
  SELECT {shape} AS geom, b.code, b.name, b.kind FROM street_units b, tile
  WHERE b.geometry && tile.reach AND :z >= 11 ORDER BY b.id LIMIT 5000""",
    "merchants": """
  SELECT ST_AsMVTGeom(ST_Transform(b.geometry, 3857), tile.bounds, {extent}, {buffer}, true) AS geom, b.code, b.name, b.kind, b.state
  FROM merchants b, tile WHERE b.geometry && tile.reach AND :z >= 14 ORDER BY b.id LIMIT 5000""",
    "things": """
  SELECT ST_AsMVTGeom(ST_Transform(b.geometry, 3857), tile.bounds, {extent}, {buffer}, true) AS geom, b.code, b.name, b.kind, b.state
  FROM things b, tile WHERE b.geometry && tile.reach AND :z >= 14 ORDER BY b.id LIMIT 5000""",
}

LAYERS: dict[str, tuple[str, ...]] = {
    "base": ("backdrop", "backdrop_names", "streets", "buildings", "building_names"),
    "grids": ("grids", "grid_names"),
    "buildings": ("buildings", "building_names"),
    "streets": ("streets",),
    "stations": ("stations",),
    "backdrop": ("backdrop", "backdrop_names"),
    "renovation": ("renovation",),
    "street_units": ("street_units",),
    "merchants": ("merchants",),
    "things": ("things",),
}
"""Layer of the address → the layers inside its tiles; ``base`` is the whole base map in one request."""

_TOPICS: dict[str, tuple[str, ...]] = {
    "backdrop": ("backdrop",),
    "backdrop_names": ("backdrop",),
    "streets": ("streets",),
    "buildings": ("buildings",),
    "building_names": ("buildings",),
    "grids": ("grids",),
    "grid_names": ("grids",),
    "stations": ("stations",),
    "renovation": ("layers", "buildings"),
    "street_units": ("layers",),
    "merchants": ("layers",),
    "things": ("layers",),
}


def tile(session: Session, layer: str, z: int, x: int, y: int) -> bytes:
    """Return a vector tile; empty bytes where nothing lies.

    Args:
        session: of a signed-in account.
        layer: a key of :data:`LAYERS`.
        z: zoom, 0 to 22.
        x: column from the west, 0 to 2^z - 1.
        y: row from the north, 0 to 2^z - 1.

    Raises:
        NotFound: no such layer or no such tile.
    """
    inner = _inner(layer)
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFound(f"没有瓦片 {z}/{x}/{y} / there is no tile {z}/{x}/{y}")
    return bytes(
        session.scalar(text(_STATEMENTS[inner]), {"z": z, "x": x, "y": y, "margin": BUFFER / EXTENT}) or b""
    )


def tile_version(session: Session, layer: str) -> str:
    """Return what a tile's ETag may be made of: it changes with whatever the layer shows.

    Raises:
        NotFound: no such layer.
    """
    topics = sorted({topic for inner in _inner(layer) for topic in _TOPICS[inner]})
    rows = session.execute(
        text("SELECT topic, newest, changes FROM linli_versions() WHERE topic = ANY(:topics) ORDER BY topic"),
        {"topics": topics},
    )
    return "-".join(f"{topic[:2]}{newest}.{changes}" for topic, newest, changes in rows) or "0"


def _inner(layer: str) -> tuple[str, ...]:
    if layer not in LAYERS:
        raise NotFound(
            f"没有图层 {layer}；可选 {'、'.join(LAYERS)} / there is no layer {layer}; choices: {', '.join(LAYERS)}"
        )
    return LAYERS[layer]


def _statement(inner: tuple[str, ...]) -> str:
    """Return one statement for a tile: vector tiles may be joined end to end, a layer after another."""
    shape = _SHAPE.format(geometry="b.geometry", extent=EXTENT, buffer=BUFFER)
    parts = []
    for name in inner:
        rows = _LAYERS[name].format(shape=shape, extent=EXTENT, buffer=BUFFER)
        parts.append(
            f"(SELECT ST_AsMVT(f, '{name}', {EXTENT}, 'geom') FROM ({rows}) f WHERE f.geom IS NOT NULL)"
        )
    return f"{_CELL} SELECT {' || '.join(parts)}"


_STATEMENTS = {inner: _statement(inner) for inner in LAYERS.values()}
