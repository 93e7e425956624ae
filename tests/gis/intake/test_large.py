"""Large files: indexes are made last, memory stays flat, and no border between batches is felt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gis.intake import Cancelled, guards
from gis.intake.writer import Writer
from tests.gis.intake import files
from tests.gis.intake.conftest import Importer

HOMES = "code,lon,lat,unit,colour\n" + "".join(
    f"H{i},{'' if i % 7 == 0 else 102 + i / 1000},{'' if i % 7 == 0 else 25.005},{i % 3}单元,{'red' if i % 5 else ''}\n"
    for i in range(50)
)
PEOPLE = "household,birth_date,sex,name,phone,id_number,care_flags\n" + "".join(
    f"H{i % 50},19{10 + i % 80}-01-0{1 + i % 9},{'男' if i % 2 else ''},名{i},{1380000 + i if i % 3 else ''},"
    f"{f'ID{i}' if i % 4 else ''},{'独居;空巢' if i % 6 == 0 else ''}\n"
    for i in range(120)
)
GUARDS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text IN ('households', 'residents')
UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename IN ('households', 'residents') ORDER BY 1, 2, 3"""
SWITCHED = "SELECT tgenabled FROM pg_trigger WHERE tgrelid IN ('households'::regclass, 'residents'::regclass)"
STORED = {
    "households": "SELECT code, building_id, unit, own_position, ST_AsEWKT(geometry), lon, lat, grid_reason, colour, version FROM households",
    "residents": "SELECT key, birth_date, birth_year, sex, name, phone_hash, id_number_hash, phone_sealed IS NULL, care_flags, version FROM residents",
}


def import_both(importer: Importer) -> dict[str, list[tuple[object, ...]]]:
    importer.ok("households", "h.csv", HOMES, crs="EPSG:4326")
    importer.ok("residents", "r.csv", PEOPLE)
    return {kind: sorted(importer.rows(query), key=str) for kind, query in STORED.items()}


