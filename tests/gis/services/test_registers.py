"""Stations, buildings and households: read, write, refuse."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict, Invalid, NotFound, Stale
from gis.services import buildings, households, stations
from gis.services.features import Filter
from gis.services.snapshots import Snapshots
from gis.store.session import Store
from tests.gis.services.conftest import G1, account, box, lonlat

TODAY = date(2026, 11, 20)
FRIDAY_NOON = datetime(2026, 11, 20, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def new_station(**changes: object) -> dict:
    lon, lat = lonlat(500, 500)
    return {
        "code": "S9",
        "name": "新食堂",
        "kind": "幸福食堂",
        "lon": lon,
        "lat": lat,
        "services": "meal#40@Mo-Fr 11:00-13:00;健康监测",
        **changes,
    }


def test_a_station_is_made_read_changed_and_deleted(session: Session) -> None:
    made = stations.create_station(session, new_station())
    assert made["properties"]["services_text"] == "meal#40@Mo-Fr 11:00-13:00;health"
    assert made["properties"]["version"] == 1
    changed = stations.update_station(session, "S9", {**made, "properties": {**made["properties"], "name": "改名"}}, 1)
    assert changed["properties"]["name"] == "改名"
    assert changed["properties"]["version"] == 2
    assert changed["properties"]["services"] == made["properties"]["services"]
    with pytest.raises(Stale):
        stations.delete_station(session, "S9", 1)
    stations.delete_station(session, "S9", 2)
    with pytest.raises(NotFound):
        stations.get_station(session, "S9")
    assert session.execute(text("SELECT count(*) FROM station_services WHERE kind = 'meal'")).scalar_one() == 1


def test_a_taken_code_is_a_conflict(session: Session) -> None:
    with pytest.raises(Conflict):
        stations.create_station(session, new_station(code="S1"))


def test_every_fault_of_a_station_is_named(session: Session) -> None:
    with pytest.raises(Invalid) as wrong:
        stations.create_station(
            session,
            {
                "code": "",
                "name": 7,
                "kind": "x",
                "lon": 500,
                "lat": 1,
                "capacity": -1,
                "services": [{"kind": "meal", "hours": "Xx 99"}],
            },
        )
    assert {fault.where for fault in wrong.value.faults} == {
        "code",
        "name",
        "capacity",
        "geometry",
        "services[0]",
    }


def test_stations_are_listed_by_area(session: Session) -> None:
    stations.create_station(session, {**new_station(), "lon": 0.0, "lat": 0.0})
    inside = stations.list_stations(session, Filter(area="539901001001"))
    assert [f["properties"]["code"] for f in inside["features"]] == ["S1", "S2"]
    assert len(stations.list_stations(session, Filter())["features"]) == 3


def test_nearest_stations_put_the_open_first(session: Session, snapshots: Snapshots) -> None:
    stations.create_station(session, new_station(services="meal@Mo-Fr 17:00-18:00"))
    lon, lat = lonlat(500, 500)
    found = stations.nearest_stations(session, snapshots, lon, lat, FRIDAY_NOON, 10)
    assert [(s["code"], s["open"], s["distance_m"]) for s in found] == [
        ("S1", True, 400),
        ("S2", True, 1456),
        ("S9", False, 0),
    ]
    assert {s["kind"]: s["open"] for s in found[0]["services"]} == {"meal": True, "health": True}
    assert found[0]["closes_at"] is None  # health never closes


def test_a_building_takes_its_households_along(session: Session) -> None:
    version = buildings.get_building(session, "B2")["properties"]["version"]
    lon, lat = lonlat(200, 500)
    moved = buildings.update_building(
        session,
        "B2",
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {"name": "二栋"},
        },
        version,
    )
    assert moved["properties"]["grid"] == G1
    row = session.execute(
        text(
            "SELECT count(*), min(g.code), max(g.code) FROM households h JOIN buildings b ON b.id = h.building_id "
            "JOIN grids g ON g.id = h.grid_id WHERE b.code = 'B2' AND abs(h.lon - :lon) < 1e-12"
        ),
        {"lon": lon},
    ).one()
    assert tuple(row) == (8, G1, G1)


def test_a_building_is_made_and_deleted_only_when_empty(session: Session) -> None:
    shape = box(300, 300, 320, 310).__geo_interface__
    made = buildings.create_building(session, {"geometry": shape, "properties": {"code": "B7", "floors": 6}})
    assert made["properties"]["grid"] == G1
    buildings.delete_building(session, "B7", made["properties"]["version"])
    with pytest.raises(Conflict):
        buildings.delete_building(session, "B1", buildings.get_building(session, "B1")["properties"]["version"])
    with pytest.raises(Invalid) as wrong:
        buildings.create_building(session, {"properties": {"floors": "six", "compound": "none"}})
    assert {fault.where for fault in wrong.value.faults} == {
        "properties.code",
        "properties.floors",
        "properties.compound",
        "geometry",
    }


def test_a_file_is_masked_and_corrected(session: Session) -> None:
    file = households.get_household(session, "H001", TODAY)
    assert [person["phone"] for person in file["residents"]] == ["199****1234"] * 3 + ["*" * 11]
    assert [person["age"] for person in file["residents"]] == [76, 76, 36, 6]
    changed = households.patch_household(session, "H001", {"colour": "red", "room": "302"}, file["version"], TODAY)
    assert (changed["colour"], changed["room"]) == ("red", "302")
    with pytest.raises(Stale):
        households.patch_household(session, "H001", {"colour": "green"}, file["version"], TODAY)
    with pytest.raises(Invalid) as wrong:
        households.patch_household(session, "H001", {"colour": "blue", "grid": "x"}, changed["version"], TODAY)
    assert {fault.where for fault in wrong.value.faults} == {"colour", "grid"}


def test_lists_of_households_search_and_page(session: Session) -> None:
    page = households.list_households(session, G1, None, 4, None, TODAY)
    assert len(page["items"]) == 4
    rest = households.list_households(session, G1, None, 4, page["next"], TODAY)
    assert len(rest["items"]) == 2
    assert rest["next"] is None
    assert "name" not in page["items"][0]
    assert len(households.list_households(session, None, "某人", 100, None, TODAY)["items"]) == 21
    assert households.list_households(session, None, "%", 100, None, TODAY)["items"] == []


def test_a_worker_knows_of_own_grids_only(place: Store) -> None:
    with place.owner_session() as owner:
        owner.execute(
            text(
                "INSERT INTO account_grids (account_id, grid_id) SELECT a.id, g.id FROM accounts a, grids g WHERE a.name = 'worker' AND g.code = :code"
            ),
            {"code": G1},
        )
    with place.session(account(place, "worker")) as session:
        assert len(households.list_households(session, None, None, 100, None, TODAY)["items"]) == 6
        with pytest.raises(NotFound):
            households.get_household(session, "H010", TODAY)
