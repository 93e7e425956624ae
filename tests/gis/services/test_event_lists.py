"""Lists of events: what a page costs does not follow the number of events, and it holds what a plain query gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from gis.casework.flow import OPEN
from gis.services.casework.lists import EventFilter, list_events
from gis.services.snapshots import Snapshots
from gis.store.session import Store

NOW = datetime(2026, 6, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
QUIET, LOUD, LITTLE = "539901001000", "539901002000", "539901001001"
PAGE = 20
GRIDS = """
INSERT INTO areas (code, name, level) VALUES ('539901001001', '甲', 'community'), ('539901002001', '乙', 'community');
INSERT INTO grids (code, name, community_id, geometry)
SELECT c.code || lpad(n::text, 3, '0'), n::text, c.id, ST_Multi(ST_MakeEnvelope(102 + n * 0.001, 25 + c.at, 102 + (n + 1) * 0.001, 25.001 + c.at, 4326))
FROM (SELECT code, id, row_number() OVER (ORDER BY code) AS at FROM areas WHERE level = 'community') c
CROSS JOIN LATERAL generate_series(1, CASE c.at WHEN 1 THEN 80 ELSE 320 END) n;
"""
# In the quiet township only old events, all but a few done; in the other one new ones: who looks for the former in the order of all reads through the latter.
EVENTS = """
INSERT INTO events (kind, title, severity, state, geometry, lon, lat, grid_id, reported_at, reported_on, warn_at, due_at, dispatched_at,
                    resolved_at, resolved_in_time, outcome)
SELECT (ARRAY['environment', 'facility', 'safety', 'service'])[1 + i % 4], '路灯不亮', 'ordinary', CASE WHEN is_open THEN 'handling' ELSE 'evaluated' END,
       ST_SetSRID(ST_MakePoint(102, 25), 4326), 102, 25, g.ids[1 + i * 7919 % cardinality(g.ids)], at, at::date,
       CASE WHEN is_open THEN at + interval '6 hours' END, CASE WHEN is_open THEN at + interval '8 hours' END, at,
       CASE WHEN NOT is_open THEN at + interval '1 day' END, CASE WHEN NOT is_open THEN true END, CASE WHEN NOT is_open THEN 'satisfied' END
FROM (SELECT i, CAST(:before AS timestamptz) - i * (interval '100 days' / (:last - :first + 1)) AS at, i % 10 = 0 AS is_open
      FROM generate_series(CAST(:first AS bigint), :last) i) e,
     (SELECT array_agg(id ORDER BY id) AS ids FROM grids WHERE code LIKE :begins) g
"""
FILTERS = {
    "newest": EventFilter(),
    "of a kind": EventFilter(kind="safety"),
    "of a kind that nobody reported": EventFilter(kind="emergency"),
    "in a state": EventFilter(state="handling"),
    "done": EventFilter(state="evaluated"),
    "open": EventFilter(state="open"),
    "of a kind and in a state": EventFilter(kind="environment", state="evaluated"),
    "in a quiet township": EventFilter(area=QUIET),
    "of a kind there": EventFilter(area=QUIET, kind="safety"),
    "in a state there": EventFilter(area=QUIET, state="handling"),
    "in a state that nothing is in there": EventFilter(area=QUIET, state="merged"),
    "of a kind and in a state there": EventFilter(area=QUIET, kind="safety", state="evaluated"),
    "of a kind that nobody reported there": EventFilter(area=QUIET, kind="emergency"),
    "open there": EventFilter(area=QUIET, state="open"),
    "in the loud one": EventFilter(area=LOUD),
    "in a grid's community": EventFilter(area=LITTLE),
    "overdue": EventFilter(overdue=True),
    "overdue there": EventFilter(overdue=True, area=QUIET),
    "warned there": EventFilter(warned=True, area=QUIET),
    "a worker's": EventFilter(own=True),
    "a worker's in a state": EventFilter(own=True, state="handling"),
    "a worker's open": EventFilter(own=True, state="open"),
    "a worker's of a kind": EventFilter(own=True, kind="safety"),
    "a worker's overdue": EventFilter(own=True, overdue=True),
    "a worker's there": EventFilter(own=True, area=QUIET),
    "a worker's of a kind in the loud one": EventFilter(own=True, area=LOUD, kind="safety"),
}
OWN_GRIDS = 6
INDEXES = {
    "newest": "ix_events_reported_at",
    "of a kind": "ix_events_kind_state",
    "in a quiet township": "ix_events_grid_reported",
    "of a kind there": "ix_events_grid_kind",
    "in a state that nothing is in there": "ix_events_grid_state",
    "of a kind and in a state there": "ix_events_grid_kind_state",
    "open there": "ix_events_grid_open",
    "overdue": "ix_events_due_at",
    "overdue there": "ix_events_open",
    "a worker's": "ix_events_reported_by",
    "a worker's overdue": "ix_events_reported_by_open",
}
"""By which pages are read at many events; there are more that are read by these."""


@pytest.fixture
def town(store: Store) -> Store:
    with store.owner_session() as session:
        for statement in GRIDS.split(";")[:-1]:
            session.execute(text(statement))
        session.execute(
            text("INSERT INTO accounts (name, password_hash, role) VALUES ('p', '', 'planner'), ('w', '', 'worker')")
        )
        session.execute(
            text(
                "INSERT INTO account_grids (account_id, grid_id, valid_from) SELECT a.id, g.id, '2020-01-01' FROM accounts a, "
                "(SELECT id FROM grids WHERE code LIKE '539901001%' ORDER BY code LIMIT :own) g WHERE a.name = 'w'"
            ),
            {"own": OWN_GRIDS},
        )
    add(store, 1, 500, NOW - timedelta(days=200), "539901001%")
    add(store, 501, 2_000, NOW, "539901002%")
    return store


def add(store: Store, first: int, last: int, before: datetime, begins: str) -> None:
    with store.owner_session() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(EVENTS), {"first": first, "last": last, "before": before, "begins": begins})
        # The worker reports now and then, also in grids of others, and mostly long ago.
        session.execute(
            text(
                "UPDATE events SET reported_by = (SELECT id FROM accounts WHERE name = 'w') WHERE id IN (SELECT id FROM events WHERE reported_by IS NULL ORDER BY reported_at LIMIT 60)"
            )
        )
    with store.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE events"))


@contextmanager
def reader(store: Store, wanted: EventFilter) -> Iterator[Session]:
    with store.owner_session() as session:
        account = session.scalar(
            text("SELECT id FROM accounts WHERE name = :name"), {"name": "w" if wanted.own else "p"}
        )
    with store.session(account) as session:
        yield session


def plan_of(store: Store, snapshots: Snapshots, wanted: EventFilter) -> dict[str, Any]:
    """Return how the database has found a page."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, params: Any, *_: Any) -> None:
        if "FROM events e" in statement:
            asked.append((statement, params))

    event.listen(store.service_engine, "before_cursor_execute", note)
    try:
        with reader(store, wanted) as session:
            list_events(session, snapshots, wanted, NOW)
            statement, params = asked[-1]
            told = (
                session.connection()
                .exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", params)
                .scalar_one()
            )
    finally:
        event.remove(store.service_engine, "before_cursor_execute", note)
    plan: dict[str, Any] = told[0]["Plan"]
    return plan


