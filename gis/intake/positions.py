"""Positions of a sheet: points from columns or geometry, brought to EPSG:4326, and checked for what a wrong CRS does to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import is_

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gis.crs import SourceCRS
from gis.grids.geometry import REPAIR_SHARE, Repaired, repair
from gis.intake.formats.shapes import read_wkt
from gis.intake.formats.source import Batch
from gis.intake.headings import GEOMETRY
from gis.intake.parsing import NUMBER, parse_numbers
from gis.intake.sheet import MISSING, Sheet
from gis.intake.whereabouts import Gatherer, Sample

LON_BOUNDS = (73.0, 136.0)
LAT_BOUNDS = (3.0, 54.5)
"""Where a position in China can be, degrees, with a margin: the places that linli serves, and its metric zones, are there."""

POINTS = frozenset({"Point"})
LINES = frozenset({"LineString", "MultiLineString"})
POLYGONS = frozenset({"Polygon", "MultiPolygon"})
_SHAPE_WORDS = {
    POINTS: "点 / a point",
    LINES: "线 / a line",
    POLYGONS: "面 / a polygon",
    POINTS | POLYGONS: "点或面 / a point or a polygon",
    LINES | POLYGONS: "线或面 / a line or a polygon",
}
_TYPE_NAMES = np.array(
    [
        "Point",
        "LineString",
        "LinearRing",
        "Polygon",
        "MultiPoint",
        "MultiLineString",
        "MultiPolygon",
        "GeometryCollection",
        "",
    ]
)
"""By shapely's type number; −1, nothing, finds the last."""
_SAMPLE = 1000
_LEAST_DEG2 = 1e-12
"""A hundredth of a square metre: what is smaller is a line to which rounding gave an area."""
_WKB_POINT = bytes.fromhex("0101000000")
"""How a little-endian point begins."""

UNREADABLE = (
    "几何无法读取（曲线、未闭合或坐标有误） / the geometry cannot be read (a curve, an open ring or bad coordinates)"
)
SWAPPED = "经纬度可能颠倒 / longitude and latitude may be swapped"
TURNED = "东、北坐标可能颠倒：东坐标填在 lon（x）列，北坐标填在 lat（y）列 / east and north may be swapped: east belongs into lon (x), north into lat (y)"
NUMBERED = (
    "东坐标带有带号（前两位）：请用带“zone”的坐标系，如 34 带用 --crs EPSG:4522，或去掉带号 / "
    "the easting begins with a zone number: use a system with a zone, such as --crs EPSG:4522 for zone 34, or leave the first two digits out"
)
DECIMAL_COMMA = "小数点请写作“.”而不是逗号 / write the decimal mark as a point, not as a comma"
SEXAGESIMAL = "请把度分秒换成十进制度，如 102.712345 / write degrees as a decimal number, such as 102.712345, not in minutes and seconds"
PROJECTED = "像是投影坐标（米），请用 --crs 指明 / these look like metres: name their system with --crs"


