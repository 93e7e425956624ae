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
"""Steps across a tile; a layer may have fewer."""
BLOCK_SIDE = 4
"""Tiles to a side of a block: whoever asks for one wants those beside it next."""
BUFFER = 96
"""Steps by which a tile reaches into its neighbours, so that wide lines are whole at the seam."""

_BLOCK = """
WITH tile AS MATERIALIZED (
  SELECT x, y, ST_TileEnvelope(:z, x, y) AS bounds,
         ST_Transform(ST_TileEnvelope(:z, x, y, margin => CAST(:margin AS double precision)), 4326) AS reach,
         360.0 / (2 ^ :z) / 2048 AS step
  FROM generate_series(CAST(:west AS int), CAST(:east AS int)) x, generate_series(CAST(:north AS int), CAST(:south AS int)) y
)"""

# An eighth of a CSS pixel is lost by snapping to the tile's steps; a quarter may go by simplification first, which saves most vertices.
_SHAPE = (
    "ST_AsMVTGeom(ST_Transform(ST_Simplify({geometry}, tile.step, true), 3857), tile.bounds, {extent}, {buffer}, true)"
)

# Where a tile holds thousands of grids, a step is a CSS pixel (a tile is drawn 512 pixels wide), one may go by simplification, and
# names are left out: a map asks for that of the grid under the pointer.
_FINE_FROM = 14
_COARSE_EXTENT, _COARSE_BUFFER = EXTENT // 8, 3
_GRID_EXTENT = f"CASE WHEN :z < {_FINE_FROM} THEN {_COARSE_EXTENT} ELSE {EXTENT} END"
_GRID_SHAPE = f"""ST_AsMVTGeom(ST_Transform(ST_Simplify(b.geometry, tile.step * CASE WHEN :z < {_FINE_FROM} THEN 4 ELSE 1 END, true), 3857),
    tile.bounds, {_GRID_EXTENT}, CASE WHEN :z < {_FINE_FROM} THEN {_COARSE_BUFFER} ELSE {BUFFER} END, true)"""
_NAMED_SIDE_STEPS = 160
"""A grid's name has room when the grid is about forty CSS pixels wide and high; from the deepest tiles that a map draws from, every name is told."""
_ALL_NAMES_FROM = 16