def blocks(plan: dict[str, Any]) -> int:
    """Return how many blocks the database has looked at."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def plainly(store: Store, wanted: EventFilter) -> list[str]:
    """Return the ids of all events that a filter names, in order, by reading everything."""
    late = wanted.overdue or wanted.warned
    order = "e.due_at, e.id" if late else "e.reported_at DESC, e.id DESC"
    with store.owner_session() as session:
        rows = session.execute(
            text(
                f"SELECT e.id, e.kind, e.state, e.due_at, e.warn_at, g.code, e.reported_by IS NOT NULL OR e.grid_id IN (SELECT grid_id FROM account_grids) AS own "
                f"FROM events e LEFT JOIN grids g ON g.id = e.grid_id ORDER BY {order}"
            )
        ).all()
    area = "" if wanted.area is None else wanted.area[:12] if not wanted.area.endswith("000") else wanted.area[:9]
    states = set(OPEN) if wanted.state == "open" or late else {wanted.state}
    return [
        str(row.id)
        for row in rows
        if (row.own or not wanted.own)
        and (wanted.kind in (None, row.kind))
        and (states == {None} or row.state in states)
        and (row.code or "").startswith(area)
        and (not wanted.overdue or row.due_at < NOW)
        and (not wanted.warned or row.warn_at < NOW <= row.due_at)
    ]


def test_a_page_costs_the_same_at_twenty_times_the_events(town: Store) -> None:
    snapshots = Snapshots()
    pages = {name: EventFilter(**{**vars(wanted), "limit": PAGE}) for name, wanted in FILTERS.items()}
    few = {name: blocks(plan_of(town, snapshots, wanted)) for name, wanted in pages.items()}
    add(town, 2_001, 40_000, NOW, "539901002%")
    plans = {name: plan_of(town, snapshots, wanted) for name, wanted in pages.items()}
    many = {name: blocks(plan) for name, plan in plans.items()}
    grown = {name: (few[name], many[name]) for name in few if many[name] > 3 * max(few[name], 30)}
    assert not grown
    unused = {name: index for name, index in INDEXES.items() if f"'{index}'" not in str(plans[name])}
    assert not unused


OF_ONE_EVENT = (
    "INSERT INTO event_steps (step_id, event_id, at, account, from_state, to_state) VALUES (gen_random_uuid(), :id, now(), linli_actor(), 'handling', 'resolved') ON CONFLICT (step_id) DO NOTHING",
    "SELECT * FROM event_steps WHERE event_id = :id",
    "SELECT * FROM event_desks WHERE event_id = :id",
)


@pytest.mark.parametrize("own", [False, True], ids=["planner", "worker"])
def test_the_steps_of_one_event_are_written_and_read_without_a_look_at_the_others(town: Store, own: bool) -> None:
    """A policy that makes a list of all events that one may see takes seconds for each report in a large city."""
    add(town, 2_001, 20_000, NOW, "539901002%")
    with reader(town, EventFilter(own=own)) as session:
        one = session.scalar(text("SELECT id FROM events ORDER BY reported_at LIMIT 1"))
        plans = [
            session.scalar(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {each}"), {"id": one})[0]["Plan"]
            for each in OF_ONE_EVENT
        ]
    assert max(blocks(plan) for plan in plans) < 60


@pytest.mark.parametrize("name", FILTERS)
def test_pages_hold_what_a_plain_query_gives(town: Store, name: str) -> None:
    wanted = EventFilter(**{**vars(FILTERS[name]), "limit": 60})
    expected, found, cursor = plainly(town, wanted), [], None
    with reader(town, wanted) as session:
        for _ in range(60):
            page = list_events(session, Snapshots(), EventFilter(**{**vars(wanted), "cursor": cursor}), NOW)
            found += [str(each["id"]) for each in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
    assert found == expected
