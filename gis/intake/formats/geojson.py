"""GeoJSON: read by GDAL, which leaves out what is no feature and says nothing of why a geometry cannot be read; this finds both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from gis.crs import SourceCRS, UnknownCRS
from gis.errors import Fault, Invalid
from gis.intake.formats.encoding import detect
from gis.intake.formats.source import Batch, BrokenRow, Source
from gis.intake.formats.spatial import open_layer, refused

_PIECE = 4 << 20
_COLLECTION = re.compile(r'"type"\s*:\s*"(FeatureCollection|Feature|[A-Za-z]*Point|[A-Za-z]*String|[A-Za-z]*Polygon)"')
_CRS_MEMBER = re.compile(r'"crs"\s*:\s*')
_FEATURES = re.compile(rb'"features"\s*:\s*$')
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_LONGEST_LINE = 64 << 20
_BEFORE = 200
"""Bytes before a bracket in which its name stands."""
_NESTED = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""How deep the positions lie in the coordinates of each type (RFC 7946, 3.1)."""
_NO_FEATURE = "不是要素（Feature） / this is no Feature"


def open_geojson(path: Path, name: str, folder: Path) -> Source:
    """Open GeoJSON: UTF-8 by its standard; GB 18030 is accepted with a notice.

    Args:
        path: the file.
        name: how to call it in messages.
        folder: a private folder for a copy in another encoding.
    """
    encoding = detect(path, name).encoding
    notices = []
    if encoding != "utf-8":
        plain = folder / "utf8.geojson"
        with path.open(encoding=encoding) as source, plain.open("w", encoding="utf-8") as target:
            while block := source.read(1 << 20):
                target.write(block)
        if encoding != "utf-8-sig":
            notices.append(
                f"{name} 按 {encoding} 读取；GeoJSON 应为 UTF-8 / read as {encoding}; GeoJSON should be UTF-8"
            )
        path = plain
    if _is_a_line_each(path):
        path = _gathered(path, folder / "gathered.geojson")
        notices.append("每行一个要素（NDJSON），已逐行读取 / a feature each line (NDJSON): read line by line")
    with path.open(encoding="utf-8") as text:
        head = text.read(1 << 20)
    if not head.lstrip().startswith("{") or not _COLLECTION.search(head):
        raise refused(name, "不是 GeoJSON 要素集 / not a GeoJSON FeatureCollection")
    if "\0" in head:
        raise refused(name, "含有空字符，文件损坏 / it contains NULs: the file is damaged")
    # The driver is named, so that a file that only looks like GeoJSON cannot make GDAL open something else.
    opened = open_layer(f"GeoJSON:{path}", name, None, None, notices)
    if not _names_known_crs(head):
        opened = replace(opened, crs=None)
    places = find_features(path)
    if (nul := _find_nul(path)) is not None:
        row = 1 if places is None else max(int(np.searchsorted(places[:, 0], nul, side="right")), 1)
        message = f"第 {row} 个要素含有空字符（\\u0000）：请删去 / feature {row} contains a NUL (\\u0000): delete it"
        raise Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(f"{name}:{row}", message)])
    return (
        opened if places is None else replace(opened, batches=lambda: _batches(opened, path, places), total=len(places))
    )


def _find_nul(path: Path) -> int | None:
    """Return where a NUL is written as an escape, bytes, of which GDAL leaves out what follows it in silence; None for nowhere."""
    at, tail = 0, b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if b"u0000" in (text := tail + piece) and (found := _NUL.search(text)):
                return at - len(tail) + found.start()
            at, tail = at + len(piece), text[-_BEFORE:]
    return None


def _is_a_line_each(path: Path) -> bool:
    """Tell whether a file is a sequence of features, one a line (RFC 8142 and its kin), which GDAL would take for its first one."""
    with path.open("rb") as file:
        first = _line(file.readline(_LONGEST_LINE))
        while not first and (more := file.readline(_LONGEST_LINE)):
            first = _line(more)
        # A whole collection in one line is not to be read here, however long it is.
        return any(_line(block) for block in iter(lambda: file.read(1 << 16), b"")) and _is_feature(_parsed(first))