_LAYERS: dict[str, str] = {
    "backdrop": """
  SELECT {shape} AS geom, b.kind, b.name FROM backdrop b
  WHERE b.geometry && tile.reach AND (:z >= 14 OR ST_Area(b.geometry) > tile.step * tile.step * 64 OR ST_Dimension(b.geometry) = 1)
  ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 5000""",
    "backdrop_names": """
  SELECT ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(b.geometry), 3857), tile.bounds, {extent}, 0, true) AS geom, b.kind, b.name
  FROM backdrop b
  WHERE b.geometry && tile.reach AND :z >= 13 AND b.name IS NOT NULL ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 500""",
    "streets": """
  SELECT {shape} AS geom, b.kind, b.name, b.bridge, b.tunnel FROM streets b
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
  SELECT {shape} AS geom, b.code, b.name, b.floors FROM buildings b
  WHERE b.geometry && tile.reach AND :z >= 13 AND (:z >= 15 OR ST_Area(b.geometry) > tile.step * tile.step * 16)
  ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 10000""",
    "building_names": """
  SELECT ST_AsMVTGeom(ST_Transform(ST_SetSRID(ST_MakePoint(b.lon, b.lat), 4326), 3857), tile.bounds, {extent}, 0, true) AS geom, b.name
  FROM buildings b
  WHERE b.geometry && tile.reach AND :z >= 16 AND b.name IS NOT NULL ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 2000""",
    "grids": f"""
  SELECT g.* FROM (SELECT {_GRID_SHAPE} AS geom, b.code, CASE WHEN :z >= {_FINE_FROM} THEN b.name END AS name FROM grids b
    WHERE b.geometry && tile.reach AND b.valid_to IS NULL ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 10000) g
  ORDER BY g.code""",  # by code: what follows each other is alike, and compresses
    "grid_names": f"""
  SELECT ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(b.geometry), 3857), tile.bounds, {{extent}}, 0, true) AS geom, b.code, b.name
  FROM grids b
  WHERE b.geometry && tile.reach AND b.valid_to IS NULL
    AND (:z >= {_ALL_NAMES_FROM} OR ST_Area(b.geometry) > tile.step * tile.step * {_NAMED_SIDE_STEPS**2}) ORDER BY ST_Area(b.geometry) DESC, b.id LIMIT 2000""",
    "stations": """
  SELECT ST_AsMVTGeom(ST_Transform(b.geometry, 3857), tile.bounds, {extent}, {buffer}, true) AS geom, b.code, b.name, b.kind,
    (SELECT string_agg(DISTINCT s.kind, ';' ORDER BY s.kind) FROM station_services s WHERE s.station_id = b.id) AS services
  FROM stations b WHERE b.geometry && tile.reach ORDER BY b.id LIMIT 5000""",
    "renovation": """
  SELECT {shape} AS geom, b.code, b.name, r.state FROM renovations r JOIN compounds b ON b.id = r.compound_id
  WHERE b.geometry && tile.reach AND :z >= 10 ORDER BY b.id LIMIT 5000""",
    "street_units": """
  SELECT {shape} AS geom, b.code, b.name, b.kind FROM street_units b
  WHERE b.geometry && tile.reach AND :z >= 11 ORDER BY b.id LIMIT 5000""",
    "merchants": """
  SELECT ST_AsMVTGeom(ST_Transform(b.geometry, 3857), tile.bounds, {extent}, {buffer}, true) AS geom, b.code, b.name, b.kind, b.state
  FROM merchants b WHERE b.geometry && tile.reach AND :z >= 14 ORDER BY b.id LIMIT 5000""",
    "things": """
  SELECT ST_AsMVTGeom(ST_Transform(b.geometry, 3857), tile.bounds, {extent}, {buffer}, true) AS geom, b.code, b.name, b.kind, b.state
  FROM things b WHERE b.geometry && tile.reach AND :z >= 14 ORDER BY b.id LIMIT 5000""",
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
    return _made(session, layer, z, (x, x, y, y))[x, y]


def block(session: Session, layer: str, z: int, x: int, y: int) -> dict[tuple[int, int], bytes]:
    """Return a tile with its neighbours of the same block, by column and row: asked together they cost little more than one.

    Arguments and errors as of :func:`tile`.
    """
    side = min(BLOCK_SIDE, 2**z)
    west, north = x - x % side, y - y % side
    return _made(session, layer, z, (west, west + side - 1, north, north + side - 1))


def _made(session: Session, layer: str, z: int, edges: tuple[int, int, int, int]) -> dict[tuple[int, int], bytes]:
    inner = _inner(layer)
    west, east, north, south = edges
    if not (0 <= z <= MAX_ZOOM and 0 <= west <= east < 2**z and 0 <= north <= south < 2**z):
        raise NotFound(f"没有瓦片 {z}/{west}/{north} / there is no tile {z}/{west}/{north}")
    given = {"z": z, "west": west, "east": east, "north": north, "south": south, "margin": BUFFER / EXTENT}
    return {(row[0], row[1]): bytes(row[2] or b"") for row in session.execute(text(_STATEMENTS[inner]), given)}


def topics_of(layer: str) -> tuple[str, ...]:
    """Return the topics of changes that a layer shows.

    Raises:
        NotFound: no such layer.
    """
    return _TOPICS_OF[layer] if layer in _TOPICS_OF else _inner(layer)


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
        extent = _GRID_EXTENT if name == "grids" else EXTENT
        parts.append(f"(SELECT ST_AsMVT(f, '{name}', {extent}, 'geom') FROM ({rows}) f WHERE f.geom IS NOT NULL)")
    return f"{_BLOCK} SELECT tile.x, tile.y, {' || '.join(parts)} FROM tile"


_STATEMENTS = {inner: _statement(inner) for inner in LAYERS.values()}
_TOPICS_OF = {
    layer: tuple(sorted({topic for name in inner for topic in _TOPICS[name]})) for layer, inner in LAYERS.items()
}
