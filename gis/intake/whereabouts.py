"""Whether a file stands where the place is: the mark of a wrong CRS or of swapped axes, told by what is already known.

GCJ-02 taken for WGS 84 moves everything some 360 m, BD-09 some 870 m, always the same way. So the file's own positions are compared with
known ones under every reading that could have been meant: as declared, and as others. A reading is only ever suggested, never taken.

Three witnesses are heard, the surest first, and the first that knows anything settles it: the known position of the same thing (a household's
building, a stored row of the same code), whether points fall on known buildings, and whether they fall into grids.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import numpy as np
import pyarrow as pa
import pyproj
from sqlalchemy import Connection, text

from gis.crs import SourceCRS

MOST = 1000
"""So many rows at most are looked at."""
_PER_BATCH = 200
_FEWEST = 3
_FEWEST_AT_BUILDINGS = 20
_NEAR_M = 60.0
"""A position of its own this near to the building is at it: a gate, an entrance."""
_OFF_M = 100.0
_IN_PLACES = ("compounds", "buildings", "households", "stations")
"""Kinds whose things lie in grids and at buildings."""
_DEGREES = ("EPSG:4326", "GCJ-02", "BD-09")
_GAUSS_KRUEGER = range(4534, 4555)
_EARTH = pyproj.Geod(ellps="WGS84")

SWAPPED_AXES = "swapped"
"""The reading in which east and north have changed places."""

Hits = Callable[[np.ndarray, np.ndarray], np.ndarray | None]
Reading = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Sample:
    """Some accepted rows: coordinates as given, positions as read (degrees, EPSG:4326), known positions (NaN: none), codes; each (n,)."""

    x: np.ndarray
    y: np.ndarray
    lon: np.ndarray
    lat: np.ndarray
    known_lon: np.ndarray
    known_lat: np.ndarray
    codes: np.ndarray

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.lon)


@dataclass
class Gatherer:
    """Takes in a few rows of every batch."""

    _parts: list[Sample] = field(default_factory=list)

    def take(self, ok: np.ndarray, numbers: dict[str, np.ndarray], codes: pa.Array) -> None:
        """Take in some of the accepted rows of a batch that have a position.

        Args:
            ok: which rows are accepted, bool (n,).
            numbers: the numbers of a :class:`Sample` by name, each (n,).
            codes: text (n,).
        """
        at = np.flatnonzero(ok & np.isfinite(numbers["lon"]) & np.isfinite(numbers["lat"]))
        room = min(MOST - sum(part.size for part in self._parts), _PER_BATCH)
        if room <= 0 or len(at) == 0:
            return
        at = at[np.linspace(0, len(at) - 1, min(room, len(at))).astype(np.int64)]
        picked = {name: values[at] for name, values in numbers.items()}
        self._parts.append(Sample(**picked, codes=np.array(codes.take(pa.array(at)).to_pylist(), dtype=object)))

    def sample(self) -> Sample | None:
        """Return what was gathered, None where there is nothing."""
        if not self._parts:
            return None
        names = [each.name for each in fields(Sample)]
        return Sample(**{name: np.concatenate([getattr(part, name) for part in self._parts]) for name in names})


def question(
    connection: Connection,
    kind: str,
    sample: Sample,
    system: SourceCRS,
    in_grids: Hits | None = None,
    *,
    is_first: bool = False,
) -> str | None:
    """Return what to ask the user about the whole file, 中文 / English; None where all seems right or nothing is known.

    Args:
        connection: an open transaction; the file is not yet written, unless it ``is_first``.
        kind: what the file holds.
        sample: rows of the file.
        system: how it was read.
        in_grids: which positions are in grids, where the caller knows; the database is asked otherwise.
        is_first: nothing of the kind was stored before this file.
    """
    readings = _readings(system)
    stored = kind in _STORED and not is_first
    if stored:
        lon, lat = _stored_positions(connection, kind, sample.codes)
        sample = replace(sample, known_lon=lon, known_lat=lat)
    settled, said = _ask_known(sample, readings, system)
    if said and stored:
        chinese, english = said.split(" / ", 1)
        said = f"{chinese}；若有误的是库中旧位置，可不理会 / {english}; if what was stored before was wrong, never mind"
    if settled or kind not in _IN_PLACES:
        return said
    if not (kind == "buildings" and is_first):  # they would be found where they themselves are
        settled, said = _ask_places(
            sample, readings, system, lambda lon, lat: _hits(connection, _AT_BUILDINGS, lon, lat), _judge_buildings
        )
        if settled:
            return said
    return _ask_places(
        sample, readings, system, in_grids or (lambda lon, lat: _hits(connection, _IN_GRIDS, lon, lat)), _judge_grids
    )[1]


def _stored_positions(connection: Connection, kind: str, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where stored rows of some codes are, degrees (n,), NaN where there is none: the middle of their boxes."""
    rows = connection.execute(text(_STORED[kind]), {"codes": [str(code) for code in codes if code]}).all()
    known = {code: (lon, lat) for code, lon, lat in rows}
    found = np.array([known.get(code, (np.nan, np.nan)) for code in codes], dtype=float).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _readings(system: SourceCRS) -> dict[str, Reading]:
    """Return the other ways in which the file's coordinates could have been meant, by name."""
    name = "EPSG:4326" if system.name == "EPSG:4490" else system.name
    if name in _DEGREES:
        return {other: SourceCRS(other).to_wgs84 for other in _DEGREES if other != name}
    readings: dict[str, Reading] = {SWAPPED_AXES: lambda x, y: system.to_wgs84(y, x)}
    match = re.fullmatch(r"EPSG:(\d+)", name)
    number = int(match[1]) if match else 0
    for other in (number - 1, number + 1):
        if number in _GAUSS_KRUEGER and other in _GAUSS_KRUEGER:
            readings[f"EPSG:{other}"] = SourceCRS(f"EPSG:{other}").to_wgs84
    return readings


