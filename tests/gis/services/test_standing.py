"""How events stand, read anew only where something happened: always what a whole reading gives, whoever commits when, and never more than that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from gis.casework.flow import OPEN
from gis.services import recounting
from gis.services.casework.standing import Events, load_events
from gis.services.snapshots import Snapshots
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2, account

NOW = datetime(2026, 11, 20, 10, 30, 20, tzinfo=ZoneInfo("Asia/Shanghai"))
GRID, AGO = st.sampled_from([G1, G2, None]), st.integers(0, 40)
ADD = """
INSERT INTO events (kind, title, severity, geometry, lon, lat, grid_id, reported_at, reported_on, warn_at, due_at)
SELECT 'facility', 'x', 'ordinary', ST_SetSRID(ST_MakePoint(0, 0), 4326), 0, 0, (SELECT id FROM grids WHERE code = :grid), at, at::date,
       at + interval '1 hour', at + interval '2 hours'
FROM (SELECT CAST(:now AS timestamptz) - :ago * interval '1 day' AS at) moment
"""
_SOME = "id IN (SELECT id FROM events WHERE grid_id IS NOT DISTINCT FROM (SELECT id FROM grids WHERE code = :grid) ORDER BY reported_at LIMIT 2)"
OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "reported": (ADD, {"grid": GRID, "ago": AGO}),
    "taken up": (
        f"UPDATE events SET state = 'handling', dispatched_at = :now, dispatched_in_time = true WHERE {_SOME}",
        {"grid": GRID},
    ),
    "resolved": (
        f"UPDATE events SET state = 'resolved', resolved_at = :now, resolved_in_time = true, warn_at = NULL, due_at = NULL WHERE {_SOME}",
        {"grid": GRID},
    ),
    "other limit": (
        f"UPDATE events SET due_at = CAST(:now AS timestamptz) - interval '20 seconds' WHERE {_SOME}",
        {"grid": GRID},
    ),
    "moved": (
        f"UPDATE events SET grid_id = (SELECT id FROM grids WHERE code = :to) WHERE {_SOME}",
        {"grid": GRID, "to": GRID},
    ),
    "gone": (f"DELETE FROM events WHERE {_SOME}", {"grid": GRID}),
    "emptied": ("TRUNCATE events CASCADE", {}),
    "broken and put right": ("SELECT linli_repair_event_days() FROM (SELECT count(*) FROM events) e", {}),
    "grid made": (
        "INSERT INTO grids (code, name, community_id, geometry) SELECT left(:grid, 12) || lpad((100 + (SELECT count(*) FROM grids))::text, 3, '0'), 'n', "
        "community_id, ST_Translate(geometry, 1, 0) FROM grids WHERE code = :grid",
        {"grid": st.sampled_from([G1, G2])},
    ),
}
STEP = st.sampled_from(sorted(OPERATIONS)).flatmap(
    lambda name: st.tuples(st.just(name), st.fixed_dictionaries(OPERATIONS[name][1]))
)


def told(store: Store, snapshots: Snapshots, now: datetime) -> dict[str, Any]:
    with store.session(account(store, "screen")) as session:
        return figures(load_events(session, snapshots, now))


def figures(found: Events) -> dict[str, Any]:
    return {
        **{f"now {state}": found.states[state].tolist() for state in OPEN},
        **{name: column.tolist() for name, column in found.counts.items()},
        "overdue": found.overdue.tolist(), "warned": found.warned.tolist(), "by day": (found.reported.tolist(), found.closed.tolist()),
    }  # fmt: skip


def plainly(store: Store, now: datetime) -> dict[str, Any]:
    """Return some of the same by counting all events."""
    with store.owner_session() as session:
        rows = session.execute(
            text(
                "SELECT g.code, e.state, e.due_at, e.warn_at, e.reported_on FROM events e LEFT JOIN grids g ON g.id = e.grid_id"
            )
        ).all()
        codes = session.scalars(text('SELECT code FROM grids WHERE valid_to IS NULL ORDER BY code COLLATE "C"')).all()
    minute = now.replace(second=0, microsecond=0)
    units = [*codes, None]

    def by_grid(chosen: list[Any]) -> list[int]:
        return [sum(row.code == unit for row in chosen) for unit in units]

    running = [row for row in rows if row.state in OPEN]
    lately = [row for row in rows if 0 <= (now.date() - row.reported_on).days < 30]
    return {
        **{f"now {state}": by_grid([row for row in running if row.state == state]) for state in OPEN},
        "overdue": by_grid([row for row in running if row.due_at and row.due_at < minute]),
        "warned": by_grid(
            [row for row in running if row.due_at and row.warn_at and row.warn_at < minute <= row.due_at]
        ),
        "reported": by_grid(lately),
    }


@contextmanager
def asked(store: Store) -> Iterator[list[str]]:
    """Give the statements that ask for the days of grids, or for all that is open."""
    statements: list[str] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = store._moments_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=15), minutes=st.integers(0, 300))
def test_what_is_read_piece_by_piece_equals_all_rows(place: Store, steps: list[Any], minutes: int) -> None:
    with place.owner_session() as session:
        session.execute(text("TRUNCATE events CASCADE"))
        session.execute(text("DELETE FROM grids WHERE name = 'n'"))
    running = Snapshots()
    for name, values in steps:
        with place.owner_session() as session:
            session.execute(text(OPERATIONS[name][0]), {"now": NOW, **values})
        ours, rows = told(place, running, NOW), plainly(place, NOW)
        assert {each: ours[each] for each in rows} == rows, name
    later = NOW + timedelta(minutes=minutes)
    assert told(place, running, later) == told(place, Snapshots(), later)
    with place.owner_session() as session:
        assert recounting.differences(session, NOW.date())[1] == []


@pytest.mark.parametrize("first", ["earlier", "later"])
def test_who_began_before_a_reading_and_commits_after_it_is_not_missed(place: Store, first: str) -> None:
    """Also where a younger transaction has committed in between, and where the older one commits last."""
    running = Snapshots()
    told(place, running, NOW)
    earlier, later = place.owner_engine.connect(), place.owner_engine.connect()
    for connection, grid in ((earlier, G1), (later, G2)):
        connection.execute(text(ADD), {"now": NOW, "grid": grid, "ago": 1})
    for connection in (earlier, later) if first == "earlier" else (later, earlier):
        connection.commit()
        connection.close()
        ours, rows = told(place, running, NOW), plainly(place, NOW)
        assert {each: ours[each] for each in rows} == rows


def test_only_grids_in_which_something_happened_are_read(place: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from gis.services.casework import standing

    read: list[Any] = []
    whole = standing.read_frame

    def watched(connection: Any, query: str, params: Any) -> Any:
        read.append(params["grids"])
        return whole(connection, query, params)

    monkeypatch.setattr(standing, "read_frame", watched)
    running = Snapshots()
    told(place, running, NOW)
    assert read == [None, None]
    for ago in (0, 0, 200):  # again on the same day, and on one that no trend reaches
        read.clear()
        with place.owner_session() as session:
            session.execute(text(ADD), {"now": NOW, "grid": G2, "ago": ago})
            touched = session.scalar(text("SELECT id FROM grids WHERE code = :code"), {"code": G2})
        told(place, running, NOW)
        assert read == [[touched], [touched]]
    read.clear()
    told(place, running, NOW + timedelta(minutes=1))
    assert read == []
    told(place, running, NOW + timedelta(days=1))
    assert read == [None, None]


def test_what_was_touched_is_found_by_an_index(place: Store) -> None:
    with place.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO event_days (grid_id, day, touched_in) SELECT g, date '2026-01-01' + d, 1 FROM generate_series(1, 200) g, generate_series(1, 100) d"
            )
        )
    with place.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE event_days"))
    running = Snapshots()
    told(place, running, NOW)
    with place.owner_session() as session:
        session.execute(text(ADD), {"now": NOW, "grid": G1, "ago": 1})
    with asked(place) as statements:
        told(place, running, NOW)
    question = next(each for each in statements if "touched_in" in each)
    with place.owner_session() as session:
        seen = session.scalar(text("SELECT pg_current_snapshot()::text"))
        plan = (
            session.connection()
            .exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {question}", {"seen": seen})
            .scalar_one()[0]["Plan"]
        )
    assert "ix_event_days_touched_in" in str(plan)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20


def test_screens_read_no_event_and_strangers_nothing(place: Store) -> None:
    with place.owner_session() as session:
        session.execute(text(ADD), {"now": NOW, "grid": G1, "ago": 1})
    with place.session(account(place, "screen")) as session:
        assert session.execute(text("SELECT * FROM events")).all() == []
        names = session.execute(text("SELECT * FROM linli_open_events(NULL)")).keys()
    assert set(names) == {"grid_id", "state", "warn_min", "due_min"}
    with pytest.raises(Exception, match="no account"), place.session(None) as session:
        session.execute(text("SELECT * FROM linli_open_events(NULL)"))