@dataclass
class Positions:
    """Reads positions in one CRS; remembers where they are, and how many polygons were repaired."""

    crs: SourceCRS | None
    repaired: int = 0
    _lons: list[np.ndarray] = field(default_factory=list)
    _gatherer: Gatherer = field(default_factory=Gatherer)
    _numbers: dict[str, np.ndarray] = field(default_factory=dict)

    def points(self, sheet: Sheet, *, required: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return longitude and latitude of each row in EPSG:4326, degrees (n,), NaN where there is none or it is wrong.

        From the file's geometry or a geometry column where there is one, from ``lon`` and ``lat`` otherwise.
        """
        if sheet.batch.geometry is not None or sheet.has(GEOMETRY):
            shapes = self.shapes(sheet, POINTS, required=required)
            return shapely.get_x(shapes), shapely.get_y(shapes)
        return self._columns(sheet, required=required)

    def shapes(self, sheet: Sheet, kinds: frozenset[str], *, required: bool) -> np.ndarray:
        """Return valid geometries in EPSG:4326, two-dimensional, (n,), None where there is none or it is wrong.

        Args:
            sheet: the rows.
            kinds: the types of geometry to accept. Points are made of ``lon`` and ``lat`` where the file has no geometry.
            required: whether to reject rows without a geometry.
        """
        if sheet.batch.geometry is None and not sheet.has(GEOMETRY):
            lon, lat = self._columns(sheet, required=required)
            shapes = np.full(sheet.size, None, dtype=object)
            there = np.isfinite(lon) & np.isfinite(lat)
            shapes[there] = shapely.points(lon[there], lat[there])
            return shapes
        shapes, unreadable = _given_shapes(sheet)
        reasons = np.full(sheet.size, UNREADABLE, dtype=object)
        for at, reason in sheet.batch.why.items():
            reasons[at] = reason
        sheet.reject(unreadable, GEOMETRY, reasons)
        empty = shapely.is_empty(shapes)
        sheet.reject(empty, GEOMETRY, "几何为空 / the geometry is empty")
        shapes = _without(shapes, empty)
        if required:
            sheet.reject(shapely.is_missing(shapes) & ~unreadable & ~empty, GEOMETRY, MISSING)
        shapes = _of_kinds(sheet, _flat(shapes), kinds)
        shapes = self._to_wgs84(sheet, shapes)
        return self._valid(sheet, shapes)

    def expect(self, lon: np.ndarray, lat: np.ndarray) -> None:
        """Say where the rows of this sheet should be, about, degrees (n,), NaN where that is not known."""
        self._numbers |= {"known_lon": lon, "known_lat": lat}

    def gather(self, sheet: Sheet) -> None:
        """Put some accepted rows of a sheet that has been checked aside, to ask at the end whether they can be right."""
        if "lon" in self._numbers:
            unknown = np.full(sheet.size, np.nan)
            numbers = {"known_lon": unknown, "known_lat": unknown} | self._numbers
            self._gatherer.take(sheet.ok, numbers, sheet.text("code"))
        self._numbers = {}

    def sample(self) -> Sample | None:
        """Return the rows put aside, None where no row has a position."""
        return self._gatherer.sample()

    def median_lon(self) -> float | None:
        """Return the median longitude of what has been read, degrees, None if nothing has a position."""
        return float(np.median(np.concatenate(self._lons))) if self._lons else None

    def remember(self, lon: np.ndarray) -> None:
        """Take in some longitudes of accepted rows."""
        found = lon[np.isfinite(lon)]
        if len(found):
            self._lons.append(found[:: max(1, len(found) // _SAMPLE)].copy())  # a view would keep the whole batch
        if len(self._lons) == _SAMPLE:
            self._lons = [np.concatenate(self._lons)[::_SAMPLE].copy()]

    def _columns(self, sheet: Sheet, *, required: bool) -> tuple[np.ndarray, np.ndarray]:
        values, there = [], []
        for column in ("lon", "lat"):
            numbers, wrong = parse_numbers(sheet.text(column))
            given = sheet.given(column)
            wrong |= given & ~np.isfinite(numbers)
            comma, sexagesimal = _spelled_otherwise(sheet.text(column), numbers, wrong)
            sheet.reject(comma, column, DECIMAL_COMMA)
            sheet.reject(sexagesimal, column, SEXAGESIMAL)
            sheet.reject(wrong & ~comma & ~sexagesimal, column, NUMBER)
            values.append(np.where(np.isfinite(numbers) & ~comma, numbers, np.nan))
            there.append(given)
        for column, own, other in (("lon", there[0], there[1]), ("lat", there[1], there[0])):
            sheet.reject(~own & (other | required), column, MISSING)
        x, y = values
        whole = np.isfinite(x) & np.isfinite(y)
        lon, lat = np.full(sheet.size, np.nan), np.full(sheet.size, np.nan)
        if self.crs is not None and whole.any():
            lon[whole], lat[whole] = self.crs.to_wgs84(x[whole], y[whole])
        bad = self._off(sheet, ("lon", "lat"), (lon, lat), whole, (x, y))
        lon[bad], lat[bad] = np.nan, np.nan
        self._numbers |= {"x": x, "y": y, "lon": lon, "lat": lat}
        return lon, lat

    def _to_wgs84(self, sheet: Sheet, shapes: np.ndarray) -> np.ndarray:
        there = ~shapely.is_missing(shapes)
        points, owner = shapely.get_coordinates(shapes, return_index=True)
        broken = np.zeros(sheet.size, dtype=bool)
        broken[owner[~np.isfinite(points).all(axis=1)]] = True
        sheet.reject(broken, GEOMETRY, "坐标不是有限数 / a coordinate is not a finite number")
        there &= ~broken
        moved = np.full(sheet.size, None, dtype=object)
        if self.crs is None or not there.any():
            return moved
        drawn = np.full((sheet.size, 4), np.nan)
        drawn[there] = shapely.bounds(shapes[there])
        if self.crs.is_wgs84:
            moved[there], box = shapes[there], drawn.copy()
        else:
            moved[there], box = self.crs.geometry_to_wgs84(shapes[there]), np.full((sheet.size, 4), np.nan)
            box[there] = shapely.bounds(moved[there])
            # A transformation that fails leaves infinite coordinates, of which bounds would speak only sometimes.
            images, owner = shapely.get_coordinates(moved, return_index=True)
            box[owner[~np.isfinite(images).all(axis=1)]] = np.inf
        columns = (GEOMETRY, GEOMETRY)
        bad = self._off(sheet, columns, (box[:, 0], box[:, 1]), there, (drawn[:, 0], drawn[:, 1]))
        bad |= self._off(sheet, columns, (box[:, 2], box[:, 3]), there & ~bad, (drawn[:, 2], drawn[:, 3]))
        moved[bad] = None
        self._numbers |= _middles(drawn, "x", "y") | _middles(box, "lon", "lat")
        return moved

    def _valid(self, sheet: Sheet, shapes: np.ndarray) -> np.ndarray:
        """Repair polygons where that changes next to nothing; reject lines without length."""
        kinds = shapely.get_type_id(shapes)
        flat = np.isin(kinds, [1, 5]) & (shapely.length(shapes) == 0)
        sheet.reject(flat, GEOMETRY, "线的长度为零 / the line has no length")
        shapes = _without(shapes, flat)
        polygonal = np.isin(kinds, [3, 6])
        valid = np.ones(sheet.size, dtype=bool)
        valid[polygonal] = shapely.is_valid(shapes[polygonal])
        flat = polygonal & valid & (shapely.area(shapes) < _LEAST_DEG2)
        sheet.reject(flat, GEOMETRY, "面的面积为零 / the polygon has no area")
        shapes = _without(shapes, flat)
        broken = np.flatnonzero(~valid)
        if len(broken) == 0:
            return shapes
        mended = repair(shapes[broken])
        good = mended.share <= REPAIR_SHARE  # NaN, nothing left, is not
        shapes[broken[good]] = mended.geometries[good]
        shapes[broken[~good]] = None
        self.repaired += int(good.sum())
        bad, reasons = np.zeros(sheet.size, dtype=bool), np.full(sheet.size, "", dtype=object)
        for i in np.flatnonzero(~good).tolist():
            bad[broken[i]] = True
            reasons[broken[i]] = _fault_of(mended, i)
        sheet.reject(bad, GEOMETRY, reasons)
        return shapes

    def _off(
        self,
        sheet: Sheet,
        columns: tuple[str, str],
        position: tuple[np.ndarray, np.ndarray],
        there: np.ndarray,
        given: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        """Reject positions that cannot be in China, and say what may have gone wrong.

        Args:
            sheet: the rows.
            columns: what to call longitude and latitude.
            position: longitudes and latitudes in EPSG:4326 (n,), infinite where the transformation failed.
            there: which rows have a position.
            given: the coordinates as given (n,).

        Returns:
            The rejected rows, bool (n,).
        """
        (lon, lat), (x, y) = position, given
        with np.errstate(invalid="ignore"):
            zero = there & (x == 0) & (y == 0)
            lon_off = there & ~zero & ~_within(lon, LON_BOUNDS)
            lat_off = there & ~zero & ~_within(lat, LAT_BOUNDS)
            off = lon_off | lat_off
            swapped = off & _within(lat, LON_BOUNDS) & _within(lon, LAT_BOUNDS)
            metres = off & ~swapped & (np.abs(lon) > 360) & (np.abs(lon) == np.abs(x))
            numbered = off & (x // 1_000_000 >= 25) & (x // 1_000_000 <= 45)
        axes = np.zeros_like(off)
        if self.crs is not None and self.crs.is_projected and (off & ~numbered).any():
            at = np.flatnonzero(off & ~numbered)
            turned_lon, turned_lat = self.crs.to_wgs84(y[at], x[at])
            axes[at] = _within(turned_lon, LON_BOUNDS) & _within(turned_lat, LAT_BOUNDS)
        sheet.reject(zero, columns[0], "坐标为 0,0 / the position is 0,0")
        sheet.reject(swapped, columns[0], SWAPPED)
        sheet.reject(axes, columns[0], TURNED)
        sheet.reject(numbered, columns[0], NUMBERED)
        sheet.reject(metres & ~numbered, columns[0], PROJECTED)
        plain = ~swapped & ~metres & ~axes & ~numbered
        sheet.reject(
            lon_off & plain,
            columns[0],
            "经度超出范围（中国 73–136） / longitude out of range (China: 73 to 136)",
        )
        sheet.reject(lat_off & plain, columns[1], "纬度超出范围（中国 3–54） / latitude out of range (China: 3 to 54)")
        return zero | off


def _spelled_otherwise(text: pa.Array, numbers: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells write the decimal mark as a comma, and which are degrees, minutes and seconds; bool (n,) each.

    A comma that stands for thousands, ``2,766,000.5``, is none.
    """
    with np.errstate(invalid="ignore"):
        if not (wrong.any() or (np.abs(numbers) > 360).any()):
            return np.zeros_like(wrong), np.zeros_like(wrong)
        # 102,7123 is no way to write thousands, and 102,712 no degrees: neither is guessed at.
        comma = _matches(text, r"^[+-]?\d{1,3}[,，]\d+$") & (
            wrong | ((np.abs(numbers) > 360) & (np.abs(numbers) < 360_000))
        )
    return comma, (wrong | (np.abs(numbers) > 360)) & ~comma & _matches(text, r"[°º′″'\"度分秒]|^\d{1,3}\s+\d{1,2}\s")


def _matches(text: pa.Array, pattern: str) -> np.ndarray:
    found = pc.fill_null(pc.match_substring_regex(text, pattern), False)
    return np.asarray(found.to_numpy(zero_copy_only=False))


def _middles(boxes: np.ndarray, x: str, y: str) -> dict[str, np.ndarray]:
    """Return the middles of boxes (n, 4) by name."""
    return {x: (boxes[:, 0] + boxes[:, 2]) / 2, y: (boxes[:, 1] + boxes[:, 3]) / 2}


def _within(values: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    return (values >= bounds[0]) & (values <= bounds[1])


def _given_shapes(sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Return the geometries of the file, or those written as WKT in a column, and which cannot be read."""
    if sheet.batch.geometry is not None:
        unreadable = sheet.batch.unreadable
        return sheet.batch.geometry.copy(), np.zeros(
            sheet.size, dtype=bool
        ) if unreadable is None else unreadable.copy()
    return read_wkt(np.array(sheet.text(GEOMETRY).to_pylist(), dtype=object))


def _of_kinds(sheet: Sheet, shapes: np.ndarray, kinds: frozenset[str]) -> np.ndarray:
    """Reject geometries of another type than is needed; what is one by another name (a collection of one) is taken."""
    types = shapely.get_type_id(shapes)
    collection = np.flatnonzero(np.isin(types, [4, 7]))
    collection = collection[shapely.get_num_geometries(shapes[collection]) == 1]
    if len(collection):  # each look into one makes a copy of it
        shapes = shapes.copy()
        shapes[collection] = shapely.get_geometry(shapes[collection], 0)
        types = shapely.get_type_id(shapes)
    wrong = np.array([*(name not in kinds for name in _TYPE_NAMES[:-1]), False])
    other = wrong[types]
    if not other.any():
        return shapes
    names = _TYPE_NAMES[types]
    wanted, english = _SHAPE_WORDS[kinds].split(" / ")
    reasons = np.array(
        [
            f"需要{wanted}，得到 {name} / {english} is needed, not a {name}" if bad else ""
            for name, bad in zip(names, other, strict=True)
        ],
        dtype=object,
    )
    sheet.reject(other, GEOMETRY, reasons)
    return _without(shapes, other)


def _flat(shapes: np.ndarray) -> np.ndarray:
    """Return geometries without heights and measures; copies only where there are any."""
    high = shapely.get_coordinate_dimension(shapes) > 2
    if not high.any():
        return shapes
    left = shapes.copy()
    left[high] = shapely.force_2d(shapes[high])
    return left


def _without(shapes: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Return geometries with None where they are bad; the very array where none is."""
    if not bad.any():
        return shapes
    left = shapes.copy()
    left[bad] = None
    return left


def _fault_of(mended: Repaired, i: int) -> str:
    share, lon, lat = mended.share[i], mended.lon[i], mended.lat[i]
    chinese, english = (f"，位于 {lon:.6f},{lat:.6f}", f", at {lon:.6f},{lat:.6f}") if np.isfinite(lon) else ("", "")
    change = "无法修复，请重画" if np.isnan(share) else f"自动修复会改变面积 {share:.1%}"
    said = (
        "it cannot be repaired: draw it again" if np.isnan(share) else f"a repair would change {share:.1%} of its area"
    )
    return f"面无效（{mended.reason_zh[i]}）{chinese}；{change} / the polygon is not valid ({mended.reason[i]}){english}; {said}"


def as_wkb(shapes: np.ndarray, came: Batch | None = None) -> pa.Array:
    """Return geometries as WKB (n,), null where None; a column of geometries adds the SRID. Those of the batch they ``came`` in need not be written again."""
    given = came.geometry if came is not None and came.wkb is not None else None
    if came is not None and given is not None and len(given) == len(shapes) and all(map(is_, shapes, given)):
        return came.wkb
    return pa.array(np.atleast_1d(shapely.to_wkb(shapes)), pa.large_binary())


def points_as_wkb(lon: np.ndarray, lat: np.ndarray) -> pa.Array:
    """Return points as WKB (n,), null where a coordinate is NaN."""
    size = len(_WKB_POINT) + 16
    written = np.empty((len(lon), size), dtype=np.uint8)
    written[:, :-16] = np.frombuffer(_WKB_POINT, np.uint8)
    written[:, -16:] = np.column_stack([lon, lat]).astype("<f8").view(np.uint8)
    points = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(lon), [None, pa.py_buffer(written)])
    missing = pa.array(np.isnan(lon) | np.isnan(lat))
    return pc.if_else(missing, pa.scalar(None, points.type), points)


def as_multi(shapes: np.ndarray) -> np.ndarray:
    """Return polygons as multipolygons (n,), as columns of areas and grids hold them."""
    single = shapely.get_type_id(shapes) == 3
    result = shapes.copy()
    result[single] = shapely.multipolygons(shapes[single][:, None]) if single.any() else []
    return result
