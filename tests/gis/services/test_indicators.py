"""Summaries, measures and the screen's figures of the place drawn in conftest.py; needs in cells and months."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.services import indicators, needs
from gis.services.casework import figures
from gis.services.needs import NeedQuery
from gis.services.snapshots import Snapshots
from tests.gis.services.conftest import G1, G2

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
TODAY = NOW.date()


@pytest.fixture
def asked(session: Session) -> Session:
    """Every household of B2 (8) has asked for meals in October, two of B1's in November; three of B2's needs are closed."""
    session.execute(
        text(
            "INSERT INTO needs (household_id, service, opened_on, closed_on) "
            "SELECT h.id, 'meal', '2026-10-05', CASE WHEN h.code IN ('H007', 'H008', 'H009') THEN date '2026-10-20' END "
            "FROM households h JOIN buildings b ON b.id = h.building_id WHERE b.code = 'B2'"
        )
    )
    session.execute(
        text(
            "INSERT INTO needs (household_id, service, opened_on) SELECT id, 'health', '2026-11-02' FROM households WHERE code IN ('H001', 'H002')"
        )
    )
    return session


def test_a_grid_summary_counts_everyone(asked: Session, snapshots: Snapshots) -> None:
    summary = indicators.grid_summary(asked, snapshots, G1, TODAY, exact=True)
    assert {key: summary[key] for key in ("households", "residents", "elders_60", "children_12", "needs_open")} == {
        "households": 6, "residents": 24, "elders_60": 12, "children_12": 6, "needs_open": 2,
    }  # fmt: skip
    assert summary["care_flags"]["living_alone"] == 12
    assert summary["colours"] == {"red": 0, "yellow": 0, "green": 6}
    assert summary["covered_share"] == {"meal": 1.0, "health": 1.0, "day_care": 0.0}
    with pytest.raises(NotFound):
        indicators.grid_summary(asked, snapshots, "0", TODAY, exact=True)


def test_grids_and_strays_add_up_to_the_whole(asked: Session, snapshots: Snapshots) -> None:
    counts = indicators.grid_counts(asked, snapshots, TODAY, exact=True)
    assert counts["households"].tolist() == [6, 15, 2]
    assert counts["needs_open"].tolist() == [2, 5, 0]
    assert int(counts["residents"].sum()) == asked.execute(text("SELECT count(*) FROM residents")).scalar_one()


def test_small_numbers_of_a_measure_are_hidden_and_zero_is_not(asked: Session, snapshots: Snapshots) -> None:
    asked_for = indicators.measure(asked, snapshots, "needs_open", TODAY, exact=True)
    assert asked_for["values"] == {G1: None, G2: 5.0}
    assert asked_for["suppressed"] == [G1]
    flags = indicators.measure(asked, snapshots, "flag:disability", TODAY, exact=True)
    assert flags["values"] == {G1: 0.0, G2: 0.0}
    share = indicators.measure(asked, snapshots, "elder_share", TODAY, exact=True)
    assert share["values"] == {G1: 50.0, G2: round(8 / 30 * 100, 2)}
    with pytest.raises(NotFound):
        indicators.measure(asked, snapshots, "salary", TODAY, exact=True)


@pytest.mark.parametrize("exact", [True, False])
def test_every_measure_that_is_offered_can_be_had(asked: Session, snapshots: Snapshots, exact: bool) -> None:
    for name in indicators.measure_names(asked, snapshots):
        assert set(indicators.measure(asked, snapshots, name["key"], TODAY, exact=exact)["values"]) == {G1, G2}


def test_the_screen_shows_aggregates_only(asked: Session, snapshots: Snapshots) -> None:
    shown = figures.screen_summary(asked, snapshots, None, NOW, exact=True)
    assert shown["place"] == "甲区"
    assert shown["totals"] == {
        "households": 23, "residents": 54, "elders_60": 20, "children_12": 13, "needs_open": 7,
        "grids": 2, "buildings": 3, "stations": 2,
    }  # fmt: skip
    assert shown["rankings"]["needs_open"] == [{"code": G2, "name": "二网格", "value": 5}]
    assert shown["needs_by_service"] == [
        {"service": "meal", "label": "助餐", "count": 5},
        {"service": "health", "label": "健康监测", "count": None},
    ]
    assert {c["service"]: c["share"] for c in shown["coverage"]} == {
        "meal": round(6 / 23, 4), "health": round(6 / 23, 4), "day_care": round(8 / 23, 4),
    }  # fmt: skip
    assert shown["trend"][-2:] == [
        {"month": "2026-10", "opened": 8, "closed": None},
        {"month": "2026-11", "opened": None, "closed": 0},
    ]
    assert shown["stations_open"] == 2
    night = figures.screen_summary(asked, snapshots, None, NOW.replace(hour=23), exact=True)
    assert {c["service"]: c["share"] for c in night["coverage"]}["meal"] == 0.0


def test_the_screen_of_an_area_leaves_strays_out(asked: Session, snapshots: Snapshots) -> None:
    shown = figures.screen_summary(asked, snapshots, "539901001001", NOW)
    assert shown["place"] == "丙社区"
    assert shown["totals"]["households"] == 21
    assert shown["totals"]["stations"] == 2


def test_cells_count_needs_and_rates(asked: Session, snapshots: Snapshots) -> None:
    cells = needs.cells(asked, snapshots, NeedQuery(size_m=100, exact=True), TODAY)
    with_count = [f["properties"] for f in cells["features"] if f["properties"]["count"]]
    assert with_count == [{"count": 8, "households": 8, "rate": 100.0, "suppressed": False}]
    hidden = [f["properties"] for f in cells["features"] if f["properties"]["suppressed"]]
    assert hidden == [{"count": None, "households": 6, "rate": None, "suppressed": True}]
    assert cells["total"] == 10
    ring = cells["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert len(ring) == 5


def test_cells_ask_for_service_and_time(asked: Session, snapshots: Snapshots) -> None:
    def total(**asked_for: object) -> object:
        return needs.cells(asked, snapshots, NeedQuery(**asked_for, exact=True), TODAY)["total"]  # type: ignore[arg-type]

    assert total(services=("meal",)) == 8
    assert total(services=("errand",)) == 0
    assert total(since=date(2026, 10, 5), until=date(2026, 10, 5)) == 8
    assert total(since=date(2026, 10, 6), until=date(2026, 10, 31)) == 0
    assert total(services=("health",)) is None  # two: too few to be told


def test_a_closed_need_leaves_the_count_of_open_ones(asked: Session, snapshots: Snapshots) -> None:
    before = indicators.grid_summary(asked, snapshots, G2, TODAY, exact=True)["needs_open"]
    asked.execute(text("UPDATE needs SET closed_on = '2026-11-19' WHERE service = 'meal' AND closed_on IS NULL"))
    assert (before, indicators.grid_summary(asked, snapshots, G2, TODAY, exact=True)["needs_open"]) == (5, 0)
