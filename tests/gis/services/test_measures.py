"""Measures of events and of months by hand, and what is told of them to whom."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Invalid, NotFound
from gis.services import measures
from gis.services.measures import Reader, Span
from gis.services.snapshots import Snapshots
from tests.gis.services.conftest import G1, G2

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
EXACT, PLANNER, WALL = Reader(exact=True), Reader(), Reader(wall=True)


@pytest.fixture
def asked(session: Session) -> Session:
    """In G2 (15 households) 24 needs in October and 16 in November, 8 of them closed in November; two events in G2, one closed long ago."""
    for day, closed, times in (
        ("2026-10-05", None, 3),
        ("2026-11-03", None, 1),
        ("2026-11-04", "2026-11-09", 1),
    ):
        for _ in range(times):
            session.execute(
                text(
                    "INSERT INTO needs (household_id, service, opened_on, closed_on) SELECT h.id, 'meal', :day, :closed "
                    "FROM households h JOIN buildings b ON b.id = h.building_id WHERE b.code = 'B2'"
                ),
                {"day": date.fromisoformat(day), "closed": closed and date.fromisoformat(closed)},
            )
    return session


def values(session: Session, snapshots: Snapshots, key: str, reader: Reader, span: Span | None = None) -> dict:
    return measures.measure(session, snapshots, key, NOW, reader, span)["values"]


def test_needs_of_months_are_counted(asked: Session, snapshots: Snapshots) -> None:
    october, november = Span("2026-10", "2026-10"), Span("2026-11", "2026-11")
    assert values(asked, snapshots, "needs_opened", EXACT, october) == {G1: 0, G2: 24}
    assert values(asked, snapshots, "needs_opened", EXACT, november) == {G1: 0, G2: 16}
    assert values(asked, snapshots, "needs_opened", EXACT) == {G1: 0, G2: 40}
    assert values(asked, snapshots, "needs_closed", EXACT, november) == {G1: 0, G2: 8}
    assert values(asked, snapshots, "opened_rate", EXACT, november) == {G1: 0, G2: round(1600 / 15, 2)}


def test_planners_get_months_in_fives_that_add_up(asked: Session, snapshots: Snapshots) -> None:
    spans = [Span("2026-10", "2026-10"), Span("2026-11", "2026-11"), Span("2026-10", "2026-11")]
    told = [values(asked, snapshots, "needs_opened", PLANNER, span) for span in spans]
    assert all(each[G1] is None and each[G2] % 5 == 0 for each in told), "nobody, or fewer than five"
    assert told[0][G2] + told[1][G2] == told[2][G2]
    for each, truth in zip(told, (24, 16, 40), strict=True):
        assert abs(each[G2] - truth) < 5


def test_a_wall_has_no_past_and_no_small_number_of_events(asked: Session, snapshots: Snapshots) -> None:
    asked.execute(
        text(
            "INSERT INTO events (id, kind, title, severity, lon, lat, geometry, grid_id, state, reported_at, reported_on) "
            "SELECT gen_random_uuid(), 'facility', '路灯', 'minor', ST_X(ST_Centroid(g.geometry)), ST_Y(ST_Centroid(g.geometry)), ST_Centroid(g.geometry), g.id, 'reported', :at, :on "
            "FROM grids g, generate_series(1, CASE g.code WHEN :full THEN 6 ELSE 2 END)"
        ),
        {"at": NOW, "on": NOW.date(), "full": G2},
    )
    for reader, few in ((EXACT, 2.0), (PLANNER, 2.0), (WALL, None)):
        found = measures.measure(asked, snapshots, "events_open", NOW, reader)
        assert found["values"] == {G1: few, G2: 6.0}
        assert found["suppressed"] == ([G1] if reader.wall else [])
    assert values(asked, snapshots, "events_reported", PLANNER, Span("2026-11", "2026-11")) == {G1: 2, G2: 6}
    assert values(asked, snapshots, "events_reported", PLANNER, Span("2026-10", "2026-10")) == {G1: 0, G2: 0}
    with pytest.raises(NotFound):
        measures.measure(asked, snapshots, "events_reported", NOW, WALL)
    assert not any(name["monthly"] for name in measures.measure_names(asked, snapshots, wall=True))


def test_every_measure_that_is_listed_can_be_had_and_stands_in_a_group(asked: Session, snapshots: Snapshots) -> None:
    for name in measures.measure_names(asked, snapshots):
        assert name["group"] in measures.GROUPS
        for reader in (EXACT, PLANNER):
            found = measures.measure(asked, snapshots, name["key"], NOW, reader)
            assert set(found["values"]) == {G1, G2}
            assert all(found["values"][code] is None for code in found["suppressed"])
            assert ("from" in found) == name["monthly"]


def test_a_difference_is_known_only_where_both_are(asked: Session, snapshots: Snapshots) -> None:
    left, right = (
        measures.measure(asked, snapshots, "needs_opened", NOW, EXACT, Span(month, month))
        for month in ("2026-10", "2026-11")
    )
    assert measures.difference(left, right) == {
        "unit": "件", "values": {G1: 0, G2: -8}, "rose": 0, "fell": 1, "same": 1, "unknown": 0,
    }  # fmt: skip
    left["values"][G2] = None
    assert measures.difference(left, right)["unknown"] == 1
    assert measures.difference(left, measures.measure(asked, snapshots, "households", NOW, EXACT)) is None


def test_spans_are_whole_months_in_order() -> None:
    assert Span.asked(None, None, NOW.date()) == Span("2025-12", "2026-11")
    assert Span.asked(None, "2026-01", NOW.date()) == Span("2025-02", "2026-01")
    for first, last, where in (
        ("2026-13", None, "from"),
        (None, "26-01", "to"),
        ("2026-11", "2026-10", "from"),
    ):
        with pytest.raises(Invalid) as refused:
            Span.asked(first, last, NOW.date(), "left_")
        assert refused.value.faults[0].where == f"query.left_{where}"
