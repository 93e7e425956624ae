"""ZIP archives: looked through before anything is unpacked, and unpacked under names of our own."""

from __future__ import annotations

import lzma
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from gis.errors import Fault, Invalid

MAX_ENTRIES = 1000
MAX_BYTES = 4 << 30
MAX_RATIO = 200
_SMALL_BYTES = 16 << 20
"""Below this a high ratio harms nobody: tables of equal cells compress well."""

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)
"""What Python raises on archives that are damaged or of a kind that it cannot read."""

MAIN_SUFFIXES = (".shp", ".gpkg", ".geojson", ".json", ".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".osm", ".pbf")


def check_zip(path: Path, name: str) -> list[zipfile.ZipInfo]:
    """Return the files of an archive.

    Raises:
        Invalid: it is no archive, is damaged or encrypted, would grow beyond all bounds, or its paths climb out of it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename and not entry.filename.endswith("/")]
    except _BROKEN as error:
        raise _refused(name, "压缩包损坏或不是 ZIP / the archive is damaged or is not a ZIP") from error
    if len(entries) > MAX_ENTRIES:
        raise _refused(name, f"压缩包内超过 {MAX_ENTRIES} 个文件 / more than {MAX_ENTRIES} files in the archive")
    total = sum(entry.file_size for entry in entries)
    packed = max(sum(entry.compress_size for entry in entries), 1)
    if total > MAX_BYTES or (total > _SMALL_BYTES and total / packed > MAX_RATIO):
        raise _refused(name, "压缩包解开后过大，疑似压缩炸弹 / unpacked the archive would be too large (a zip bomb?)")
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/"))
        if not parts.parts or parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
            raise _refused(name, "压缩包内的路径指向包外 / a path in the archive leads out of it")
        if entry.flag_bits & 0x1:
            raise _refused(name, "压缩包有密码 / the archive is locked with a password")
    return entries


def unpack(path: Path, name: str, kind: str, folder: Path) -> Path:
    """Unpack the one data set of an archive into ``folder`` and return its main file.

    Args:
        path: the archive.
        name: how to call it in messages.
        kind: the kind of import; of several data sets the one named so is taken.
        folder: an empty folder.

    Raises:
        Invalid: as :func:`check_zip`, or there is no or more than one data set inside.
    """
    entries = [entry for entry in check_zip(path, name) if not _is_litter(entry.filename)]
    mains = [entry for entry in entries if PurePosixPath(entry.filename).suffix.lower() in MAIN_SUFFIXES]
    if len(mains) > 1:  # a note beside the data
        mains = [entry for entry in mains if PurePosixPath(entry.filename).suffix.lower() != ".txt"] or mains
    named = [entry for entry in mains if PurePosixPath(entry.filename).stem.lower() == kind]
    if len(mains) != 1 and len(named) != 1:
        found = "、".join(sorted(PurePosixPath(entry.filename).name for entry in mains)) or "—"
        raise _refused(
            name,
            f"压缩包里须恰有一个数据文件，找到：{found} / the archive must hold exactly one data file, found: {found}",
        )
    main = PurePosixPath((mains[0] if len(mains) == 1 else named[0]).filename)
    with zipfile.ZipFile(path) as archive:
        for entry in entries:
            inner = PurePosixPath(entry.filename)
            if inner.parent == main.parent and inner.stem == main.stem:
                _copy(archive, entry, folder / f"data{inner.suffix.lower()}", name)
    return folder / f"data{main.suffix.lower()}"


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, name: str) -> None:
    """Unpack one file, stopping where it says less than it holds."""
    try:
        with archive.open(entry) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
    except _BROKEN as error:
        raise _refused(name, "压缩包损坏 / the archive is damaged") from error


def _is_litter(inner: str) -> bool:
    return inner.startswith("__MACOSX/") or PurePosixPath(inner).name.startswith((".", "~$"))


def _refused(name: str, message: str) -> Invalid:
    return Invalid(f"无法读取 {name} / {name} cannot be read", [Fault(name, message)])
