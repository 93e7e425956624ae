"""Hundreds of bad files: each ends in a clear message, nothing is half-written, and time and memory stay bounded."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Connection

from gis.errors import Invalid
from gis.intake import ImportReport, run_import
from gis.models.vocabulary import IMPORT_KINDS
from tests.gis.intake.conftest import TODAY
from tests.gis.intake.corpus.case import REFUSED, Case
from tests.gis.intake.corpus.conftest import counts
from tests.gis.intake.corpus.every import every_case

CASES = every_case()
CONSEQUENCES = {
    "changes",
    "grid_counts_due",
    "need_marks",
    "shape_marks",
    "areas",
    "compounds",
    "place",
    "station_services",
    "contacts",
}
"""Tables that follow from a good row: its community, its compound, its services, and the notes that something has changed."""
TABLES = {"renovation": "renovations", "chiefs": "building_chiefs", "contacts": "household_contacts"}
"""Where a kind is stored, if not under its own name."""
_LEAKS = re.compile(r"Traceback|Error\b(?!\s*in)|Exception|/tmp/|<class|0x[0-9a-f]{6}|\bNone\b")


def test_the_corpus_is_large_and_every_file_has_a_name_of_its_own() -> None:
    families = Counter(case.family for case in CASES)
    assert len(CASES) >= 300
    assert len(families) >= 12 and min(families.values()) >= 5
    assert {case.kind for case in CASES} == set(IMPORT_KINDS)
    assert {Path(case.file).suffix for case in CASES} >= {
        ".csv",
        ".xlsx",
        ".xls",
        ".zip",
        ".geojson",
        ".gpkg",
        ".shp",
        ".osm",
        ".pbf",
    }
    assert [name for name, count in Counter(map(str, CASES)).items() if count > 1] == []


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_a_bad_file(case: Case, place: Connection, tmp_path: Path) -> None:
    path = tmp_path / case.file
    path.write_bytes(case.bytes_in(tmp_path))
    before = counts(place)
    savepoint = place.begin_nested()
    try:
        try:
            report = run_import(place, case.kind, path, crs=case.crs, today=TODAY, scratch=tmp_path)
        except Invalid as error:
            _check_refused(case, error)
            assert counts(place) == before
        else:
            _check_read(case, report)
            after = counts(place)
            grown = {table: after[table] - before[table] for table in after if after[table] != before[table]}
            stored = report.loaded if case.stored is None else case.stored
            assert grown.pop(TABLES.get(case.kind, case.kind), 0) == stored
            assert grown.keys() <= CONSEQUENCES
    finally:
        savepoint.rollback()
    assert {each.name for each in tmp_path.iterdir()} <= {case.file}  # nothing is left where it was unpacked


def _check_refused(case: Case, error: Invalid) -> None:
    assert case.outcome == REFUSED, (str(error), error.faults)
    assert error.faults
    said = [str(error), *(fault.message for fault in error.faults)]
    assert re.search(case.says, "\n".join(said), re.DOTALL), said
    for fault in error.faults:
        assert fault.where.startswith((case.file, "crs")), fault
    if case.where:
        assert re.fullmatch(rf"{re.escape(case.file)}:{case.where}", error.faults[0].where), error.faults
    _check_words(said)


def _check_read(case: Case, report: ImportReport) -> None:
    assert (report.read, report.loaded) == case.outcome, (report.faults[:3], report.notices)
    assert report.read == report.loaded + report.rejected
    said = [*(fault.message for fault in report.faults), *report.notices]
    assert re.search(case.says, "\n".join(said), re.DOTALL), said
    for fault in report.faults:
        assert re.fullmatch(rf"{re.escape(case.file)}:\d+:.*", fault.where, re.DOTALL), fault
    if case.where:
        assert re.match(rf"{re.escape(case.file)}:{case.where}", report.faults[0].where), report.faults[0]
    _check_words(said)
    if report.rejected:
        assert report.rejected_csv is not None
        rows = _records(report.rejected_csv.read())
        assert len(rows) == report.rejected
        assert all(row["reason"] for row in rows)
        cells = [cell for row in rows for cell in row.values() if isinstance(cell, str)]
        assert not [
            cell for cell in cells if re.match(r"\s*[=@]|[-+].*\|", cell)
        ]  # nothing that a spreadsheet would run


def _records(content: bytes) -> list[dict[str, str]]:
    limit = csv.field_size_limit(1 << 25)
    try:
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    finally:
        csv.field_size_limit(limit)


def _check_words(said: list[str]) -> None:
    """中文 first, English after it; nothing of the inside of the program; short enough to be read."""
    for line in said:
        chinese, separator, english = line.partition(" / ")
        assert separator and english, line
        assert re.search(r"[\u4e00-\u9fff]", chinese) or chinese.startswith("CGCS2000"), line
        assert not _LEAKS.search(line), line
        assert len(line) < 8000, len(line)


def test_personal_data_is_not_in_messages(place: Connection, tmp_path: Path) -> None:
    path = tmp_path / "人.csv"
    secrets = {"phone": "1.54999E+10", "id_number": "5.39901199001010017E+17", "name": "=欧阳某某(1)"}
    path.write_text(
        f"household,birth_date,{','.join(secrets)}\nH1,1950-02-30,{','.join(secrets.values())}\n", encoding="utf-8"
    )
    report = run_import(place, "residents", path, dry_run=True, today=TODAY)
    said = "\n".join([*(fault.message for fault in report.faults), *report.notices])
    assert report.rejected == 1
    assert not [value for value in secrets.values() if value in said]


_HUNGRY = ("a bomb", "a bomb in an archive in an archive", "a workbook that is a bomb", "10 MB in one cell", "a quote open over 10 MB", "10 MB in a heading", "a billion laughs", "a cell at the sheet's last row", "a cell in the last corner", "a cell in a column that there is not", "a far cell in a sheet of another name", "a scribble of 3,000 strokes", "100,000 brackets", "4,000,000,000 vertices said", "a header that says 2 GB", "says that it is large", "5,000 brackets")  # fmt: skip
_READ = """
import resource, sys
from pathlib import Path
from tempfile import TemporaryDirectory
from gis.errors import Invalid
from gis.intake.formats.opening import open_source
from gis.intake.formats import osm, spatial, xlsx
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path, kind in zip(map(Path, sys.argv[1::2]), sys.argv[2::2]):
    try:
        with TemporaryDirectory() as folder:
            for batch in open_source(path, path.name, kind, len, Path(folder)).batches():
                pass
    except Invalid:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) // (1024 if sys.platform == "linux" else 1 << 20))
"""


def test_hungry_files_stay_hungry(tmp_path: Path) -> None:
    """They are read in a process of their own, which must end, and whose memory must not follow what the files say of themselves."""
    hungry = [case for case in CASES if case.name.removeprefix("WKT ") in _HUNGRY]
    assert len(hungry) >= len(_HUNGRY)
    words = []
    for n, case in enumerate(hungry):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / case.file).write_bytes(case.bytes_in(folder))
        words += [str(folder / case.file), case.kind]
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _READ, *words], check=False, capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 400
