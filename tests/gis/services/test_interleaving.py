"""What screens are told equals a full recount, whatever two sessions do at once: people, needs, visits, boundaries, imports, erasure and events, in any order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import mapping
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from gis.casework.flow import OPEN, STEPS
from gis.casework.worktime import WorkCalendar
from gis.errors import LinliError
from gis.intake import run_import
from gis.services import moves, recounting, registry, rights
from gis.services.casework import events
from gis.services.casework.figures import load_events
from gis.services.counted import Counted, counted, settle
from gis.services.snapshots import Snapshots
from gis.store.assigning import assign
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2, account, box, lonlat

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
HOMES = [f"H{number:03d}" for number in (1, 2, 7, 8, 15)] + ["H900", "H901"]
HOME = st.sampled_from(HOMES)
GRID = st.sampled_from([G1, G2, None])
DAY = st.integers(-100, 3).map(lambda days: TODAY + timedelta(days=days))
BORN = st.sampled_from(
    [
        date(1966, 11, 19),
        date(1966, 11, 20),
        date(1966, 11, 22),
        date(2013, 11, 20),
        date(2013, 11, 22),
        date(2012, 2, 29),
        date(1990, 1, 1),
    ]
)
NTH = st.integers(0, 30)
WEST, EAST = (50.0, 150.0, 1000.0, 1850.0), (1000.0, 1850.0, 1950.0, 2950.0)
"""Where the edge between the two grids may be drawn, in metres: each takes buildings from one grid, or leaves them in none."""

_GRID = "(SELECT id FROM grids WHERE code = :grid)"
_HOME = "(SELECT id FROM households WHERE code = :home)"
_TO = f"SET grid_id = {_GRID}, grid_reason = CASE WHEN CAST(:grid AS text) IS NULL THEN 'outside every grid' END"
_PERSON = "(SELECT id FROM residents ORDER BY id OFFSET :nth % (SELECT count(*) + 1 FROM residents) LIMIT 1)"
SQL: dict[str, tuple[str, dict[str, Any]]] = {
    "born": (f"INSERT INTO residents (key, household_id, birth_date, birth_year, care_flags) SELECT gen_random_uuid()::text, {_HOME}, "
             "CAST(:born AS date), extract(year FROM CAST(:born AS date)), ARRAY['living_alone', 'disability']", {"home": HOME, "born": BORN}),
    "moves out": (f"UPDATE residents SET moved_out_on = :day WHERE household_id = {_HOME}", {"home": HOME, "day": DAY}),
    "dies out": (f"DELETE FROM residents WHERE household_id = {_HOME}", {"home": HOME}),
    "flags": (f"UPDATE residents SET care_flags = ARRAY['low_income'] WHERE household_id = {_HOME}", {"home": HOME}),
    "home moves": (f"UPDATE households {_TO} WHERE code = :home", {"home": HOME, "grid": GRID}),
    "all move": (f"UPDATE households {_TO} WHERE grid_id = (SELECT id FROM grids WHERE code = :other)", {"grid": GRID, "other": GRID}),
    "home gone": ("DELETE FROM households WHERE code = :home", {"home": HOME}),
    "colour": ("UPDATE households SET colour = :colour WHERE code = :home", {"home": HOME, "colour": st.sampled_from(["red", "yellow", None])}),
    "need": (f"INSERT INTO needs (household_id, service, opened_on) SELECT id, :service, :day FROM households WHERE id = {_HOME}",
             {"home": HOME, "service": st.sampled_from(["meal", "health"]), "day": DAY}),
    "closed": (f"UPDATE needs SET closed_on = greatest(opened_on, :day) WHERE household_id = {_HOME}", {"home": HOME, "day": DAY}),
    "need gone": (f"DELETE FROM needs WHERE household_id = {_HOME}", {"home": HOME}),
    "visit": (f"INSERT INTO visits (household_id, visited_on, outcome, missed, visited_by) SELECT id, :day, 'met', :missed, 'x' FROM households WHERE id = {_HOME}",
              {"home": HOME, "day": DAY, "missed": st.booleans()}),
    "policy": ("INSERT INTO visit_policy VALUES ('red', :days) ON CONFLICT (colour) DO UPDATE SET interval_days = excluded.interval_days",
               {"days": st.integers(1, 20)}),
    "households merge": (f"UPDATE residents SET household_id = {_HOME} WHERE household_id = (SELECT id FROM households WHERE code = :other) "
                         f"AND {_HOME} IS NOT NULL", {"home": HOME, "other": HOME}),
    "event elsewhere": (f"UPDATE events SET grid_id = {_GRID}, reported_on = :day WHERE id = (SELECT id FROM events ORDER BY id LIMIT 1)", {"grid": GRID, "day": DAY}),
    "event gone": ("DELETE FROM events WHERE id = (SELECT id FROM events WHERE merged_into IS NULL ORDER BY id DESC LIMIT 1) "
                   "AND NOT EXISTS (SELECT 1 FROM events o WHERE o.merged_into = events.id)", {}),
    "visits emptied": ("TRUNCATE visits", {}),
    "events emptied": ("TRUNCATE events CASCADE", {}),
    "settle": ("SELECT linli_settle_counts(:day)", {"day": DAY}),
}  # fmt: skip


def boundary(session: Session, folder: Path, values: dict[str, Any]) -> None:
    """Draw the edge between the grids elsewhere: the one that shrinks first, so that they never overlap."""
    west, east = sorted((values["west"], values["east"]))
    shapes = {G1: box(0, 0, west, 1000), G2: box(east, 0, 3000, 1000)}
    for code in (G1, G2) if values["order"] else (G2, G1):
        version = session.scalar(text("SELECT version FROM grids WHERE code = :code"), {"code": code})
        registry.put_grid(session, Snapshots(), code, {"geometry": mapping(shapes[code])}, version)


def everybody(session: Session, folder: Path, values: dict[str, Any]) -> None:
    """Assign all households anew."""
    assign(session.connection())


def door(session: Session, folder: Path, values: dict[str, Any]) -> None:
    """Move a household, with all that hangs on it, to another building."""
    version = session.scalar(text("SELECT version FROM households WHERE code = :home"), values)
    moves.move_household(session, values["home"], {"building": values["building"], "room": "101"}, version, TODAY)


def within(session: Session, folder: Path, values: dict[str, Any]) -> None:
    """Move one person to another household."""
    person = session.execute(text(f"SELECT id, version FROM residents WHERE id = {_PERSON}"), values).one_or_none()
    if person is not None:
        moves.move_within(session, person.id, values["home"], None, person.version, TODAY)


def erasure(session: Session, folder: Path, values: dict[str, Any]) -> None:
    """Erase one person's data on request."""
    person = session.execute(text(f"SELECT id, version FROM residents WHERE id = {_PERSON}"), values).one_or_none()
    if person is not None:
        rights.erase(session, person.id, "guardian_request", person.version, TODAY)


