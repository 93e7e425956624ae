"""Archives: bombs, paths that climb out, links, passwords, two data sets, parts that are missing."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

from tests.gis.intake.corpus.case import REFUSED, Case, homes, records, row
from tests.gis.intake.files import two_grids, workbook


def zipped(files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _linked(name: str, to: str) -> bytes:
    """An archive with a symbolic link in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        archive.writestr(entry, to)
    return target.getvalue()


def _locked(raw: bytes) -> bytes:
    """An archive whose entries say that they are encrypted."""
    changed = bytearray(raw)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = changed.find(mark)
        while start >= 0:
            changed[start + at] |= 1
            start = changed.find(mark, start + 4)
    return bytes(changed)


def _size_said(raw: bytes, size: int) -> bytes:
    """An archive whose directory says another size than its entries have."""
    changed = bytearray(raw)
    start = changed.find(b"PK\x01\x02")
    changed[start + 24 : start + 28] = struct.pack("<I", size)
    return bytes(changed)


def bomb(_: Path, size: int = 300 << 20) -> bytes:
    """300 MB of nothing in 300 kB."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("户.csv", "w", force_zip64=True) as file,
    ):
        for _n in range(size >> 20):
            file.write(b"0" * (1 << 20))
    return target.getvalue()


def xlsx_bomb(folder: Path) -> bytes:
    """A workbook whose sheet is 300 MB of blanks."""
    good = workbook(*records([row("households", 10)]))
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(good)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for entry in old.infolist():
            with new.open(entry.filename, "w", force_zip64=True) as file:
                if entry.filename == "xl/worksheets/sheet1.xml":
                    for _n in range(300):
                        file.write(b" " * (1 << 20))
                file.write(old.read(entry))
    return target.getvalue()


def nested(folder: Path) -> bytes:
    """A bomb in an archive in an archive."""
    return zipped({"里.zip": zipped({"户.zip": bomb(folder, 64 << 20)})})


def cases() -> list[Case]:
    good, grids = homes(3), two_grids().encode()
    climbing = "路径指向包外"
    one = "须恰有一个数据文件"
    broken = "压缩包损坏|不是 ZIP"
    found = [
        ("a bomb", bomb, "压缩炸弹", None),
        ("a bomb in an archive in an archive", nested, one, None),
        ("an archive in an archive", zipped({"户.zip": zipped({"户.csv": good})}), one, None),
        ("a path upwards", zipped({"../户.csv": good}), climbing, None),
        ("a path upwards in the middle", zipped({"a/../../户.csv": good}), climbing, None),
        ("a path from the root", zipped({"/tmp/户.csv": good}), climbing, None),
        ("a path of another system", zipped({"..\\..\\户.csv": good}), climbing, None),
        ("a path with a drive", zipped({"C:/户.csv": good}), climbing, None),
        ("a good file beside a climbing one", zipped({"户.csv": good, "../../etc/passwd": b"x"}), climbing, None),
        ("a link to a secret", _linked("户.csv", "/etc/passwd"), "快捷方式|链接|缺少必需的列", None),
        ("a link upwards", _linked("户.csv", "../../../../etc/hostname"), "快捷方式|链接|缺少必需的列", None),
        ("locked with a password", _locked(zipped({"户.csv": good})), "密码", None),
        ("two files", zipped({"一.csv": good, "二.csv": good}), f"{one}.*一.csv", None),
        ("nothing", zipped({}), f"{one}|空", None),
        ("only a folder", zipped({"户/": b""}), one, None),
        ("only a text about it", zipped({"说明.docx": b"x"}), one, None),
        ("1,001 files", zipped({f"{n}.dat": b"" for n in range(1001)}), "超过 1000 个文件", None),
        ("a name of 60,000 letters", zipped({"a" * 60_000 + ".csv": good}), "", (3, 3)),
        ("two entries of one name", zipped({"户.csv": good}) + b"", "", (3, 3)),
        ("an empty file in it", zipped({"户.csv": b""}), "空", None),
        ("cut at the end", zipped({"户.csv": good * 50})[:-40], broken, None),
        ("cut in the middle", zipped({"户.csv": good * 50})[:150], broken, None),
        ("without its beginning", zipped({"户.csv": good})[20:], "压缩包损坏", None),
        ("a text", good, broken, None),
        ("says that it is small", _size_said(zipped({"户.csv": good * 2000}), 10), "损坏", None),
        ("says that it is large", _size_said(zipped({"户.csv": good}), 4_000_000_000), "炸弹|损坏", None),
        ("a workbook in it", zipped({"户.xlsx": workbook(*records([row("households", 11)]))}), "", (1, 1)),
        ("a table of tabs in it", zipped({"户.tsv": good.replace(b",", b"\t")}), "", (3, 3)),
        ("a note beside it", zipped({"户.csv": good, "说明.txt": b"x", "~$户.xlsx": b"x"}), "", (3, 3)),
        ("bzip2", zipped({"户.csv": good}, zipfile.ZIP_BZIP2), "", (3, 3)),
        ("litter of another system", zipped({"__MACOSX/._户.csv": b"x", ".DS_Store": b"x", "户.csv": good}), "", (3, 3)),
    ]  # fmt: skip
    return [Case("archives", name, "households", "户.zip", content, says, outcome or REFUSED) for name, content, says, outcome in found] + [
        Case("archives", "a workbook that is a bomb", "households", "户.xlsx", xlsx_bomb, "炸弹|过大"),
        Case("archives", "a workbook with a path upwards", "households", "户.xlsx", zipped({"../xl/workbook.xml": b""}), climbing),
        Case("archives", "two GeoJSON files, one named like the kind", "grids", "g.zip", zipped({"grids.geojson": grids, "b.geojson": grids}), "", (2, 2), stored=0),
        Case("archives", "two GeoJSON files", "grids", "g.zip", zipped({"a.geojson": grids, "b.geojson": grids}), one),
    ]  # fmt: skip