def test_both_ways_into_a_table_store_the_same(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    importer.ok("grids", "g.geojson", files.two_grids())
    before = importer.rows(GUARDS)
    staged = import_both(importer)
    with importer.store.owner_engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE households CASCADE")
        connection.exec_driver_sql("DELETE FROM grid_counts_due")
    made: list[str] = []
    make = guards.Guards.make
    monkeypatch.setattr(guards.Guards, "make", lambda self: (made.append("made last"), make(self))[1])
    monkeypatch.setattr(guards, "_MANY_ROWS", 1)
    assert import_both(importer) == staged
    assert len(made) == 2
    assert importer.rows(GUARDS) == before
    assert set(importer.rows(SWITCHED)) == {("O",)}
    assert importer.one("SELECT count(*) FROM grid_counts_due WHERE grid_id IS NULL") > 0, "all is counted anew"
    assert import_both(importer) == staged, "the same files again change nothing"
    assert len(made) == 2, "a table with as many rows keeps its indexes"


def test_what_ends_early_leaves_the_empty_table_and_its_indexes(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = importer.rows(GUARDS)
    monkeypatch.setattr(guards, "_MANY_ROWS", 1)
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        importer.run("households", "h.csv", HOMES, crs="EPSG:4326", cancelled=lambda: next(asked))
    importer.ok("households", "h.csv", HOMES, crs="EPSG:4326", dry_run=True)
    assert importer.one("SELECT count(*) FROM households") == 0
    assert importer.rows(GUARDS) == before


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_no_border_between_batches_is_felt(importer: Importer, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr("gis.intake.formats.csv.BLOCK_BYTES", 1 << 10)
    monkeypatch.setattr("gis.intake.formats.csv.BATCH_ROWS", 7)
    lines, wanted = ["编码,单元,三色\n"], []
    for i in range(2, 400):
        if i % 41 == 0:
            lines.append(f"户{i},第{i}单元,紫\n")
            wanted.append((f"h.csv:{i}:三色", "未知的值"))
        elif i % 59 == 0:
            lines.append(f"户{i - 57},再来,\n")
            wanted.append((f"h.csv:{i}:编码", f"与第 {i - 57} 行重复"))
        elif i % 67 == 0:
            lines.append(f"户{i},多,,一列\n")
            wanted.append((f"h.csv:{i}:", "应有 3 列"))
        else:
            lines.append(f'户{i},"第{i}\n单元，""甲""",红\n')
    report = importer.run("households", "h.csv", "".join(lines).encode(encoding))
    found = [(fault.where, fault.message) for fault in report.faults]
    assert [where for where, _ in found] == [where for where, _ in wanted]
    assert all(message.startswith(start) for (_, message), (_, start) in zip(found, wanted, strict=True))
    assert importer.one("SELECT unit FROM households WHERE code = '户397'") == '第397\n单元，"甲"'
    assert report.read == 398


def test_a_file_with_headings_only_says_so(importer: Importer) -> None:
    report = importer.ok("households", "h.csv", "code,unit\n")
    assert report.notices == ["文件只有标题行，没有数据 / the file has headings and no rows"]


def test_the_history_names_who_imported(importer: Importer) -> None:
    importer.ok("households", "h.csv", "code,unit\nH1,1\n")
    importer.ok("households", "h.csv", "code,unit\nH1,2\n", actor="张伟")
    importer.ok("households", "h.csv", "code,unit\nH1,3\n")
    named = [row[0] for row in importer.rows("SELECT account FROM history ORDER BY id")]
    assert named[0] == "张伟"
    assert named[1].startswith("system:")


IMPORTS = """
import sys
from pathlib import Path
from gis.intake import run_import
from gis.store.session import Store
with Store(sys.argv[1]).owner_engine.begin() as connection:
    report = run_import(connection, "households", Path(sys.argv[2]), dry_run=True)
print(report.read, report.loaded, next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak_kib(url: str, path: Path, *, read: int, loaded: int) -> int:
    """Import in a process of its own and return the most memory that it has held."""
    done = subprocess.run([sys.executable, "-c", IMPORTS, url, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = done.stdout.split()
    assert counts[:2] == [str(read), str(loaded)]
    return int(counts[2])


def test_memory_does_not_follow_the_length_of_a_file(database_urls: tuple[str, str], tmp_path: Path) -> None:
    path, rows = tmp_path / "h.csv", 40_000
    filling = "说明" * 1250
    with path.open("w", encoding="utf-8") as file:
        file.write("code,unit,remark\n")
        file.writelines(f"H{i},{i % 9},{filling}\n" for i in range(rows))
    assert path.stat().st_size > 300e6
    assert peak_kib(database_urls[0], path, read=rows, loaded=rows) < 500 * 1024


def test_memory_does_not_follow_the_number_of_rows(database_urls: tuple[str, str], tmp_path: Path) -> None:
    """Nor that of rejected rows: every second household has a wrong colour."""
    peaks = []
    for rows in (200_000, 600_000):
        path = tmp_path / f"{rows}.csv"
        path.write_text(
            "code,unit,colour\n" + "".join(f"H{i},{i % 9},{'红紫'[i % 2]}\n" for i in range(rows)), encoding="utf-8"
        )
        peaks.append(peak_kib(database_urls[0], path, read=rows, loaded=rows // 2))
    assert peaks[1] < 500 * 1024
    assert peaks[1] - peaks[0] < 60 * 1024  # 32 MiB of them a filter that a long file needs, whatever its length


def test_work_is_done_in_order_and_faults_come_out() -> None:
    done: list[int] = []
    with Writer() as writer:
        for i in range(20):
            writer.do(done.append, i)
        writer.settle()
        assert done == list(range(20))
        writer.do(done.index, 99)  # type: ignore[arg-type]
        with pytest.raises(ValueError):
            writer.settle()
