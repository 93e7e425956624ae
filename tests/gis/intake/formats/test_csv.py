"""CSV: rows keep their numbers whatever happens to their neighbours."""

from __future__ import annotations

import csv as plain_csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import Invalid
from gis.intake.formats import csv as csv_format
from gis.intake.formats.csv import open_csv
from gis.intake.formats.source import Source

KNOWN = {"编码", "code", "name", "名称", "lon"}


def recognise(cells: list[str]) -> int:
    return sum(cell in KNOWN for cell in cells)


def opened(tmp_path: Path, raw: bytes) -> Source:
    path = tmp_path / "f.csv"
    path.write_bytes(raw)
    return open_csv(path, "f.csv", recognise)


def read(source: Source) -> tuple[dict[int, list[str | None]], dict[int, list[str | None]]]:
    """Good rows and broken ones by their numbers."""
    good, broken = {}, {}
    for batch in source.batches():
        columns = [column.to_pylist() for column in batch.columns]
        for i, row in enumerate(batch.rows.tolist()):
            good[row] = [column[i] for column in columns]
        broken.update({row.row: row.cells for row in batch.broken})
    return good, broken


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    source = opened(tmp_path, f"编码,名称{end}1,甲{end}2,{end}".encode(encoding))
    assert source.headings == ["编码", "名称"]
    assert read(source) == ({2: ["1", "甲"], 3: ["2", None]}, {})


def test_mixed_line_ends(tmp_path: Path) -> None:
    assert read(opened(tmp_path, b"code,name\r\n1,a\n2,b\r3,c"))[0] == {
        2: ["1", "a"],
        3: ["2", "b"],
        4: ["3", "c"],
    }


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(tmp_path: Path, separator: str) -> None:
    raw = f"code{separator}name\n1{separator}a\n".encode()
    assert read(opened(tmp_path, raw)) == ({2: ["1", "a"]}, {})


def test_broken_and_blank_rows_do_not_shift_the_others(tmp_path: Path) -> None:
    raw = b'code,name\n1,a\n2\n\n3,b,c,d\n,\n"4\n5","x,y"\n6,f\n'
    good, broken = read(opened(tmp_path, raw))
    assert good == {2: ["1", "a"], 7: ["4\n5", "x,y"], 8: ["6", "f"]}
    assert broken == {3: ["2", None], 5: ["3", "b,c,d"]}


def test_a_title_above_the_headings_is_skipped(tmp_path: Path) -> None:
    source = opened(tmp_path, "幸福社区楼栋表,,\n,,\n编码,名称,备用\n1,甲,x\n".encode())
    assert source.headings == ["编码", "名称", "备用"]
    assert read(source) == ({4: ["1", "甲", "x"]}, {})


def test_an_open_quote_is_told(tmp_path: Path) -> None:
    good, broken = read(opened(tmp_path, b'code,name,lon\n1,"a,2\n3,b,4\n'))
    assert good == {}
    assert list(broken) == [2]


def test_a_giant_cell_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "BLOCK_BYTES", 1 << 16)
    source = opened(tmp_path, b"code,name\n1,a\n2," + b"x" * 300_000 + b"\n")
    with pytest.raises(Invalid) as caught:
        list(source.batches())
    assert "引号" in caught.value.faults[0].message


def test_row_numbers_hold_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "BLOCK_BYTES", 1 << 12)
    lines = [f"{i},{'n' * (i % 50)}" if i % 97 else str(i) for i in range(2, 3000)]
    good, broken = read(opened(tmp_path, ("code,name\n" + "\n".join(lines) + "\n").encode()))
    assert {row: cells[0] for row, cells in good.items()} == {i: str(i) for i in range(2, 3000) if i % 97}
    assert {row: cells[0] for row, cells in broken.items()} == {i: str(i) for i in range(2, 3000) if not i % 97}


@pytest.mark.parametrize("raw", [b"\n\n", b",,,\n", b"\xef\xbb\xbf"])
def test_a_file_without_headings_is_refused(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(Invalid):
        opened(tmp_path, raw)


def test_headings_alone_are_no_rows(tmp_path: Path) -> None:
    for raw in (b"code,name", b"code,name\n"):
        assert read(opened(tmp_path, raw)) == ({}, {})


cells = st.text(st.characters(blacklist_categories=["Cs", "Cc"]) | st.sampled_from("\n,\"'"), max_size=6)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=8))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, records: list[list[str]]) -> None:
    target = io.StringIO(newline="")
    plain_csv.writer(target).writerows([["code", "name", "lon"], *records])
    good, broken = read(opened(tmp_path_factory.mktemp("csv"), target.getvalue().encode()))
    assert broken == {}
    assert good == {i: [cell or None for cell in record] for i, record in enumerate(records, 2) if any(record)}