def _gathered(path: Path, target: Path) -> Path:
    """Write the features of a sequence as a collection; what is none becomes a member that is no feature."""
    with path.open("rb") as lines, target.open("wb") as written:
        written.write(b'{"type":"FeatureCollection","features":[')
        separator = b""
        while line := lines.readline(_LONGEST_LINE):
            if line := _line(line):
                written.write(separator + (line if _parsed(line) is not None else b"null"))
                separator = b",\n"
        written.write(b"]}")
    return target


def _line(line: bytes) -> bytes:
    return line.strip(b"\x1e\r\n\t ")


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def find_features(path: Path) -> np.ndarray | None:
    """Return where each member of a collection's ``features`` begins and ends in the file, int64 (n, 2); None where there is no such list."""
    inside, depth, listed, at, tail = False, 0, False, 0, b""
    cuts: list[np.ndarray] = []
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            while piece.endswith(b"\\") and (more := file.read(1)):
                piece += more
            piece = _ESCAPE.sub(b"xx", piece)
            signs = np.frombuffer(piece, np.uint8)
            quoted = (np.cumsum(signs == ord('"'), dtype=np.int32) + inside) & 1
            opens = ((signs == ord("[")) | (signs == ord("{"))) & (quoted == 0)
            closes = ((signs == ord("]")) | (signs == ord("}"))) & (quoted == 0)
            depths = depth + np.cumsum(opens.astype(np.int32) - closes, dtype=np.int32)
            begin = 0
            if not listed:
                for place in np.flatnonzero(opens & (depths == 2) & (signs == ord("["))).tolist():
                    if _FEATURES.search((tail + piece)[: len(tail) + place][-_BEFORE:]):
                        listed, begin = True, place + 1
                        cuts.append(np.array([at + place], np.int64))
                        break
            if listed:
                ends = np.flatnonzero(closes[begin:] & (depths[begin:] == 1))
                end = begin + int(ends[0]) if len(ends) else len(signs)
                commas = (signs[begin:end] == ord(",")) & (depths[begin:end] == 2) & (quoted[begin:end] == 0)
                cuts.append(at + begin + np.flatnonzero(commas))
                if len(ends):
                    cuts.append(np.array([at + end], np.int64))
                    return _between(path, np.concatenate(cuts))
            inside, depth = bool(quoted[-1]), int(depths[-1])
            at, tail = at + len(piece), (tail + piece)[-_BEFORE:]
    return None


def _between(path: Path, cuts: np.ndarray) -> np.ndarray:
    """Return the spans between brackets and commas; an empty list has none."""
    spans = np.column_stack([cuts[:-1] + 1, cuts[1:]])
    return spans[:0] if len(spans) == 1 and not _text(path, spans[0]).strip() else spans


def _text(path: Path, span: np.ndarray) -> bytes:
    with path.open("rb") as file:
        file.seek(int(span[0]))
        return file.read(int(span[1] - span[0]))


def _batches(opened: Source, path: Path, places: np.ndarray) -> Iterator[Batch]:
    """Yield GDAL's batches with the features' own numbers, those that it left out, and why a geometry is missing."""
    left_out = np.empty(0, np.int64) if opened.total == len(places) else _no_features(path, places)
    numbers = np.delete(np.arange(1, len(places) + 1), left_out)
    nothing: list[str | None] = [None] * len(opened.headings)
    told = done = 0
    for batch in opened.batches():
        rows = numbers[done : done + len(batch.rows)]
        if len(rows) < len(batch.rows):  # not seen as GDAL sees it: its numbers have to do
            rows = batch.rows
        done += len(batch.rows)
        last = int(rows[-1]) if len(rows) else 0
        skipped = [number for number in (left_out[told:] + 1).tolist() if number < last]
        told += len(skipped)
        broken = [BrokenRow(number, nothing, _NO_FEATURE) for number in skipped]
        yield replace(batch, rows=rows, broken=broken, **_reasons(batch, rows, path, places))
    if told < len(left_out):
        end = [BrokenRow(number, nothing, _NO_FEATURE) for number in (left_out[told:] + 1).tolist()]
        yield replace(_nothing(opened), broken=end)


