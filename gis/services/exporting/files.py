"""Tables of a map as files: GeoPackage, GeoJSON, XLSX, CSV. Each says what it holds, of which day, from where, and who may use it.

- GeoPackage: a layer each (OGC 12-128r19), headings as the fields' titles (its schema extension), the facts as a table ``about`` and as metadata.
- GeoJSON: one layer, facts and columns as further members (RFC 7946, section 6.1).
- XLSX: a sheet each, and the facts on a sheet 说明.
- CSV: one layer, UTF-8 with a byte order mark, so that spreadsheets read Chinese; position as longitude and latitude of a point inside; date and
  source in columns of their own, so that rows that are copied elsewhere keep them.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import shapely
from openpyxl import Workbook

from gis.services.exporting.model import CRS, Column, Layer, MapTable
from gis.services.spreadsheet import add_sheet, plain

_DIGITS = 7
"""Decimals of a degree in GeoJSON and CSV: a centimetre."""
_CHUNK = 500
_SCHEMA_EXTENSION = """
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT, constraint_name TEXT,
  CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC,
  max_is_inclusive BOOLEAN, description TEXT, CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
CREATE TABLE IF NOT EXISTS gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
INSERT INTO gpkg_extensions VALUES
  ('gpkg_data_columns', NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write'),
  ('gpkg_data_column_constraints', NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write');
"""


def write(table: MapTable, form: str, path: Path, layer: str | None = None) -> int:
    """Write a table as a file and return the number of features in it.

    Args:
        table: what to write.
        form: a key of :data:`FORMS`.
        path: the file, which is not there yet.
        layer: for files that hold one layer, which; the first one otherwise.
    """
    return FORMS[form](table, path, layer)


def _gpkg(table: MapTable, path: Path, _layer: str | None) -> int:
    for number, layer in enumerate(table.layers):
        frame = gpd.GeoDataFrame(
            {column.key: _typed(column) for column in layer.columns}, geometry=layer.shapes, crs=CRS
        )
        frame.to_file(
            path,
            driver="GPKG",
            engine="pyogrio",
            layer=layer.name,
            geometry_type=layer.geometry_type,
            promote_to_multi=layer.geometry_type.startswith("Multi"),
            append=bool(number),
            dataset_metadata={fact.key: fact.text for fact in table.facts},
            layer_options={"IDENTIFIER": layer.title, "DESCRIPTION": _described(table)},
        )
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_SCHEMA_EXTENSION)
        database.executemany(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title) VALUES (?, ?, ?, ?)",
            [
                (layer.name, column.key, column.heading, column.heading)
                for layer in table.layers
                for column in layer.columns
            ],
        )
        database.execute("CREATE TABLE about (fid INTEGER PRIMARY KEY, key TEXT, name TEXT, text TEXT)")
        database.executemany(
            "INSERT INTO about (key, name, text) VALUES (?, ?, ?)",
            [(fact.key, fact.name, fact.text) for fact in table.facts],
        )
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description) VALUES ('about', 'attributes', ?, ?)",
            (table.say(ABOUT), table.title),
        )
    return sum(map(len, table.layers))


def _geojson(table: MapTable, path: Path, name: str | None) -> int:
    layer = _one(table, name)
    about = {
        "title": table.title,
        "layer": layer.name,
        "date": table.as_of.isoformat(),
        "source": table.fact("source"),
        "facts": {fact.key: fact.text for fact in table.facts},
        "columns": {column.key: {"heading": column.heading, "unit": column.unit or None} for column in layer.columns},
    }
    keys = [column.key for column in layer.columns]
    shapes = shapely.to_geojson(shapely.set_precision(layer.shapes, 10**-_DIGITS, mode="pointwise"))
    with path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection",' + orjson.dumps(about)[1:-1] + b',"features":[')
        for at, (shape, values) in enumerate(zip(shapes, _rows(layer), strict=True)):
            content = orjson.dumps(
                {
                    "type": "Feature",
                    "geometry": orjson.Fragment(shape),
                    "properties": dict(zip(keys, values, strict=True)),
                },
                option=orjson.OPT_SERIALIZE_NUMPY,
            )
            file.write((b",\n" if at else b"\n") + content)
        file.write(b"\n]}\n")
    return len(layer)


def _xlsx(table: MapTable, path: Path, _layer: str | None) -> int:
    book = Workbook(write_only=True)
    for layer in table.layers:
        add_sheet(
            book,
            layer.title,
            [*_headings(layer), *map(table.say, _POSITION)],
            ([*row, *place] for row, place in zip(_rows(layer), _places(layer), strict=True)),
        )
    facts = [(table.say("标题 / Title"), table.title), *((fact.name, fact.text) for fact in table.facts)]
    add_sheet(book, table.say(ABOUT), (table.say("项 / Item"), table.say("内容 / Content")), facts)
    book.save(path)
    return sum(map(len, table.layers))


def _csv(table: MapTable, path: Path, name: str | None) -> int:
    layer = _one(table, name)
    tail = [table.as_of.isoformat(), plain(table.fact("source"))]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_headings(layer), *map(table.say, (*_POSITION, "截至日期 / As of", "来源 / Source"))])
        for row, place in zip(_rows(layer), _places(layer), strict=True):
            writer.writerow([*map(plain, row), *place, *tail])
    return len(layer)


FORMS: dict[str, Callable[[MapTable, Path, str | None], int]] = {
    "gpkg": _gpkg,
    "geojson": _geojson,
    "xlsx": _xlsx,
    "csv": _csv,
}
ABOUT = "说明 / about"
_POSITION = ("经度（EPSG:4326） / Longitude", "纬度（EPSG:4326） / Latitude")


def _one(table: MapTable, name: str | None) -> Layer:
    return next((layer for layer in table.layers if layer.name == name), table.layers[0])


def _headings(layer: Layer) -> list[str]:
    return [column.heading for column in layer.columns]


def _rows(layer: Layer) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.values for column in layer.columns), strict=True)


def _places(layer: Layer) -> Iterator[tuple[float, float]]:
    """Return longitude and latitude of a point inside each shape."""
    for begin in range(0, len(layer), _CHUNK):
        points = shapely.point_on_surface(layer.shapes[begin : begin + _CHUNK])
        yield from np.round(shapely.get_coordinates(points), _DIGITS).tolist()


def _described(table: MapTable) -> str:
    return "；".join([table.title, *(f"{fact.name}：{fact.text}" for fact in table.facts)])


def _typed(column: Column) -> pd.Series:
    """Return the values with a type that keeps "nothing" apart from zero."""
    known = [value for value in column.values if value is not None]
    if known and all(isinstance(value, int) for value in known):
        return pd.Series(column.values, dtype="Int64")
    if known and all(isinstance(value, int | float) for value in known):
        return pd.Series(column.values, dtype="Float64")
    return pd.Series(column.values, dtype=object if known else "string")