def imported(session: Session, folder: Path, values: dict[str, Any]) -> None:
    """Import a file of people, of needs, or of households that are new or have moved."""
    lon, lat = lonlat(values["x_m"], 500)
    rows = {
        "residents": [
            "household,birth_year,name",
            f"{values['home']},{values['year']},甲",
            f"H003,{values['year']},乙",
        ],
        "needs": ["household,service,opened_on", f"{values['home']},health,2026-11-0{values['year'] % 9 + 1}"],
        "households": [
            "code,lon,lat,colour",
            f"{values['home']},{lon},{lat},red",
            f"N{values['year']},{lon},{lat},yellow",
        ],
    }[values["kind"]]
    file = folder / "rows.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    began = time.monotonic()
    run_import(
        session.connection(),
        values["kind"],
        file,
        crs="EPSG:4326",
        today=TODAY,
        cancelled=lambda: time.monotonic() > began + 0.5,
    )


def reported(session: Session, folder: Path, values: dict[str, Any]) -> None:
    """Report an event in a grid, or in none."""
    lon, lat = lonlat(values["x_m"], 500)
    body = {"kind": values["kind"], "severity": "ordinary", "title": "路灯不亮", "lon": lon, "lat": lat}
    events.report(session, Snapshots(), body, NOW + timedelta(days=values["days"]), WorkCalendar())