def _nothing(opened: Source) -> Batch:
    import pyarrow as pa

    geometry = np.empty(0, object) if opened.has_geometry else None
    return Batch(np.empty(0, np.int64), [pa.nulls(0, pa.string())] * len(opened.headings), geometry, np.empty(0, bool))


def _no_features(path: Path, places: np.ndarray) -> np.ndarray:
    """Return which members are no features, counted from 0."""
    return np.array([i for i, span in enumerate(places) if not _is_feature(_loaded(path, span))], np.int64)


def _is_feature(member: Any) -> bool:
    return isinstance(member, dict) and member.get("type") == "Feature"


def _loaded(path: Path, span: np.ndarray) -> Any:
    try:
        return orjson.loads(_text(path, span))
    except orjson.JSONDecodeError:  # GDAL is less strict
        return {"type": "Feature"}


def _reasons(batch: Batch, rows: np.ndarray, path: Path, places: np.ndarray) -> dict[str, Any]:
    """Return which geometries are there but cannot be read, and why."""
    if batch.geometry is None or batch.unreadable is None:
        return {}
    unreadable, why = batch.unreadable.copy(), {}
    for i in np.flatnonzero(shapely.is_missing(batch.geometry)).tolist():
        member = _loaded(path, places[int(rows[i]) - 1]) if rows[i] <= len(places) else None
        reason = fault_of(member.get("geometry")) if isinstance(member, dict) else None
        if reason is not None:
            unreadable[i], why[i] = True, reason
    return {"unreadable": unreadable, "why": why}


def fault_of(geometry: Any) -> str | None:
    """Return what is wrong with a geometry as JSON, 中文 / English; None where there is none or nothing can be said."""
    if geometry is None:
        return None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(kind, str) or (kind not in _NESTED and kind != "GeometryCollection"):
        shown = str(kind)[:40]
        return f"几何类型 {shown} 无法识别；应为 Point、LineString、Polygon 等 / {shown} is no type of geometry: Point, LineString, Polygon …"
    if kind == "GeometryCollection":
        return None
    place = _wrong_place(geometry.get("coordinates"), _NESTED[kind])
    if place is None:
        return None
    form = "[" * _NESTED[kind] + "[lon, lat], …" + "]" * _NESTED[kind] if _NESTED[kind] else "[lon, lat]"
    return (
        f"{kind} 的 coordinates{place} 有误：coordinates 应写作 {form}，经纬度为数字 / "
        f"coordinates{place} is wrong: those of a {kind} are {form}, of numbers"
    )


def _wrong_place(value: Any, depth: int) -> str | None:
    """Return where in coordinates the first fault is, such as ``[0][3]``; '' for the whole, None for nowhere."""
    if not isinstance(value, list):
        return ""
    if depth == 0:
        right = len(value) >= 2 and all(type(number) in (int, float) for number in value)
        return None if right else ""
    for i, each in enumerate(value):
        place = _wrong_place(each, depth - 1)
        if place is not None:
            return f"[{i}]{place}"
    return None


def _names_known_crs(head: str) -> bool:
    """Tell whether a collection has no member ``crs``, or one that names a system that there is: GDAL takes any other for WGS 84."""
    match = _CRS_MEMBER.search(head.partition('"features"')[0])
    if match is None:
        return True
    try:
        member, _ = json.JSONDecoder().raw_decode(head, match.end())
        SourceCRS.parse(str(member["properties"]["name"]))
    except (UnknownCRS, ValueError, TypeError, LookupError, RecursionError):
        return False
    return True
