"""What must hold at every moment, whatever was killed: asked of one snapshot of the database, past the service."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import psycopg
from sqlalchemy import create_engine

from gis.services.audit import verify
from tests.torture import place
from tests.torture.load import Load
from tests.torture.programs import Programs

_ASSIGNMENT = """
SELECT h.code, h.grid_id, h.grid_reason, e.id
FROM households h LEFT JOIN LATERAL (
  SELECT g.id FROM grids g WHERE g.valid_to IS NULL AND ST_Covers(g.geometry, ST_SetSRID(ST_MakePoint(h.lon, h.lat), 4326))
  ORDER BY g.code COLLATE "C" LIMIT 1) e ON true
WHERE h.grid_id IS DISTINCT FROM e.id
   OR h.grid_reason IS DISTINCT FROM CASE WHEN e.id IS NULL THEN 'outside every grid' END
LIMIT 5
"""
_WHOLE = {
    "households": (
        "SELECT substring(code FROM 2 FOR 4)::int, count(*) FROM households WHERE code LIKE 'T%' GROUP BY 1",
        place.NEW,
        place.MOVING + place.NEW,
    ),
    "residents": (
        "SELECT substring(name FROM '^人([0-9]+)-')::int, count(*) FROM residents GROUP BY 1",
        place.NEW,
        place.NEW,
    ),
}
"""How many rows there are of each file, how many each adds, and how many it has."""
_NAMED = {
    "grids": "SELECT DISTINCT substring(name FROM 'v(.*)') FROM grids",
    "stations": "SELECT DISTINCT substring(name FROM 'v(.*)') FROM stations",
}
"""Which files the stored rows come from: the last that was done, and no other."""


Compared = Counter[str]
"""How often what was compared: a check that never looked proves nothing."""


def whole(connection: psycopg.Connection, compared: Compared) -> Iterator[str]:
    """Yield what is wrong with the imports: a part of a file is there, or one that did not end well."""
    rows = connection.execute(
        "SELECT kind, file_name, state, loaded FROM imports ORDER BY finished_at NULLS LAST, id"
    ).fetchall()
    stored = {kind: dict(connection.execute(query).fetchall()) for kind, (query, _, _) in _WHOLE.items()}
    last: dict[str, str] = {}
    for kind, name, state, loaded in rows:
        mark = name.rpartition("-")[2].partition(".")[0]
        if not mark.isdigit():
            continue
        if state == "done":
            last[kind] = mark
        if state in ("failed", "cancelled") and loaded:
            yield f"{name} is {state} and says that {loaded} rows were loaded"
        if kind in _WHOLE:
            _, rows_new, rows_read = _WHOLE[kind]
            if state == "done" and loaded != rows_read:
                yield f"{name} is done and says that {loaded} of {rows_read} rows were loaded"
            found, wanted = stored[kind].pop(int(mark), 0), rows_new if state == "done" else 0
            compared["files and their rows"] += 1
            if found != wanted:
                yield f"{name} is {state}, but {found} of its {rows_new} rows are there"
    yield from (f"{kind} of files that nobody has sent: {found}" for kind, found in stored.items() if found)
    for kind, query in _NAMED.items():
        compared["files and their rows"] += kind in last
        if kind in last and (found_names := connection.execute(query).fetchall()) != [(last[kind],)]:
            yield f"{kind} come from {found_names}, the last file was {last[kind]}"
    if "households" in last:
        yield from _moved(connection, int(last["households"]))


def _moved(connection: psycopg.Connection, mark: int) -> Iterator[str]:
    rows = connection.execute("SELECT code, lon, lat FROM households WHERE code LIKE 'M%' ORDER BY code").fetchall()
    wrong = [code for n, (code, lon, lat) in enumerate(rows) if (lon, lat) != place.position(n, mark)]
    if len(rows) != place.MOVING or wrong:
        yield f"{len(wrong)} of {len(rows)} households are not where file {mark} put them, such as {wrong[:3]}"


def assigned(connection: psycopg.Connection, compared: Compared) -> Iterator[str]:
    """Yield households whose grid is not the one that holds them."""
    for row in connection.execute(_ASSIGNMENT):
        yield f"household, its grid and reason, and the grid that holds it: {row}"
    [(total, placed, reasons)] = connection.execute(
        "SELECT count(*), count(grid_id), count(grid_reason) FROM households"
    ).fetchall()
    compared["assignments"] += total
    if total != placed + reasons:
        yield f"{total} households, {placed} with a grid, {reasons} with a reason"


def kept_nothing(connection: psycopg.Connection) -> Iterator[str]:
    """Yield files that are still stored though their import has ended."""
    query = "SELECT i.file_name, i.state FROM imports i JOIN import_pieces p ON p.import_id = i.id AND p.part = 'content' " \
            "WHERE i.state IN ('done', 'failed', 'cancelled') GROUP BY 1, 2"  # fmt: skip
    for name, state in connection.execute(query):
        yield f"the file of {name} ({state}) is still stored"


def at_any_moment(programs: Programs, compared: Compared) -> list[str]:
    """Return what is wrong in one snapshot of the database, while everything goes on."""
    with programs.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        wrong = [*whole(connection, compared), *assigned(connection, compared), *kept_nothing(connection)]
    compared["snapshots"] += 1
    return wrong


def chain(programs: Programs) -> list[str]:
    """Return what is wrong with the audit log."""
    engine = create_engine("postgresql+psycopg://", creator=programs.connect)
    with engine.begin() as connection:
        report = verify(connection)
    engine.dispose()
    return [] if report.fault is None else [f"audit log: {report.fault}"]


def at_rest(programs: Programs, load: Load, compared: Compared) -> list[str]:
    """Return what is wrong when everything has come to its end: stuck imports, leftovers, totals that do not add up."""
    wrong = at_any_moment(programs, compared) + chain(programs)
    with programs.connect() as connection:
        stuck = connection.execute(
            "SELECT file_name, state FROM imports WHERE state IN ('queued', 'running')"
        ).fetchall()
        wrong += [f"stuck: {each}" for each in stuck]
        [(total, placed)] = connection.execute("SELECT count(*), count(grid_id) FROM households").fetchall()
        lost = [
            import_id for import_id in load.seen.submitted
            if connection.execute("SELECT 1 FROM imports WHERE id = %s", [import_id]).fetchone() is None
        ]  # fmt: skip
        wrong += [f"an import that was accepted is gone: {each}" for each in lost]
    summed = sum((load.get(f"/api/grids/{code}/summary") or {"households": 0})["households"] for code in place.codes())
    compared["sums of all grids, audit log, leftovers"] += 1
    if summed != placed:
        wrong.append(f"the grids' summaries count {summed} households, {placed} of {total} have a grid")
    spool = programs.data_dir / "spool"
    left = [str(each) for each in spool.rglob("*") if each.is_file() and each.name != ".in-use"]
    folders = len(list(spool.glob("process-*")))
    if left or folders > 2:
        wrong.append(f"left in the spool: {json.dumps(left)} in {folders} folders")
    return wrong
