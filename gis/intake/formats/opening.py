"""Which reader a file needs, by its name and what it holds."""

from __future__ import annotations

from pathlib import Path

from gis.errors import Fault, Invalid
from gis.intake.formats.archive import unpack
from gis.intake.formats.csv import Recognise, open_csv
from gis.intake.formats.source import Source

TEXT_SUFFIXES = (".csv", ".txt", ".tsv")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls")
ACCEPTED = "CSV、XLSX、GeoJSON、GeoPackage、Shapefile（.zip 或 .shp）、OSM（.osm、.pbf）"


def open_source(path: Path, name: str, kind: str, recognise: Recognise, folder: Path) -> Source:
    """Open a file of any accepted format.

    Args:
        path: the file.
        name: its original name, whose ending tells the format.
        kind: the kind of import.
        recognise: how many of some cells are headings of that kind.
        folder: a private, empty folder that outlives the reading.

    Raises:
        Invalid: missing, empty, of no accepted format, or unreadable.
    """
    if not path.is_file():
        raise Invalid(f"没有文件 {name} / there is no file {name}", [Fault(name, "检查路径 / check the path")])
    if path.stat().st_size == 0:
        raise Invalid(f"{name} 是空文件 / {name} is empty", [Fault(name, "文件没有内容 / the file has no content")])
    suffix = Path(name).suffix.lower()
    if suffix == ".zip":
        path = unpack(path, name, kind, folder)
        suffix = path.suffix
    match suffix:
        case _ if suffix in TEXT_SUFFIXES:
            return open_csv(path, name, recognise)
        # The other readers need large libraries, which a program that reads CSV need not wait for.
        case _ if suffix in WORKBOOK_SUFFIXES:
            from gis.intake.formats.xlsx import open_xlsx

            return open_xlsx(path, name, recognise)
        case ".geojson" | ".json":
            from gis.intake.formats.geojson import open_geojson

            return open_geojson(path, name, folder)
        case ".gpkg" | ".shp":
            from gis.intake.formats.spatial import open_geopackage, open_shapefile

            return open_geopackage(path, name, kind) if suffix == ".gpkg" else open_shapefile(path, name)
        case ".osm" | ".pbf":
            from gis.intake.formats.osm import open_osm

            return open_osm(path, name, kind)
    raise Invalid(
        f"不支持 {name} 的格式 / the format of {name} is not supported",
        [
            Fault(
                name,
                f"可用格式：{ACCEPTED} / accepted: CSV, XLSX, GeoJSON, GeoPackage, Shapefile (.zip or .shp), OSM (.osm, .pbf)",
            )
        ],
    )
