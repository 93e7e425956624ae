"""Grids: lists, look-ups, a moved boundary, the division's check."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import orjson
import pytest
import shapely
from shapely.geometry import mapping
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Invalid, NotFound, Stale
from gis.services import locating, registry
from gis.services.features import Filter
from gis.services.snapshots import Snapshots
from gis.store.assigning import assign
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2, account, add_building, add_household, box, lonlat, ring


def test_lists_page_by_code(session: Session) -> None:
    first = registry.list_grids(session, Filter(limit=1))
    assert [f["properties"]["code"] for f in first["features"]] == [G1]
    assert first["next"] == G1
    second = registry.list_grids(session, Filter(limit=1, cursor=first["next"]))
    assert [f["properties"]["code"] for f in second["features"]] == [G2]
    assert second["next"] is None


def test_lists_filter_by_area_and_box(session: Session) -> None:
    assert len(registry.list_grids(session, Filter(area="539901001000"))["features"]) == 2
    with pytest.raises(NotFound, match="539902000000"):
        registry.list_grids(session, Filter(area="539902000000"))
    with pytest.raises(NotFound, match="539902000000"):
        registry.zoning(session, Snapshots(), "539902000000")
    west, south = lonlat(10, 10)
    east, north = lonlat(20, 20)
    inside = registry.list_grids(session, Filter(bbox=(west, south, east, north)))
    assert [f["properties"]["code"] for f in inside["features"]] == [G1]
    with pytest.raises(Invalid):
        registry.list_grids(session, Filter(area="53"))


def found_at(session: Session, snapshots: Snapshots, lon: float, lat: float) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(locating.locate(session, snapshots, lon, lat))
    return found


def codes_at(session: Session, snapshots: Snapshots, points: np.ndarray) -> list[str | None]:
    codes: list[str | None] = orjson.loads(locating.locate_many(snapshots.grids(session), points))
    return codes


def test_locate_names_grid_areas_and_building(session: Session, snapshots: Snapshots) -> None:
    found = found_at(session, snapshots, *lonlat(100, 500))
    assert found["grid"] == {"code": G1, "name": "一网格"}
    assert [area["level"] for area in found["areas"]] == ["community", "township", "county"]
    assert found["building"] is None
    session.execute(
        text("INSERT INTO buildings (code, name, geometry) VALUES ('B9', '九栋', ST_GeomFromText(:shape, 4326))"),
        {"shape": box(90, 490, 110, 510).wkt},
    )
    assert found_at(session, snapshots, *lonlat(100, 500))["building"] == {
        "code": "B9",
        "name": "九栋",
    }
    with pytest.raises(NotFound):
        found_at(session, snapshots, *lonlat(-10, 500))


def test_many_positions_answer_as_one_does(session: Session, snapshots: Snapshots) -> None:
    points = np.array([lonlat(100, 500), lonlat(1900, 500), lonlat(-10, 500)])
    assert codes_at(session, snapshots, points) == [G1, G2, None]


def test_bulk_single_and_database_agree_on_the_shared_edge(session: Session, snapshots: Snapshots) -> None:
    shared = registry.get_grid(session, G1)["geometry"]["coordinates"][0][0][1]
    in_database = session.execute(
        text(
            'SELECT code FROM grids WHERE ST_Covers(geometry, ST_SetSRID(ST_MakePoint(:x, :y), 4326)) ORDER BY code COLLATE "C" LIMIT 1'
        ),
        {"x": shared[0], "y": shared[1]},
    ).scalar_one()
    assert in_database == G1
    assert codes_at(session, snapshots, np.array([shared])) == [G1]
    assert found_at(session, snapshots, *shared)["grid"]["code"] == G1


def households_of(session: Session, code: str) -> int:
    return session.execute(
        text("SELECT count(*) FROM households h JOIN grids g ON g.id = h.grid_id WHERE g.code = :code"),
        {"code": code},
    ).scalar_one()


def test_a_moved_boundary_assigns_again_whom_it_affects(session: Session, snapshots: Snapshots) -> None:
    feature = registry.get_grid(session, G2)
    narrower = {"type": "Feature", "geometry": mapping(box(1000, 0, 2000, 1000)), "properties": {}}
    answer = registry.put_grid(session, snapshots, G2, narrower, feature["properties"]["version"])
    assert (answer["moved_in"], answer["moved_out"]) == (0, 7)
    assert households_of(session, G2) == 8
    assert (
        session.execute(text("SELECT count(*) FROM households WHERE grid_reason = 'outside every grid'")).scalar_one()
        == 8
    )
    assert session.execute(text("SELECT grid_id FROM buildings WHERE code = 'B3'")).scalar_one() is None
    wider = {"type": "Feature", "geometry": feature["geometry"], "properties": {"name": "新名"}}
    answer = registry.put_grid(session, snapshots, G2, wider, answer["version"])
    assert (answer["moved_in"], answer["moved_out"]) == (7, 0)
    assert registry.get_grid(session, G2)["properties"]["name"] == "新名"
    assert registry.get_grid(session, G2)["properties"]["version"] == answer["version"]
    assert found_at(session, snapshots, *lonlat(2900, 500))["grid"]["code"] == G2


def test_the_same_boundary_moves_nobody(session: Session, snapshots: Snapshots) -> None:
    feature = registry.get_grid(session, G1)
    answer = registry.put_grid(session, snapshots, G1, feature, feature["properties"]["version"])
    assert (answer["moved_in"], answer["moved_out"]) == (0, 0)


def test_faulty_boundaries_are_refused_with_their_place(session: Session, snapshots: Snapshots) -> None:
    version = registry.get_grid(session, G1)["properties"]["version"]
    with pytest.raises(Stale):
        registry.put_grid(session, snapshots, G1, {"geometry": mapping(box(0, 0, 9, 9))}, version + 1)
    with pytest.raises(NotFound):
        registry.put_grid(session, snapshots, "539901001001009", {"geometry": mapping(box(0, 0, 9, 9))}, 1)
    with pytest.raises(Invalid) as overlap:
        registry.put_grid(session, snapshots, G1, {"geometry": mapping(box(0, 0, 1010, 1000))}, version)
    assert G2 in overlap.value.faults[0].message
    assert "10000 m²" in overlap.value.faults[0].message
    with pytest.raises(Invalid) as crossed:
        registry.put_grid(
            session,
            snapshots,
            G1,
            {"geometry": mapping(ring((0, 0), (900, 900), (900, 0), (0, 900)))},
            version,
        )
    assert "Self-intersection" in crossed.value.faults[0].message
    for wrong in (
        None,
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [[[1, 2], [3]]]},
        7,
    ):
        with pytest.raises(Invalid):
            registry.put_grid(session, snapshots, G1, {"geometry": wrong}, version)
    assert households_of(session, G1) == 6


def test_an_empty_geometry_is_called_empty(session: Session, snapshots: Snapshots) -> None:
    for kind in ("Polygon", "MultiPolygon"):
        empty = {"geometry": {"type": kind, "coordinates": []}}
        with pytest.raises(Invalid, match="empty"):
            registry.put_grid(session, snapshots, G1, empty, 1)


def test_properties_of_another_form_are_refused(session: Session, snapshots: Snapshots) -> None:
    feature = registry.get_grid(session, G1)
    version = feature["properties"]["version"]
    for wrong, where in (
        ("x", "properties"),
        ([], "properties"),
        ({"name": 5}, "properties.name"),
        ({"name": "格" * 301}, "properties.name"),
        ({"code": G2}, "properties.code"),
    ):
        with pytest.raises(Invalid) as refused:
            registry.put_grid(session, snapshots, G1, {**feature, "properties": wrong}, version)
        assert [fault.where for fault in refused.value.faults] == [where], wrong
    kept = registry.get_grid(session, G1)["properties"]
    assert kept == feature["properties"]
    for absent in (None, {}, {"name": " "}):
        registry.put_grid(session, snapshots, G1, {**feature, "properties": absent}, version)
        session.expire_all()
        now = registry.get_grid(session, G1)["properties"]
        assert now["name"] == kept["name"]
        version = now["version"]


def test_zoning_reports_strays_and_sizes(session: Session, snapshots: Snapshots) -> None:
    report = registry.zoning(session, snapshots, None)
    assert report["overlaps"]["features"] == []
    assert report["gaps"]["features"] == []
    assert {f["properties"]["reason"]: f["properties"]["households"] for f in report["strays"]["features"]} == {
        "outside every grid": 1,
        "no position": 1,
    }
    assert [f["properties"]["code"] for f in report["undersize"]["features"]] == [G1, G2]
    assert report["oversize"]["features"] == []


def test_a_stray_household_is_told_to_a_hundred_metres_only(session: Session, snapshots: Snapshots) -> None:
    report = registry.zoning(session, snapshots, None)
    placed = [f["geometry"]["coordinates"] for f in report["strays"]["features"] if f["geometry"]]
    assert placed == [[round(value, 3) for value in lonlat(5000, 500)]]
    add_building(session, "B8", 6000, 500)
    add_household(session, "H950", "B8", 0, 0)
    report = registry.zoning(session, snapshots, None)
    assert "B8" in [f["properties"]["building"] for f in report["strays"]["features"]]


def test_one_position_answers_as_many_and_the_database_do_wherever_it_lies(
    session: Session, snapshots: Snapshots
) -> None:
    rng = np.random.default_rng(5)
    corners = shapely.get_coordinates(snapshots.grids(session).geometries)
    middles = (corners[1:] + corners[:-1]) / 2
    west, south = corners.min(axis=0) - 0.002
    east, north = corners.max(axis=0) + 0.002
    anywhere = rng.uniform((west, south), (east, north), (60, 2))
    points = np.concatenate([corners, middles, anywhere])
    finder = locating.finder(session, snapshots)
    many = codes_at(session, snapshots, points)
    for (lon, lat), code in zip(points.tolist(), many, strict=True):
        alone = finder.at(lon, lat)
        assert (None if alone is None else orjson.loads(alone)["grid"]["code"]) == code
        stored = session.execute(
            text(
                "SELECT code FROM grids WHERE ST_Covers(geometry, ST_SetSRID(ST_MakePoint(:x, :y), 4326)) "
                'ORDER BY code COLLATE "C" LIMIT 1'
            ),
            {"x": lon, "y": lat},
        ).scalar()
        assert stored == code


def test_codes_of_different_lengths_are_one_json_array(session: Session, snapshots: Snapshots) -> None:
    session.execute(text("UPDATE grids SET code = code || '0007' WHERE code = :code"), {"code": G2})
    points = np.array([lonlat(100, 500), lonlat(1900, 500), lonlat(-10, 500)])
    assert codes_at(session, snapshots, points) == [G1, G2 + "0007", None]
    assert codes_at(session, snapshots, np.zeros((0, 2))) == []


def test_a_change_of_one_grid_or_building_keeps_the_rest_of_what_is_in_memory(
    place: Store, snapshots: Snapshots
) -> None:
    def seen(x_m: float) -> dict[str, Any]:
        with place.session(admin) as session:
            return found_at(session, snapshots, *lonlat(x_m, 500))

    admin = account(place, "admin")
    with place.owner_session() as session:
        for code, west in (("P1", 90), ("P2", 1890)):
            session.execute(
                text(
                    "INSERT INTO buildings (code, name, geometry) VALUES (:code, :code, ST_GeomFromText(:shape, 4326))"
                ),
                {"code": code, "shape": box(west, 490, west + 20, 510).wkt},
            )
    assert (seen(100)["building"], seen(1900)["building"]) == (
        {"code": "P1", "name": "P1"},
        {"code": "P2", "name": "P2"},
    )
    with place.session(admin) as session:
        before = snapshots.grids(session)
    with place.owner_session() as session:
        session.execute(
            text("UPDATE buildings SET name = '二', geometry = ST_Translate(geometry, 1, 0) WHERE code = 'P2'")
        )
        session.execute(text("UPDATE grids SET name = '新' WHERE code = :code"), {"code": G2})
    assert seen(1900) == {**seen(1900), "grid": {"code": G2, "name": "新"}, "building": None}
    assert seen(100)["building"] == {"code": "P1", "name": "P1"}
    with place.session(admin) as session:
        after = snapshots.grids(session)
    assert after.geometries[0] is before.geometries[0]
    with place.owner_session() as session:
        session.execute(text("DELETE FROM buildings WHERE code = 'P1'"))
    assert seen(100)["building"] is None


def test_two_who_change_one_boundary_at_once_do_not_overwrite_each_other(place: Store, snapshots: Snapshots) -> None:
    admin = account(place, "admin")
    with place.session(admin) as session:
        version = registry.get_grid(session, G2)["properties"]["version"]
    start = threading.Barrier(4)

    def put(east_m: float) -> str:
        feature = {"geometry": mapping(box(1000, 0, east_m, 1000))}
        start.wait(10)
        try:
            with place.session(admin) as session:
                registry.put_grid(session, snapshots, G2, feature, version)
        except Stale:
            return "stale"
        return "done"

    with ThreadPoolExecutor(4) as threads:
        ends = list(threads.map(put, (1500, 2000, 2500, 2950)))
    assert sorted(ends) == ["done", "stale", "stale", "stale"]
    with place.session(admin) as session:
        assert registry.get_grid(session, G2)["properties"]["version"] == version + 1


def test_a_moved_boundary_leaves_what_assigning_all_again_would(place: Store, snapshots: Snapshots) -> None:
    """Households everywhere, also on both edges; after each move nothing is left for a full assignment to change."""
    admin = account(place, "admin")
    rng = np.random.default_rng(3)
    homes = [*rng.uniform((-100, -100), (3100, 1100), (80, 2)).tolist()]
    homes += [[x, y] for x in (0, 1000, 1200, 1400, 3000) for y in (0, 250, 500, 1000)]
    with place.owner_session() as session:
        for number, (x_m, y_m) in enumerate(homes):
            lon, lat = lonlat(x_m, y_m)
            session.execute(
                text(
                    "INSERT INTO households (code, own_position, geometry, lon, lat, grid_reason) VALUES "
                    "(:code, true, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :lon, :lat, 'outside every grid')"
                ),
                {"code": f"Z{number}", "lon": lon, "lat": lat},
            )
        assign(session.connection())

    def members(code: str) -> set[str]:
        with place.owner_session() as session:
            return set(
                session.scalars(
                    text("SELECT h.code FROM households h JOIN grids g ON g.id = h.grid_id WHERE g.code = :code"),
                    {"code": code},
                )
            )

    for code, shape in (
        (G2, box(1400, 0, 3000, 1000)),
        (G1, box(0, 0, 1400, 1000)),
        (G1, box(0, 0, 1200, 1000)),
        (G2, ring((1200, 0), (3000, 0), (3000, 1000), (1200, 1000), (1200, 500))),
        (G1, ring((0, 0), (1200, 0), (1200, 500), (1200, 1000), (0, 1000))),
    ):
        before = members(code)
        with place.session(admin) as session:
            version = registry.get_grid(session, code)["properties"]["version"]
            answer = registry.put_grid(session, snapshots, code, {"geometry": mapping(shape)}, version)
        after = members(code)
        assert (answer["moved_in"], answer["moved_out"]) == (len(after - before), len(before - after))
        with place.owner_session() as session:
            assert assign(session.connection()).changed == 0