def stepped(session: Session, folder: Path, values: dict[str, Any]) -> None:
    """Take an event to one of the states that may follow, or into another event."""
    known = session.execute(text("SELECT id, state FROM events WHERE state <> 'merged' ORDER BY id")).all()
    if not known or not STEPS[(chosen := known[values["nth"] % len(known)]).state]:
        return
    to = STEPS[chosen.state][values["way"] % len(STEPS[chosen.state])]
    others = [each.id for each in known if each.id != chosen.id]
    body = {
        "to": to,
        "satisfaction": values["said"] if to == "evaluated" else None,
        "into": others[values["nth"] % len(others)] if to == "merged" and others else None,
    }
    events.step(session, Snapshots(), chosen.id, body, None, NOW + timedelta(days=values["days"]), WorkCalendar())


Work = Callable[[Session, Path, dict[str, Any]], None]
DONE: dict[str, tuple[Work, dict[str, Any]]] = {
    "boundary": (boundary, {"west": st.sampled_from(WEST), "east": st.sampled_from(EAST), "order": st.booleans()}),
    "everybody": (everybody, {}),
    "door": (door, {"home": HOME, "building": st.sampled_from(["B1", "B2", "B3"])}),
    "within": (within, {"home": HOME, "nth": NTH}),
    "erasure": (erasure, {"nth": NTH}),
    "import": (imported, {"kind": st.sampled_from(["residents", "needs", "households"]), "home": HOME, "x_m": st.sampled_from([100.0, 1900.0, 5000.0]),
                          "year": st.sampled_from([1950, 1966, 2013, 2014])}),
    "reported": (reported, {"kind": st.sampled_from(["environment", "dispute"]), "x_m": st.sampled_from([100.0, 1900.0, 5000.0]), "days": st.integers(-40, 0)}),
    "stepped": (stepped, {"nth": NTH, "way": NTH, "days": st.integers(0, 9), "said": st.sampled_from(["satisfied", "dissatisfied"])}),
}  # fmt: skip
OFTEN = ["reported", "stepped", "stepped", "boundary", "import"]
OPERATION = st.sampled_from([*sorted(SQL), *sorted(DONE), *OFTEN]).flatmap(
    lambda name: st.tuples(st.just(name), st.fixed_dictionaries((SQL.get(name) or DONE[name])[1]))
)
TURN = st.tuples(
    st.integers(0, 1),
    st.one_of(OPERATION, OPERATION, OPERATION, st.sampled_from([("commit", {}), ("commit", {}), ("roll back", {})])),
)
"""Who acts, and what: work in the transaction that is open, or its end."""


IMPATIENT = text("SELECT set_config('lock_timeout', '20ms', true), set_config('statement_timeout', '2s', true)")
"""The other session's transaction ends only after this one's turn; an import takes off the first limit, never the second."""


class Undone(Exception):
    """Ends a transaction so that nothing of it is kept."""


@dataclass
class Hand:
    """One session, with its transaction open for as long as it likes."""

    store: Store
    folder: Path
    _stack: ExitStack = field(default_factory=ExitStack)
    _session: Session | None = None

    def act(self, name: str, values: dict[str, Any]) -> None:
        """Do one piece of work; who would have to wait for the other gives up, and loses all since the last commit."""
        if name in ("commit", "roll back"):
            self.end(keep=name == "commit")
            return
        if self._session is None:
            self._session = self._stack.enter_context(self.store.owner_session())
        try:
            with self._session.begin_nested():
                self._session.execute(IMPATIENT)
                if name in SQL:
                    self._session.execute(text(SQL[name][0]), values)
                else:
                    DONE[name][0](self._session, self.folder, values)
        except (LinliError, IntegrityError):  # as told to its caller; nothing of it is kept
            pass
        except OperationalError:
            self.end(keep=False)
        if name.endswith("emptied"):  # holds even readers off
            self.end(keep=True)

    def end(self, *, keep: bool) -> None:
        """Commit or roll back."""
        stack, self._stack, self._session = self._stack, ExitStack(), None
        if keep:
            stack.close()
        else:
            stack.__exit__(Undone, Undone(), None)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(TURN, min_size=10, max_size=40), days=st.integers(-3, 40))
