"""A year of a large city's events, written quickly."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import Connection, text

from gis.store.session import Store

# A year: 98 % are closed, most in time; the open ones are of the last days. Grid and kind have nothing to do with each other, and the worker reports as many
# a year wherever it is.
_EVENTS = """
INSERT INTO events (kind, title, severity, state, geometry, lon, lat, grid_id, reported_by, reported_at, reported_on, assignee, warn_at, due_at, dispatched_at,
                    dispatched_in_time, resolved_at, resolved_in_time, outcome)
SELECT (ARRAY['environment', 'facility', 'safety', 'service'])[1 + (hashint8(i) & 3)], '路灯不亮', 'ordinary',
       CASE WHEN NOT is_open THEN 'evaluated' WHEN i % 3 = 0 THEN 'reported' ELSE 'handling' END,
       ST_SetSRID(ST_MakePoint(102.7, 25.0), 4326), 102.7, 25.0, g.ids[1 + i * 7919 % cardinality(g.ids)],
       CASE WHEN i % (:all / :own) = 0 THEN w.id END, at, (at AT TIME ZONE 'Asia/Shanghai')::date, 'D1',
       CASE WHEN is_open THEN at + interval '6 hours' END, CASE WHEN is_open THEN at + interval '8 hours' END, at, i % 20 > 0,
       CASE WHEN NOT is_open THEN at + interval '1 day' END, CASE WHEN NOT is_open THEN i % 25 > 0 END, CASE WHEN NOT is_open THEN 'satisfied' END
FROM (SELECT i, now() - i * (interval '365 days' / :all) AS at, i <= :all / 50 AS is_open FROM generate_series(CAST(1 AS bigint), :all) i) e,
     (SELECT array_agg(id ORDER BY id) AS ids FROM grids) g, (SELECT id FROM accounts WHERE role = 'worker') w
"""
_OWN_EVENTS, _OWN_GRIDS = 1_500, 12
"""What a worker reports in a year, and how many grids it has."""
_SECONDARY = """
SELECT i.indexdef, i.indexname FROM pg_indexes i
WHERE i.schemaname = 'public' AND i.tablename = :table AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)
"""


def fill_events(store: Store, count: int) -> None:
    """Write a year of events, and give the worker its grids."""
    with store.owner_engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
        connection.execute(
            text("INSERT INTO account_grids (account_id, grid_id, valid_from) SELECT a.id, g.id, '2020-01-01' FROM accounts a, "
                 "(SELECT id FROM grids ORDER BY code LIMIT :own) g WHERE a.role = 'worker'"), {"own": _OWN_GRIDS},
        )  # fmt: skip
        with without_indexes(connection, "events"):
            connection.execute(text(_EVENTS), {"all": count, "own": _OWN_EVENTS})
        with without_indexes(connection, "event_days"):
            connection.execute(text("SELECT linli_repair_event_days()"))
    with store.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("events", "event_days"):
            connection.execute(text(f"VACUUM ANALYZE {table}"))


@contextlib.contextmanager
def without_indexes(connection: Connection, table: str) -> Iterator[None]:
    """Take a table's indexes away while it is filled, but those of its constraints, and make them again."""
    found = connection.execute(text(_SECONDARY), {"table": table}).all()
    for _, name in found:
        connection.execute(text(f'DROP INDEX "{name}"'))
    yield
    for definition, _ in found:
        connection.exec_driver_sql(definition)
