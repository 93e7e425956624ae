"""Grids and buildings of which only the changed ones are read again: always what a whole reading gives, and never more than has changed."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis.services import locating, shapes
from gis.services.gridset import GridSet
from gis.services.locating import Footprints
from gis.services.needs import load_needs
from gis.services.snapshots import Snapshots
from gis.store.moments import Moment
from gis.store.session import Store
from tests.gis.services.conftest import account, box, lonlat

_GRID = "(SELECT id FROM grids ORDER BY code, id OFFSET :n % 3 LIMIT 1)"
_BUILDING = "(SELECT id FROM buildings ORDER BY code OFFSET :n % 4 LIMIT 1)"
_BOX = "ST_Multi(ST_GeomFromWKB(:shape, 4326))"
_NEW = "INSERT INTO grids (code, name, community_id, geometry) SELECT '5399010010010' || :n + 10, '新', id, {box} FROM areas WHERE level = 'community' ON CONFLICT DO NOTHING"
OPERATIONS = {
    "boundary moved": f"UPDATE grids SET geometry = {_BOX} WHERE id = {_GRID}",
    "grid renamed": f"UPDATE grids SET name = name || :n WHERE id = {_GRID}",
    "grid retired": f"UPDATE grids SET valid_to = CASE WHEN valid_to IS NULL THEN current_date END WHERE id = {_GRID}",
    "grid come": _NEW.format(box=_BOX),
    "grid's code": f"UPDATE grids SET code = substr(code, 1, 12) || right('00' || (:n * 7 + 20), 3) WHERE id = {_GRID}",
    "building drawn": f"UPDATE buildings SET geometry = ST_GeomFromWKB(:shape, 4326) WHERE id = {_BUILDING}",
    "building a point": f"UPDATE buildings SET geometry = ST_PointOnSurface(geometry) WHERE id = {_BUILDING}",
    "building renamed": f"UPDATE buildings SET name = 'N' || :n WHERE id = {_BUILDING}",
    "building's code": f"UPDATE buildings SET code = 'C' || :n || code WHERE id = {_BUILDING}",
    "building's grid": f"UPDATE buildings SET grid_id = NULL WHERE id = {_BUILDING}",
    "building come": "INSERT INTO buildings (code, name, geometry) VALUES ('A' || :n, '新', ST_GeomFromWKB(:shape, 4326)) ON CONFLICT DO NOTHING",
    "building gone": "DELETE FROM buildings WHERE code LIKE 'A%'",
    "all buildings": "UPDATE buildings SET name = 'all' || :n",
    "marks forgotten": "DELETE FROM shape_marks; INSERT INTO shape_marks (kind, shape_id) VALUES ('grids', 0), ('buildings', 0)",
    "marks lost": "TRUNCATE shape_marks",
}
STEP = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 5), st.integers(0, 9), st.integers(1, 9))


def change(place: Store, name: str, n: int = 0, west: int = 0, wide: int = 5) -> None:
    shape = shapely.to_wkb(box(west * 300, 0, (west + wide) * 300, 1000))
    # A code that is taken: all is as it was.
    with contextlib.suppress(IntegrityError), place.owner_session() as session:
        for statement in OPERATIONS[name].split(";"):
            session.execute(text(statement), {"n": n, "shape": shape})


def read(place: Store, snapshots: Snapshots) -> tuple[GridSet, Footprints]:
    with place.session(account(place, "admin")) as session:
        return snapshots.grids(session), locating._footprints(session, snapshots)


_AT = np.array([lonlat(x, y) for x in range(-50, 4000, 150) for y in (-1, 0, 500, 1000, 1001)])


def told(grids: GridSet, footprints: Footprints) -> list[Any]:
    """Return all that is known of both, and what they answer."""
    return [
        [*zip(grids.ids.tolist(), grids.codes, grids.names, grids.versions.tolist(), grids.updated_at, strict=True)],
        shapely.to_wkb(grids.geometries).tolist(),
        grids.position_of,
        grids.index.assign(*_AT.T).tolist(),
        footprints.names,
        footprints.position_of,
        footprints.index.assign(*_AT.T).tolist(),
        [footprints.at(lon, lat) for lon, lat in _AT],
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=4, max_size=20))
def test_what_is_read_piece_by_piece_equals_all(place: Store, steps: list[Any]) -> None:
    running = Snapshots()
    read(place, running)
    for n, name in enumerate(("building drawn", "building drawn", "building come")):
        change(place, name, n, west=3 * n)
    for name, n, west, wide in steps:
        change(place, name, n, west, wide)
        assert told(*read(place, running)) == told(*read(place, Snapshots())), name


def test_every_change_is_seen(place: Store) -> None:
    for name in OPERATIONS:
        running = Snapshots()
        for n, before in enumerate(("building drawn", "building come")):
            change(place, before, n, west=3 * n)
        read(place, running)
        change(place, name, n=1, west=4, wide=2)
        assert told(*read(place, running)) == told(*read(place, Snapshots())), name


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """Give how many rows were read, reading by reading; None: all."""
    noted: list[int | None] = []
    real = shapes.rows_changed

    def note(*given: Any) -> Any:
        found = real(*given)
        noted.append(None if found is None else len(found[1]))
        return found

    for module in ("gridset", "locating"):
        monkeypatch.setattr(f"gis.services.{module}.rows_changed", note)
    return noted


def test_a_moved_boundary_reads_one_grid_and_no_building(place: Store, asked: list[int | None]) -> None:
    """Also where it takes all buildings into another grid: they stand where they stood."""
    running = Snapshots()
    change(place, "building drawn", 1, west=3)
    before, plans = read(place, running)
    change(place, "boundary moved", 1, west=4)
    with place.owner_session() as session:
        session.execute(text("UPDATE buildings SET grid_id = NULL"))
    after, same = read(place, running)
    assert asked == [1, 0]
    assert same.index is plans.index
    assert after.index is not before.index
    change(place, "grid renamed")
    assert read(place, running)[0].index is after.index
    change(place, "building renamed", 1)
    read(place, running)
    assert asked == [1, 0, 1, 1]


@pytest.mark.parametrize("first", ["earlier", "later"])
def test_who_began_before_a_reading_and_commits_after_it_is_not_missed(place: Store, first: str) -> None:
    running = Snapshots()
    read(place, running)
    earlier, later = place.owner_engine.connect(), place.owner_engine.connect()
    for connection, code in ((earlier, "B1"), (later, "B2")):
        shape = shapely.to_wkb(box(0, 0, 500, 500))
        connection.execute(
            text("UPDATE buildings SET geometry = ST_GeomFromWKB(:s, 4326) WHERE code = :c"), {"s": shape, "c": code}
        )
    assert read(place, running)[1].names == []
    for n, connection in enumerate((earlier, later) if first == "earlier" else (later, earlier), 1):
        connection.commit()
        connection.close()
        assert len(read(place, running)[1].names) == n


def test_who_stands_still_at_an_older_moment_is_not_given_what_came_after_it(place: Store) -> None:
    """The newer state is in memory by then, and nothing is marked since: there is no going back from it."""
    running, plain = Snapshots(), Snapshots()
    read(place, running)
    with place.session(account(place, "planner")) as session:
        running.stations(session)  # from here on the transaction stands still
        with place.session(account(place, "admin")) as other:
            assert _all(other, running, plain)
        change(place, "boundary moved", 1, west=4)
        change(place, "building drawn", 1, west=4)
        with place.owner_session() as writing:
            writing.execute(
                text(
                    "INSERT INTO needs (household_id, service, opened_on) SELECT id, 'meal', '2026-01-01' FROM households LIMIT 1"
                )
            )
        newer = read(place, running)
        with place.session(account(place, "planner")) as other:
            load_needs(other, running)
        old = Snapshots()
        assert told(running.grids(session), locating._footprints(session, running)) == told(
            old.grids(session), locating._footprints(session, old)
        )
        assert len(load_needs(session, running).frame) == 0
        assert told(running.grids(session), locating._footprints(session, running)) != told(*newer)


def _all(session: Session, running: Snapshots, plain: Snapshots) -> bool:
    return told(running.grids(session), locating._footprints(session, running)) == told(
        plain.grids(session), locating._footprints(session, plain)
    )


@pytest.mark.parametrize(
    ("former", "now", "follows"),
    [
        ("10:10:", "10:10:", True),
        ("10:10:", "12:15:12,14", True),
        ("10:15:10,12", "12:15:12", True),
        ("12:15:12", "10:15:10,12", False),  # 10 was seen, and is open again: this is the older one
        ("10:15:10", "10:14:10", False),
        ("10:15:10", "10:20:10,14", False),
        ("10:15:10,14", "10:20:10,14,17", True),
    ],
)
def test_which_moment_follows_which(former: str, now: str, follows: bool) -> None:
    assert Moment(now, "1").follows(Moment(former, "1")) is follows
    assert not Moment(now, "2").follows(Moment(former, "1"))
