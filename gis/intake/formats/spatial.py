"""GeoPackage and Shapefile, and what GDAL reads for others, in batches through Arrow."""

from __future__ import annotations

import codecs
import contextlib
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from gis.errors import Fault, Invalid
from gis.intake.formats.shapes import read_wkb
from gis.intake.formats.source import Batch, Source, as_text
from gis.intake.headings import listed_headings

_DBF_SAMPLE = 4 << 20
BATCH_FEATURES = 4096
"""Fewer than rows of a table: a polygon may have thousands of vertices."""
_WRONG_CPG = {
    "936": "gb18030",
    "cp936": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "ansi 936": "gb18030",
    "65001": "utf-8",
}


def open_geopackage(path: Path, name: str, kind: str) -> Source:
    """Open a GeoPackage: its only layer with geometry, or the one named like the kind of import."""
    with path.open("rb") as file:
        if file.read(15) != b"SQLite format 3":
            raise refused(name, "不是 GeoPackage / not a GeoPackage")
    return open_layer(f"GPKG:{path}", name, kind, None, [])


def open_shapefile(path: Path, name: str) -> Source:
    """Open a Shapefile: ``.shp`` with its ``.shx`` and ``.dbf`` beside it, any case; ``.prj`` names the CRS."""
    beside = {entry.suffix.lower(): entry for entry in path.parent.iterdir() if entry.stem == path.stem}
    with path.open("rb") as file:
        if file.read(4) != struct.pack(">i", 9994):
            raise refused(name, "不是 Shapefile / not a Shapefile")
    missing = [suffix for suffix in (".shx", ".dbf") if suffix not in beside]
    if missing:
        names = "、".join(path.stem + suffix for suffix in missing)
        raise refused(
            name,
            f"缺少 {names}；请把 .shp、.shx、.dbf、.prj 一起压缩成 ZIP / {names} is missing: zip .shp, .shx, .dbf and .prj together",
        )
    _check_whole(path, beside[".shx"], beside[".dbf"], name)
    encoding = _dbf_encoding(beside[".dbf"], beside.get(".cpg"), name)
    source = open_layer(str(path), name, None, encoding, [])
    return source if ".prj" in beside else Source(**{**vars(source), "crs": None})


def open_layer(address: str, name: str, kind: str | None, encoding: str | None, notices: list[str]) -> Source:
    """Open the layer of an address of GDAL's that holds the data: the only one with geometry, or the one named like the kind."""
    layer = _layer(address, name, kind)
    info = _quietly(name, pyogrio.read_info, address, layer=layer, encoding=encoding, force_feature_count=False)
    headings = [str(field) for field in info["fields"]]
    return Source(
        headings=headings,
        batches=lambda: _batches(
            address, name, layer, encoding, headings, has_geometry=info["geometry_type"] is not None
        ),
        crs=info["crs"],
        has_geometry=info["geometry_type"] is not None,
        total=info["features"] if info["features"] >= 0 else None,
        notices=notices,
    )


def _layer(address: str, name: str, kind: str | None) -> str:
    layers = _quietly(name, pyogrio.list_layers, address)
    spatial = [str(layer) for layer, shape in layers if shape is not None] or [str(layer) for layer, _ in layers]
    if len(spatial) == 1:
        return spatial[0]
    named = [layer for layer in spatial if kind is not None and layer.lower() == kind]
    if not named:
        found = listed_headings(spatial)
        raise refused(
            name,
            f"有多个图层（{found}）；只留一个，或命名为 {kind} / layers {found}: keep one, or name it {kind}",
        )
    return named[0]


def _batches(
    address: str, name: str, layer: str, encoding: str | None, headings: list[str], *, has_geometry: bool
) -> Iterator[Batch]:
    first = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with pyogrio.open_arrow(
                address, layer=layer, encoding=encoding, use_pyarrow=True, batch_size=BATCH_FEATURES
            ) as (meta, reader):
                shape = meta["geometry_name"] or "wkb_geometry"
                for block in reader:
                    rows = np.arange(first, first + block.num_rows, dtype=np.int64)
                    first += block.num_rows
                    columns = [as_text(block.column(heading)) for heading in headings]
                    wkb = block.column(shape) if has_geometry and shape in block.schema.names else None
                    yield Batch(rows, columns, *_shapes(wkb), wkb=wkb)
        except (
            DataSourceError,
            DataLayerError,
            pa.ArrowInvalid,
            pa.ArrowException,
            UnicodeDecodeError,
            OSError,
        ) as error:
            raise refused(
                name,
                f"第 {first} 个要素之后无法读取，文件可能损坏 / cannot be read after feature {first}, the file may be damaged",
            ) from error