def _ask_known(sample: Sample, readings: dict[str, Reading], system: SourceCRS) -> tuple[bool, str | None]:
    """Compare with known positions of the same things; return whether they settle it, and what they say."""
    there = np.isfinite(sample.known_lon) & np.isfinite(sample.known_lat)
    count = int(there.sum())
    if count < _FEWEST:
        return False, None
    known_lon, known_lat = sample.known_lon[there], sample.known_lat[there]
    bearing, distance_m = _offset(known_lon, known_lat, sample.lon[there], sample.lat[there])
    off_m = float(np.median(distance_m))
    if off_m < _OFF_M:
        return True, None
    best_m, best = min(
        (float(np.median(_offset(known_lon, known_lat, *reading(sample.x[there], sample.y[there]))[1])), name)
        for name, reading in readings.items()
    )
    chinese = f"{count} 处与已知位置整体相差约 {off_m:.0f} 米"
    english = f"{count} positions are typically {off_m:.0f} m from where the same things are known to be"
    if best_m <= _NEAR_M and best_m * 4 <= off_m:
        return True, _suggest(chinese, english, best, system)
    turn = np.radians(bearing)
    east, north = np.median(distance_m * np.sin(turn)), np.median(distance_m * np.cos(turn))
    spread_m = np.median(np.hypot(distance_m * np.sin(turn) - east, distance_m * np.cos(turn) - north))
    if spread_m * 4 <= np.hypot(east, north):
        return True, (
            f"{chinese}（向东 {east:.0f}、向北 {north:.0f} 米），方向一致：请核对坐标系 {system.name} / "
            f"{english}, all the same way ({east:.0f} m east, {north:.0f} m north): check the CRS {system.name}"
        )
    return False, None


def _ask_places(
    sample: Sample,
    readings: dict[str, Reading],
    system: SourceCRS,
    hits: Hits,
    judge: Callable[[np.ndarray, dict[str, np.ndarray]], tuple[bool, str | None, str, str]],
) -> tuple[bool, str | None]:
    """Ask which points fall where points should, as read and in other readings."""
    if sample.size < _FEWEST:
        return False, None
    as_read = hits(sample.lon, sample.lat)
    if as_read is None:  # nothing is known
        return False, None
    if as_read.mean() >= 0.99:
        return True, None
    others = {}
    for name, reading in readings.items():
        lon, lat = reading(sample.x, sample.y)
        there = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
        found = hits(np.where(there, lon, 0.0), np.where(there, lat, 0.0))
        others[name] = there & found if found is not None else np.zeros(sample.size, dtype=bool)
    settled, best, chinese, english = judge(as_read, others)
    return settled, _suggest(chinese, english, best, system) if best else None


