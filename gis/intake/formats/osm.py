"""OpenStreetMap files (.osm, .osm.pbf): streets, buildings, stations and backdrop by the tags of :mod:`osm_tags`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pyarrow as pa
import shapely
from osmium.filter import KeyFilter
from osmium.osm import Area, Node, Relation, Way

from gis.accessibility.hours import check_hours
from gis.crs import WGS84
from gis.errors import Fault, Invalid
from gis.intake.formats import osm_tags
from gis.intake.formats.source import BATCH_ROWS, Batch, Source

HEADINGS = {
    "streets": ["code", "name", "kind", "foot", "bridge", "tunnel", "layer"],
    "buildings": ["code", "name", "kind", "floors"],
    "stations": ["code", "name", "kind", "services", "capacity"],
    "backdrop": ["code", "name", "kind"],
}
_COLUMNS: dict[str, Callable[[dict[str, str]], dict[str, str | None] | None]] = {
    "streets": osm_tags.street,
    "buildings": osm_tags.building,
    "stations": osm_tags.station,
    "backdrop": osm_tags.backdrop,
}


def open_osm(path: Path, name: str, kind: str) -> Source:
    """Open an OpenStreetMap file for one kind of import.

    Codes are ``osm:`` with the object's type and number, such as ``osm:w123``. Opening hours that are not in the notation are left out
    with a notice.

    Raises:
        Invalid: OSM files do not serve this kind.
    """
    if kind not in HEADINGS:
        kinds = "、".join(HEADINGS)
        message = f"OSM 文件只能导入 {kinds} / OSM files serve only {', '.join(HEADINGS)}"
        raise Invalid(f"{name} 不能作为 {kind} 导入 / {name} cannot be imported as {kind}", [Fault(name, message)])
    notices: list[str] = []
    return Source(
        headings=HEADINGS[kind],
        batches=lambda: _batches(path, name, kind, notices),
        crs=WGS84,
        has_geometry=True,
        notices=notices,
    )


def _batches(path: Path, name: str, kind: str, notices: list[str]) -> Iterator[Batch]:
    reader = _Reader(kind)
    try:
        for thing in _things(path, kind):
            reader.take(thing)
            if len(reader.cells) == BATCH_ROWS:
                yield reader.batch()
    except (osmium.InvalidLocationError, RuntimeError, OSError, ValueError) as error:
        message = "OSM 文件损坏或不完整 / the OSM file is damaged or not complete"
        raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(name, message)]) from error
    reader.take_unbuilt()
    if reader.unnamed:
        notices.append(
            f"{reader.unnamed} 个站点没有名称，以类别为名 / {reader.unnamed} stations without a name are called by their kind"
        )
    if reader.unread_hours:
        notices.append(
            f"{reader.unread_hours} 个站点的营业时间看不懂，按全天开放 / "
            f"the hours of {reader.unread_hours} stations cannot be read: taken as always open"
        )
    yield reader.batch()


def _things(path: Path, kind: str) -> Iterator[Any]:
    keys = KeyFilter(*osm_tags.KEYS[kind])
    if kind == "streets":
        ways = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations().with_filter(keys)
        return (way for way in ways if isinstance(way, Way))
    return iter(osmium.FileProcessor(str(path)).with_locations().with_areas(keys).with_filter(keys))


class _Reader:
    """Gathers the rows of a batch.

    Closed ways become polygons here rather than by osmium's assembler, which leaves out those that are invalid in silence;
    relations need the assembler, so those that it leaves out are remembered.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.cells: list[dict[str, str | None]] = []
        self.unnamed = self.unread_hours = 0
        self._shapes: list[shapely.Geometry | None] = []
        self._first = 1
        self._factory = osmium.geom.WKBFactory()
        self._unbuilt: dict[int, dict[str, str | None]] = {}

    def take(self, thing: Any) -> None:
        """Take in an object if its tags say that it is of the kind."""
        if isinstance(thing, Area) and thing.from_way():
            return
        tags = {tag.k: tag.v for tag in thing.tags}
        found = _COLUMNS[self.kind](tags)
        if found is None or not self._is_drawn(thing, tags):
            return
        found["code"] = _code(thing)
        if isinstance(thing, Relation):
            if tags.get("type") == "multipolygon":
                self._unbuilt[thing.id] = found
            return
        if isinstance(thing, Area):
            self._unbuilt.pop(thing.orig_id(), None)
        self._add(found, self._shape(thing, tags))

    def take_unbuilt(self) -> None:
        """Take in the relations of which no area could be built, without geometry: they will be rejected."""
        for found in self._unbuilt.values():
            self._add(found, None)

    def batch(self) -> Batch:
        """Return what has been gathered and begin anew."""
        headings = HEADINGS[self.kind]
        rows = np.arange(self._first, self._first + len(self.cells), dtype=np.int64)
        columns = [pa.array([cell.get(heading) for cell in self.cells], pa.string()) for heading in headings]
        geometry = np.empty(len(self._shapes), dtype=object)
        geometry[:] = self._shapes
        self._first += len(self.cells)
        self.cells, self._shapes = [], []
        return Batch(rows, columns, geometry, shapely.is_missing(geometry))

    def _add(self, found: dict[str, str | None], shape: shapely.Geometry | None) -> None:
        if self.kind == "stations":
            self.unnamed += found["name"] == found["kind"]
            self._put_hours(found)
            if shape is not None and shape.geom_type != "Point":
                shape = shapely.point_on_surface(shapely.make_valid(shape))
        self.cells.append(found)
        self._shapes.append(shape)

    def _is_drawn(self, thing: Any, tags: dict[str, str]) -> bool:
        """Tell whether an object has the shape of its kind: of the backdrop areas are drawn, and lines of water."""
        if self.kind != "backdrop":
            return True
        if isinstance(thing, Way):
            return thing.is_closed() or "waterway" in tags
        return isinstance(thing, Area | Relation)

    def _shape(self, thing: Any, tags: dict[str, str]) -> shapely.Geometry | None:
        try:
            if isinstance(thing, Node):
                return shapely.from_wkb(self._factory.create_point(thing))
            if isinstance(thing, Area):
                built = shapely.from_wkb(self._factory.create_multipolygon(thing))
                return built.geoms[0] if len(built.geoms) == 1 else built
            line = shapely.from_wkb(self._factory.create_linestring(thing))
        except (
            osmium.InvalidLocationError,
            RuntimeError,
        ):  # nodes beyond the edge of the extract, or fewer than two
            return None
        is_line = self.kind == "streets" or not line.is_closed or tags.get("waterway", "riverbank") != "riverbank"
        return line if is_line or len(line.coords) < 4 else shapely.Polygon(line)

    def _put_hours(self, cell: dict[str, str | None]) -> None:
        """Put the opening hours behind each of the services."""
        hours = cell.pop("opening_hours")
        if hours is None:
            return
        try:
            check_hours(hours)
        except ValueError:
            self.unread_hours += 1
            return
        cell["services"] = ";".join(f"{service}@{hours}" for service in str(cell["services"]).split(";"))


def _code(thing: Any) -> str:
    if isinstance(thing, Area):
        return f"osm:r{thing.orig_id()}"
    return f"osm:{thing.type_str()}{thing.id}"
