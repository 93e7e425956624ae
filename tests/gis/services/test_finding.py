"""Places found by code, name and address: what comes first, what is never found, and how Chinese is cut."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.services import finding
from gis.services.finding import Lines
from gis.services.snapshots import Snapshots
from tests.gis.services.conftest import G1, G2


@pytest.fixture
def named(session: Session) -> Session:
    session.execute(text("INSERT INTO compounds (code, name) VALUES ('C1', '阳光小区')"))
    session.execute(
        text(
            "UPDATE buildings SET name = '３栋', compound_id = (SELECT id FROM compounds WHERE code = 'C1') WHERE code = 'B1'"
        )
    )
    session.execute(text("UPDATE buildings SET name = '阳光大厦' WHERE code = 'B2'"))
    session.execute(
        text(
            "INSERT INTO streets (code, name, kind, geometry) VALUES ('T1', '阳光路', 'residential', ST_GeomFromText('LINESTRING(102.001 25.03, 102.002 25.03)', 4326)), "
            "('T2', '阳光路', 'residential', ST_GeomFromText('LINESTRING(102.002 25.03, 102.003 25.03)', 4326))"
        )
    )
    return session


def found(session: Session, snapshots: Snapshots, sought: str) -> list[tuple[str, str]]:
    return [(item["kind"], item["code"]) for item in finding.find(session, snapshots, sought)]


def test_one_chinese_character_finds_and_the_wider_place_comes_first(named: Session, snapshots: Snapshots) -> None:
    assert found(named, snapshots, "阳") == [
        ("compound", "C1"), ("street", "阳光路"), ("building", "B1"), ("building", "B2"),
    ]  # fmt: skip
    assert found(named, snapshots, "光路") == [("street", "阳光路")]


def test_the_same_name_comes_before_longer_ones_and_codes_are_found_by_both_ends(
    named: Session, snapshots: Snapshots
) -> None:
    named.execute(text("INSERT INTO compounds (code, name) VALUES ('C0', '大阳光小区')"))
    assert found(named, snapshots, "阳光小区")[0] == ("compound", "C1")
    assert found(named, snapshots, G2)[0] == ("grid", G2)
    assert found(named, snapshots, G2[-6:])[0] == ("grid", G2)
    assert found(named, snapshots, "b1")[0] == ("building", "B1")


def test_an_address_finds_a_building(named: Session, snapshots: Snapshots) -> None:
    for sought in ("阳光小区3栋", "阳光小区 ３栋", "丙社区 3栋", "乙街道　3栋"):
        assert found(named, snapshots, sought) == [("building", "B1")], sought
    item = finding.find(named, snapshots, "阳光小区3栋")[0]
    assert item["name"] == "阳光小区３栋"
    assert item["address"] == "甲区 乙街道 丙社区 一网格"
    west, south, east, north = item["bounds"]
    assert west <= east and south <= north


def test_nobody_is_found(named: Session, snapshots: Snapshots) -> None:
    named.execute(text("UPDATE residents SET name = '王小明'"))
    for sought in ("王小明", "H001", "H", "  ", "%", "_"):
        assert all(kind in finding.KINDS for kind, _ in found(named, snapshots, sought))
        assert not any(code.startswith("H") for _, code in found(named, snapshots, sought))
    assert found(named, snapshots, "王小明") == found(named, snapshots, "%") == []


def test_what_is_renamed_is_found_under_its_new_name(named: Session, snapshots: Snapshots) -> None:
    assert found(named, snapshots, "月光") == []
    named.execute(text("UPDATE stations SET name = '月光食堂' WHERE code = 'S1'"))
    assert found(named, snapshots, "月光") == [("station", "S1")]


def test_a_place_has_a_shape(named: Session) -> None:
    kinds = {"grid": G1, "street": "阳光路", "station": "S1", "building": "B1", "compound": "C1"}
    for kind, code in kinds.items():
        shape = finding.outline_of(named, kind, code)
        assert shape["geometry"]["coordinates"] and shape["properties"]["kind"] == kind
    for kind, code in (("grid", "0"), ("street", "没有路"), ("household", "H001"), ("area", "539901000000")):
        with pytest.raises(NotFound):
            finding.outline_of(named, kind, code)


def test_lines_are_found_as_a_plain_search_finds_them() -> None:
    chance = np.random.default_rng(5)
    lines = ["".join(chance.choice(list("甲乙丙1"), chance.integers(0, 6))) for _ in range(400)]
    known = Lines(lines)
    for part in {"".join(chance.choice(list("甲乙丙1"), n)) for n in (1, 2, 3) for _ in range(30)}:
        assert list(known.holding(part)) == [i for i, line in enumerate(lines) if part in line]
        assert list(known.holding(part, start=True)) == [i for i, line in enumerate(lines) if line.startswith(part)]
        assert list(known.holding(part, end=True)) == [i for i, line in enumerate(lines) if line.endswith(part)]
        assert list(known.holding(part, start=True, end=True)) == [i for i, line in enumerate(lines) if line == part]