def _judge_buildings(as_read: np.ndarray, others: dict[str, np.ndarray]) -> tuple[bool, str | None, str, str]:
    best = max(others, key=lambda name: int(others[name].sum()), default=None)
    if best is None or len(as_read) < _FEWEST_AT_BUILDINGS:
        return False, None, "", ""
    now, then = float(as_read.mean()), float(others[best].mean())
    if now >= 0.5 and now >= then:
        return True, None, "", ""
    if then < 0.7 or then - now < 0.35:
        return False, None, "", ""
    return (
        True,
        best,
        f"抽查的 {len(as_read)} 处只有 {now:.0%} 落在已知楼栋上，换一种坐标系有 {then:.0%}",
        f"of {len(as_read)} positions looked at only {now:.0%} are at known buildings, {then:.0%} would be in another system",
    )


def _judge_grids(as_read: np.ndarray, others: dict[str, np.ndarray]) -> tuple[bool, str | None, str, str]:
    count, outside = len(as_read), int((~as_read).sum())
    for name, found in sorted(others.items(), key=lambda item: -int(item[1].sum())):
        gained, lost = int((found & ~as_read).sum()), int((as_read & ~found).sum())
        if found.mean() >= 0.98 and gained >= max(_FEWEST, count / 20) and lost * 20 <= gained:
            return (
                True,
                name,
                f"抽查的 {count} 处有 {outside} 处不在任何网格内，换一种坐标系则有 {gained} 处落入网格",
                f"of {count} positions looked at {outside} are in no grid, {gained} of which would be in another system",
            )
    return False, None, "", ""


def _suggest(chinese: str, english: str, reading: str, system: SourceCRS) -> str:
    if reading == SWAPPED_AXES:
        return (
            f"{chinese}：东、北坐标可能颠倒，请核对后对调两列重新导入（linli 不作猜测） / "
            f"{english}: east and north may be swapped; check, swap the columns and import again (linli does not guess)"
        )
    return (
        f"{chinese}：坐标像是 {reading} 而不是 {system.name}，请核对后用 --crs {reading} 重新导入（linli 不作猜测） / "
        f"{english}: they look like {reading}, not {system.name}; check, and import again with --crs {reading} (linli does not guess)"
    )


def _offset(
    from_lon: np.ndarray, from_lat: np.ndarray, lon: np.ndarray, lat: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return bearing in degrees and distance in metres (n,), infinite where a position has no image."""
    there = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90)
    bearing, _, distance_m = _EARTH.inv(
        from_lon, from_lat, np.where(there, lon, from_lon), np.where(there, lat, from_lat)
    )
    return bearing, np.where(there, distance_m, np.inf)


def _hits(connection: Connection, query: str, lon: np.ndarray, lat: np.ndarray) -> np.ndarray | None:
    """Return which points the query finds, bool (n,); None where there is nothing to be found at all."""
    found = connection.execute(text(query), {"lon": lon.tolist(), "lat": lat.tolist()}).scalar_one()
    return None if found is None else np.array(found, dtype=bool)


_POINTS = (
    "unnest(CAST(:lon AS double precision[]), CAST(:lat AS double precision[])) WITH ORDINALITY AS p (lon, lat, n)"
)
# Some 10 m round a point in degrees, at our latitudes: what is on or beside a building.
_AT_BUILDINGS = f"""
SELECT CASE WHEN EXISTS (SELECT FROM buildings) THEN (SELECT array_agg(EXISTS (
  SELECT FROM buildings b WHERE ST_DWithin(b.geometry, ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326), 0.0001)) ORDER BY p.n)
FROM {_POINTS}) END"""
_IN_GRIDS = f"""
SELECT CASE WHEN EXISTS (SELECT FROM grids WHERE valid_to IS NULL) THEN (SELECT array_agg(EXISTS (
  SELECT FROM grids g WHERE g.valid_to IS NULL AND ST_Intersects(g.geometry, ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326))) ORDER BY p.n)
FROM {_POINTS}) END"""
_STORED = {
    table: f"SELECT code, (ST_XMin(geometry) + ST_XMax(geometry)) / 2, (ST_YMin(geometry) + ST_YMax(geometry)) / 2 "
    f"FROM {table} WHERE code = ANY(:codes) AND geometry IS NOT NULL"
    for table in ("areas", "grids", "compounds", "buildings", "stations", "streets", "backdrop")
}
