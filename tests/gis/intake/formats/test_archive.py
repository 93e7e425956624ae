"""Archives: looked through before they are unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from gis.errors import Invalid
from gis.intake.formats import archive
from gis.intake.formats.archive import check_zip, unpack


def zipped(tmp_path: Path, **files: bytes) -> Path:
    return zipped_as(tmp_path, {name.replace("__", "."): content for name, content in files.items()})


def zipped_as(tmp_path: Path, files: dict[str, bytes]) -> Path:
    path = tmp_path / "f.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../evil.shp", "/etc/evil.shp", "a/../../evil.shp", "..\\evil.shp", "C:\\evil.shp"])
def test_paths_that_climb_out_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(Invalid, match=r"f\.zip"):
        unpack(zipped_as(tmp_path, {name: b"x"}), "f.zip", "grids", folder)
    assert not (tmp_path / "evil.shp").exists()
    assert list(folder.iterdir()) == []


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, data__csv=b"0" * (archive._SMALL_BYTES + 1))
    with pytest.raises(Invalid) as caught:
        check_zip(path, "f.zip")
    assert "炸弹" in caught.value.faults[0].message


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 2)
    with pytest.raises(Invalid):
        check_zip(zipped(tmp_path, a__csv=b"", b__csv=b"", c__csv=b""), "f.zip")


def test_an_archive_that_lies_about_its_sizes_is_damaged(tmp_path: Path) -> None:
    path = zipped(tmp_path, data__csv=b"code\n" + b"0" * 1000)
    raw = bytearray(path.read_bytes())
    raw[40:60] = bytes(20)
    path.write_bytes(bytes(raw))
    with pytest.raises(Invalid):
        unpack(path, "f.zip", "grids", tmp_path)


def test_no_archive_is_refused(tmp_path: Path) -> None:
    for raw in (b"", b"PK\x03\x04", b"code,name\n"):
        path = tmp_path / "f.zip"
        path.write_bytes(raw)
        with pytest.raises(Invalid):
            check_zip(path, "f.zip")


def test_the_one_data_set_is_unpacked_under_our_names(tmp_path: Path) -> None:
    files = {
        "数据/网格.SHP": b"1",
        "数据/网格.dbf": b"2",
        "数据/说明.docx": b"3",
        "__MACOSX/网格.shp": b"4",
        "数据/.DS_Store": b"5",
    }
    folder = tmp_path / "in"
    folder.mkdir()
    assert unpack(zipped_as(tmp_path, files), "f.zip", "grids", folder) == folder / "data.shp"
    assert {entry.name: entry.read_bytes() for entry in folder.iterdir()} == {
        "data.shp": b"1",
        "data.dbf": b"2",
    }


def test_of_several_the_one_named_like_the_kind(tmp_path: Path) -> None:
    path = zipped(tmp_path, grids__csv=b"g", areas__csv=b"a")
    assert unpack(path, "f.zip", "areas", tmp_path).read_bytes() == b"a"
    with pytest.raises(Invalid) as caught:
        unpack(path, "f.zip", "streets", tmp_path)
    assert "areas.csv、grids.csv" in caught.value.faults[0].message


def test_a_locked_archive_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, data__csv=b"x")
    raw = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= 1
    assert zipfile.ZipFile(io.BytesIO(raw)).infolist()[0].flag_bits & 1
    path.write_bytes(bytes(raw))
    with pytest.raises(Invalid) as caught:
        check_zip(path, "f.zip")
    assert "密码" in caught.value.faults[0].message