def _shapes(wkb: pa.Array | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    if wkb is None:
        return None, None
    return read_wkb(wkb.to_numpy(zero_copy_only=False))


def _dbf_encoding(table: Path, named: Path | None, name: str) -> str:
    """Return the encoding of a DBF's text: the one its .cpg names if that is right, UTF-8 or GB 18030 otherwise, by strict trial."""
    with table.open("rb") as file:
        sample = file.read(_DBF_SAMPLE)
    if len(sample) < 32:
        raise refused(name, ".dbf 损坏 / the .dbf is damaged")
    tries = ["utf-8", "gb18030"]
    if named is not None:
        said = named.read_text("ascii", "replace").strip().lower()
        with contextlib.suppress(LookupError, ValueError, TypeError):
            told = codecs.lookup(_WRONG_CPG.get(said, said)).name
            # UTF-16 in a .dbf there is not, and Python counts base64 and the like among encodings.
            if "ab".encode(told) == b"ab":
                tries.insert(0, told)
    header, record = struct.unpack("<HH", sample[8:12])
    names, texts = _field_names(sample[:header]), _records(sample[header:], record)
    for encoding in tries:
        # A name is cut after ten bytes, within a character if need be.
        if all(_decodes(each, encoding, cut=True) for each in names) and all(
            _decodes(each, encoding) for each in texts
        ):
            halved = [each.decode(encoding, "ignore") for each in names if not _decodes(each, encoding)]
            if halved:
                raise refused(
                    name,
                    f"字段名 {'、'.join(halved)}… 在一个字中间被截断（.dbf 的字段名至多 10 字节）：请改短，或导出为 GeoPackage / "
                    f"the field names {', '.join(halved)}… are cut within a character (10 bytes at most in a .dbf): shorten them, or export a GeoPackage",
                )
            return encoding
    raise refused(
        name,
        ".dbf 的文字既不是 UTF-8 也不是 GB 18030；请加 .cpg / the text of the .dbf is neither UTF-8 nor GB 18030: add a .cpg",
    )


def _check_whole(shapes: Path, index: Path, table: Path, name: str) -> None:
    """Refuse a Shapefile whose parts are shorter than they say, or do not belong together: GDAL would leave rows out in silence."""
    with shapes.open("rb") as file:
        head = file.read(100)
    with table.open("rb") as file:
        start = file.read(12)
    if len(head) < 100 or len(start) < 12:
        raise refused(
            name, ".shp 或 .dbf 损坏，只有开头 / the .shp or the .dbf is damaged: there is only its beginning"
        )
    said_bytes = 2 * struct.unpack(">i", head[24:28])[0]
    rows, header, record = struct.unpack("<IHH", start[4:12])
    if shapes.stat().st_size < said_bytes or table.stat().st_size < header + rows * record:
        raise refused(
            name,
            ".shp 或 .dbf 被截断，文件不完整；请重新复制 / the .shp or the .dbf is cut off, the file is not complete: copy it again",
        )
    shapes_said = (index.stat().st_size - 100) // 8
    if shapes_said != rows:
        raise refused(
            name,
            f".shx 有 {shapes_said} 个几何，.dbf 有 {rows} 行，不是一套文件 / "
            f"{shapes_said} shapes in the .shx and {rows} rows in the .dbf: they do not belong together",
        )


def _field_names(header: bytes) -> list[bytes]:
    fields = (header[start : start + 11] for start in range(32, len(header) - 1, 32))
    return [field.split(b"\0")[0] for field in fields if field[:1] != b"\r"]


def _records(body: bytes, length: int) -> list[bytes]:
    """Return the records, up to 5,000."""
    if length <= 0:
        return []
    return [body[start : start + length] for start in range(0, len(body) - length + 1, length)][:5000]


def _decodes(text: bytes, encoding: str, *, cut: bool = False) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(text, final=not cut)
    except UnicodeError:
        return False
    return True


def _quietly(name: str, function: Any, *arguments: Any, **options: Any) -> Any:
    """Call GDAL, whose warnings are not for users and whose errors become ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*arguments, **options)
        except (DataSourceError, DataLayerError, UnicodeDecodeError, OSError, ValueError) as error:
            raise refused(name, "文件损坏或格式不符 / the file is damaged or of another format") from error


def refused(name: str, message: str) -> Invalid:
    """Return the error of a file of which nothing can be read."""
    return Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(name, message)])
