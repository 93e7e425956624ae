"""The report and the file of rejected rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import SpooledTemporaryFile

from gis.intake.report import IN_MEMORY_BYTES, KEPT_FAULTS, Rejects


def test_rejected_rows_are_written_as_they_came_with_what_is_wrong() -> None:
    rejects = Rejects("f.csv", ["编码", "name"])
    rejects.add([3, 7], [("1", 'a "b", c'), (None, "x\ny")], ["name", "编码"], ["甲 / a", "乙 / b"])
    file = rejects.content()
    assert file is not None
    content = file.read()
    assert content.startswith(b"\xef\xbb\xbf")
    records = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert records == [
        ["编码", "name", "row", "column", "reason"],
        ["1", 'a "b", c', "3", "name", "甲 / a"],
        ["", "x\ny", "7", "编码", "乙 / b"],
    ]
    assert [(fault.where, fault.message) for fault in rejects.faults] == [
        ("f.csv:3:name", "甲 / a"),
        ("f.csv:7:编码", "乙 / b"),
    ]


def test_nothing_rejected_is_no_file() -> None:
    assert Rejects("f.csv", ["a"]).content() is None


def test_only_the_first_faults_are_kept_in_the_report() -> None:
    rejects = Rejects("f.csv", ["a"])
    for start in range(0, 3000, 700):
        rows = list(range(start, start + 700))
        rejects.add(rows, [("x",)] * 700, ["a"] * 700, ["r"] * 700)
    assert len(rejects.faults) == KEPT_FAULTS
    assert rejects.count == 3500
    file = rejects.content()
    assert file is not None
    content = file.read()
    assert content.count(b"\n") == 3501


def test_many_rejected_rows_are_not_in_memory(tmp_path: Path) -> None:
    rejects = Rejects("f.csv", ["a"], tmp_path)
    row = ("x" * 1000,)
    for start in range(0, IN_MEMORY_BYTES // 1000 + 1000, 500):
        rejects.add(list(range(start, start + 500)), [row] * 500, ["a"] * 500, ["r"] * 500)
    file = rejects.content()
    assert isinstance(file, SpooledTemporaryFile)
    assert file.name is not None  # a file of the system, no longer a buffer
    assert sum(line.startswith(b"x") for line in file) == rejects.count
