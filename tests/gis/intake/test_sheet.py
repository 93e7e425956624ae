"""A batch under check."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gis.intake.formats.source import Batch
from gis.intake.headings import Layout
from gis.intake.sheet import Sheet


def sheet(**columns: list[str | None]) -> Sheet:
    size = len(next(iter(columns.values())))
    layout = Layout([f"列{name}" for name in columns], {name: i for i, name in enumerate(columns)})
    return Sheet(Batch(np.arange(2, 2 + size), [pa.array(values, pa.string()) for values in columns.values()]), layout)


def test_text_is_trimmed_and_blank_is_null() -> None:
    found = sheet(name=[" a ", "　", "", None, "\tb\r"])
    assert found.text("name").to_pylist() == ["a", None, None, None, "b"]
    assert found.given("name").tolist() == [True, False, False, False, True]


def test_a_column_that_is_not_there_is_null() -> None:
    found = sheet(name=["a", "b"])
    assert found.text("code").to_pylist() == [None, None]
    assert not found.has("code")


def test_damaged_characters_are_rejected_once() -> None:
    found = sheet(name=["a\0b", "c", "幸\ufffd里", None])
    assert found.text("name").to_pylist() == [None, "c", None, None]
    found.text("name")
    assert found.ok.tolist() == [False, True, False, True]
    assert found.reasons[0] == found.reasons[2] == "含有空字符或乱码 / contains a NUL or a damaged character"


def test_several_faults_of_a_row_are_all_told_under_the_files_own_titles() -> None:
    found = sheet(name=["a", "b"], code=["1", None])
    found.require("code")
    found.reject(np.array([True, True]), "name", np.array(["甲 / x", "乙 / y"], dtype=object))
    assert found.columns.tolist() == ["列name", "列code、列name"]
    assert found.reasons.tolist() == ["甲 / x", "缺少值 / value missing；乙 / y"]
