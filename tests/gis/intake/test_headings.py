"""Headings in two languages, and what is ambiguous."""

from __future__ import annotations

import pytest

from gis.errors import Invalid
from gis.intake.headings import OWN_WORDS, SYNONYMS, count_known, read_headings
from gis.intake.kinds import KIND_NAMES, kind_named


def layout(kind: str, *headings: str):
    return read_headings(kind, kind_named(kind).columns, headings, "f.csv")


@pytest.mark.parametrize(
    ("kind", "headings", "columns"),
    [
        (
            "households",
            ["户编码", "楼栋", "经度", "纬度", "颜色"],
            ["code", "building", "lon", "lat", "colour"],
        ),
        (
            "households",
            ["CODE", " Building_Code ", "Longitude", "LAT", "Color"],
            ["code", "building", "lon", "lat", "colour"],
        ),
        ("grids", ["网格", "名称"], ["code", "name"]),
        (
            "buildings",
            ["编码", "名称", "小区", "层数", "单元数"],
            ["code", "name", "compound", "floors", "units"],
        ),
        (
            "residents",
            ["户编码", "出生日期", "姓名", "身份证号", "特殊关怀标识"],
            ["household", "birth_date", "name", "id_number", "care_flags"],
        ),
        (
            "needs",
            ["户编码", "服务事项", "提出日期", "办结日期"],
            ["household", "service", "opened_on", "closed_on"],
        ),
        ("stations", ["站点编码", "站点名称", "类别", "服务事项"], ["code", "name", "kind", "services"]),
        ("streets", ["osm_id", "name", "fclass"], ["code", "name", "kind"]),
        ("households", ["户编码*", "经度(°)", "纬度（度）"], ["code", "lon", "lat"]),
        ("households", ["编　码", "\ufeff楼栋"], ["code", "building"]),
    ],
)
def test_headings_are_found_in_either_language(kind: str, headings: list[str], columns: list[str]) -> None:
    found = layout(kind, *headings)
    assert found.position == {column: i for i, column in enumerate(columns)}
    assert found.ignored == []


def test_unknown_headings_are_named_and_the_marks_of_rejected_rows_are_not() -> None:
    found = layout("households", "code", "备用", "row", "column", "reason", "")
    assert found.ignored == ["备用"]
    assert [found.headings[i] for i in found.original()] == ["code", "备用", ""]


def test_a_columns_own_name_wins_over_a_synonym() -> None:
    found = layout("households", "编号", "code")
    assert found.position == {"code": 1}
    assert found.ignored == ["编号"]


def test_two_synonyms_of_one_column_are_refused() -> None:
    with pytest.raises(Invalid) as caught:
        layout("households", "code", "颜色", "三色")
    assert [fault.where for fault in caught.value.faults] == ["f.csv:colour"]
    assert "颜色、三色" in caught.value.faults[0].message


def test_title_of_a_column_is_the_files_own() -> None:
    found = layout("households", "户编码", "颜色")
    assert (found.title("colour"), found.title("building")) == ("颜色", "building")


def test_known_headings_are_counted() -> None:
    assert count_known("households", kind_named("households").columns, ["幸福社区住户名单", "", ""]) == 0
    assert count_known("households", kind_named("households").columns, ["户编码", "颜色", "x1"]) == 2


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_column_has_a_chinese_heading(kind: str) -> None:
    for column in kind_named(kind).columns:
        words = (*SYNONYMS.get(column, ()), *OWN_WORDS[kind].get(column, ()))
        chinese = [word for word in words if not word.isascii()]
        assert chinese, column
        # The first Chinese word of every column leads back to it.
        own = [word for word in OWN_WORDS[kind].get(column, ()) if not word.isascii()]
        assert layout(kind, (own or chinese)[0]).position == {column: 0}