def test_two_sessions_in_any_order_leave_what_a_full_recount_finds(
    place: Store, tmp_path: Path, turns: list[Any], days: int
) -> None:
    begin_anew(place)
    kept = Snapshots()  # that of a service which goes on: it takes in only what has changed
    hands = [Hand(place, tmp_path), Hand(place, tmp_path)]
    try:
        for who, (name, values) in turns:
            hands[who].act(name, values)
            if name == "commit":
                compare(place, kept, TODAY)
        for hand in hands:
            hand.end(keep=True)
            compare(place, kept, TODAY)
    finally:
        for hand in hands:
            hand.end(keep=False)
    compare(place, kept, TODAY + timedelta(days=days))
    with place.owner_session() as session:
        settle(session, TODAY)
    compare(place, kept, TODAY)
    with place.owner_session() as session:
        assert session.execute(text("SELECT count(*) FROM grid_counts_due")).scalar_one() == 0


def begin_anew(place: Store) -> None:
    """Put the place back to where it began, so that a failing example fails again."""
    with place.owner_session() as session:
        session.execute(text("TRUNCATE events, visits, needs, residents, visit_policy CASCADE"))
        session.execute(text("DELETE FROM households WHERE code LIKE 'N%'"))
        for code, shape in ((G1, box(0, 0, 1000, 1000)), (G2, box(1000, 0, 3000, 1000))):
            values = {"code": code, "shape": shapely.to_wkb(shape)}
            session.execute(
                text("UPDATE grids SET geometry = ST_Multi(ST_GeomFromWKB(:shape, 4326)) WHERE code = :code"), values
            )
        session.execute(
            text(
                "INSERT INTO households (code, grid_reason) SELECT unnest(CAST(:homes AS text[])), 'no position' ON CONFLICT DO NOTHING"
            ),
            {"homes": HOMES},
        )
        session.execute(
            text(
                "UPDATE households h SET building_id = b.id, own_position = false, colour = 'green', lon = b.lon, lat = b.lat, geometry = b.geometry "
                "FROM buildings b WHERE h.code < 'H9' AND b.code = CASE WHEN h.code <= 'H006' THEN 'B1' WHEN h.code <= 'H014' THEN 'B2' ELSE 'B3' END"
            )
        )
        session.execute(
            text("INSERT INTO residents (key, household_id, birth_year) SELECT code, id, 1950 FROM households")
        )
        assign(session.connection())
        settle(session, TODAY)


def compare(place: Store, kept: Snapshots, day: date) -> None:
    """Compare what the database keeps with its rows, and what a running service tells with what one tells that has just begun."""
    with place.owner_session() as session:
        assert recounting.differences(session, day)[1] == []
    with place.session(account(place, "admin")) as session:
        now = datetime.combine(day, NOW.timetz())
        told, fresh = counted(session, kept, day), counted(session, Snapshots(), day)
        assert figures(told) == figures(fresh)
        assert told.column("households").sum() == session.execute(text("SELECT count(*) FROM households")).scalar_one()
        running, rows = load_events(session, kept, now), load_events(session, Snapshots(), now)
        assert {name: column.tolist() for name, column in running.counts.items()} == {
            name: column.tolist() for name, column in rows.counts.items()
        }
        assert running.overdue.tolist() == rows.overdue.tolist()
        states = dict(session.execute(text("SELECT state, count(*) FROM events GROUP BY 1")).all())
        assert {state: int(running.states[state].sum()) for state in OPEN} == {
            state: states.get(state, 0) for state in OPEN
        }


def figures(found: Counted) -> dict[str, list[int]]:
    """Return the measures that anybody has."""
    return {name: column.tolist() for name, column in found.columns.items() if np.any(column)}
