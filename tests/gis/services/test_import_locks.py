"""Whom an import keeps waiting: nobody while its file is read, and those who would change what it builds on while it writes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import mapping
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gis.errors import Invalid
from gis.intake import guards, run_import
from gis.intake.kinds.households import Households
from gis.intake.uses import USES
from gis.services import buildings, registry
from gis.services.snapshots import Snapshots
from gis.store.assigning import assign
from gis.store.locking import lock_tables
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2, account, add_building, box, lonlat
from tests.gis.services.importing import count, households, in_thread, queue, state

LOCKED = text(
    "SELECT DISTINCT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE l.pid = pg_backend_pid() AND n.nspname = 'public' AND l.mode <> 'AccessShareLock'"
)


def bring_in(store: Store, path: Path, kind: str, meanwhile: Callable[[Any], None]) -> None:
    """Import a file in one transaction; ``meanwhile`` is done when it has been read and nothing written."""
    with store.owner_engine.begin() as connection:
        report = run_import(connection, kind, path, crs="EPSG:4326", progress=lambda *_: meanwhile(connection))
    assert report.rejected == 0, report.faults


def move_boundary(store: Store, east_m: float, *, patience: str = "5s") -> None:
    """Let an admin move the eastern boundary of the first grid."""
    with store.session(account(store, "admin")) as session:
        session.execute(text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": patience})
        feature = {"geometry": mapping(box(0, 0, east_m, 1000))}
        registry.put_grid(session, Snapshots(), G1, feature, registry.get_grid(session, G1)["properties"]["version"])


def move_building(store: Store, code: str, x_m: float) -> None:
    with store.session(account(store, "admin")) as session:
        feature = buildings.get_building(session, code)
        feature["geometry"] = {"type": "Point", "coordinates": lonlat(x_m, 500)}
        feature["properties"] = {"code": code}
        buildings.update_building(
            session, code, feature, buildings.get_building(session, code)["properties"]["version"]
        )


def where(store: Store, code: str) -> tuple[str | None, str | None]:
    with store.owner_session() as session:
        query = (
            "SELECT g.code, h.grid_reason FROM households h LEFT JOIN grids g ON g.id = h.grid_id WHERE h.code = :code"
        )
        return tuple(session.execute(text(query), {"code": code}).one())


@pytest.mark.parametrize("many", [False, True])
def test_boundaries_and_buildings_move_while_a_file_is_read(
    place: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    monkeypatch.setattr("gis.intake.run._FEW", 0)  # else an empty table is filled as the file is read
    path = tmp_path / "h.geojson"
    homes = [("N1", None, {"type": "Point", "coordinates": lonlat(950, 500)}), ("N2", "B1", None), ("N3", "B2", None)]
    features = [{"type": "Feature", "properties": {"code": c, "building": b}, "geometry": g} for c, b, g in homes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    if many:
        monkeypatch.setattr(guards, "_MANY_ROWS", 1)
        with place.owner_session() as session:
            session.execute(text("TRUNCATE households CASCADE"))
    moved: list[str] = []

    def meanwhile(_: object) -> None:
        move_boundary(place, 900)
        move_building(place, "B1", 1500)
        moved.append("both")

    bring_in(place, path, "households", meanwhile)
    assert moved == ["both"]
    assert where(place, "N1") == (None, "outside every grid")
    assert where(place, "N2") == (G2, None)
    assert where(place, "N3") == (G2, None)
    with place.owner_engine.begin() as connection:
        assert assign(connection).changed == 0
        off = "SELECT count(*) FROM households h JOIN buildings b ON b.id = h.building_id WHERE NOT own_position AND h.lon <> b.lon"
        assert connection.scalar(text(off)) == 0


@pytest.mark.parametrize(("dry_run", "stored", "held"), [(False, 0, True), (True, 0, False), (False, 1, False)])
def test_an_empty_table_is_held_while_a_swift_file_fills_it(
    place: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry_run: bool, stored: int, held: bool
) -> None:
    """Rows go straight into it, and grids and buildings stay as they were when the first of them was looked up."""
    monkeypatch.setattr(guards, "_MANY_ROWS", 1)
    path = tmp_path / "h.csv"
    path.write_text("code,building\nN1,B1\nN2,B2\nN3,B2\n", encoding="utf-8")
    with place.owner_session() as session:
        session.execute(text("TRUNCATE households CASCADE"))
        session.execute(
            text("INSERT INTO households (code, grid_reason) SELECT 'OLD', 'no position' WHERE :n > 0"), {"n": stored}
        )
    moved: list[bool] = []

    def meanwhile(_: object) -> None:
        try:
            move_boundary(place, 900, patience="50ms")
        except OperationalError:
            moved.append(False)
        else:
            moved.append(True)

    with place.owner_engine.begin() as connection:
        run_import(connection, "households", path, dry_run=dry_run, progress=lambda *_: meanwhile(connection))
    assert moved == [not held]
    assert count(place, "N1") == (0 if dry_run else 1)


def test_a_building_that_goes_while_a_file_is_read_is_named(place: Store, tmp_path: Path) -> None:
    with place.owner_session() as session:
        add_building(session, "EMPTY", 500, 500)
    path = tmp_path / "h.csv"
    path.write_text("code,building\nN1,B1\nN2,EMPTY\n", encoding="utf-8")

    def demolish(_: object) -> None:
        with place.session(account(place, "admin")) as session:
            buildings.delete_building(session, "EMPTY", 1)

    with pytest.raises(Invalid) as caught:
        bring_in(place, path, "households", demolish)
    assert "N2" in caught.value.faults[0].message
    assert count(place, "N1") == 0


def test_buildings_are_in_the_grids_that_are_in_force_in_the_end(place: Store, tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    lon, lat = lonlat(950, 500)
    path.write_text(f"code,lon,lat\nNEW,{lon},{lat}\n", encoding="utf-8")
    bring_in(place, path, "buildings", lambda _: move_boundary(place, 900))
    with place.owner_session() as session:
        assert session.scalar(text("SELECT grid_id FROM buildings WHERE code = 'NEW'")) is None


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("households", "code,building\nN1,B1\n"),
        ("buildings", "code,compound,lon,lat\nNEW,C1,102,25\n"),
        ("residents", "household,birth_year\nH001,1950\n"),
        ("needs", "household,service,opened_on\nH001,meal,2026-01-01\n"),
    ],
)
def test_nothing_is_locked_while_a_file_is_read(
    place: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, content: str
) -> None:
    monkeypatch.setattr(guards, "_MANY_ROWS", 1)
    path = tmp_path / "f.csv"
    path.write_text(content, encoding="utf-8")
    locked: list[list[tuple[str, str]]] = []
    advisory = text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'")

    def look(connection: Any) -> None:
        time.sleep(0.2)  # what the writer's thread has been given is done
        locked.append([tuple(row) for row in connection.execute(LOCKED)])
        assert connection.scalar(advisory) == len(USES[kind].writes | USES[kind].reads)  # which are among imports alone

    bring_in(place, path, kind, look)
    assert locked == [[]]


def test_a_boundary_waits_for_the_writing_alone(place: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.csv"
    path.write_text("code,building\nN1,B1\n", encoding="utf-8")
    refused: list[bool] = []
    write = Households.write

    def slowly(kind: Households) -> None:
        with pytest.raises(OperationalError):
            move_boundary(place, 900, patience="200ms")
        refused.append(True)
        write(kind)

    monkeypatch.setattr(Households, "write", slowly)
    bring_in(place, path, "households", lambda _: None)
    assert refused == [True]
    move_boundary(place, 900)


def test_an_import_of_households_waits_for_whoever_moves_a_boundary(place: Store, run) -> None:
    import_id = queue(place, households("N1"))
    with place.owner_session() as session:
        lock_tables(session.connection(), writes=("grids",))
        thread = in_thread(run, place)
        time.sleep(0.5)
        assert state(place, import_id)["state"] == "running"
        assert count(place, "N1") == 0
    thread.join(20)
    assert state(place, import_id)["state"] == "done"
