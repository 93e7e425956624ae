from __future__ import annotations

from itertools import accumulate

from fastapi.testclient import TestClient
from shapely.geometry import mapping

from tests.api.conftest import SignIn
from tests.api.routes.test_coverage import codes_of
from tests.gis.services.conftest import G1, G2, box


def test_pages_follow_each_other(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    first = client.get("/api/grids?limit=1&area=539901001001", headers=headers)
    assert first.headers["content-type"] == "application/geo+json"
    assert [f["properties"]["code"] for f in first.json()["features"]] == [G1]
    second = client.get(first.json()["next"], headers=headers).json()
    assert [f["properties"]["code"] for f in second["features"]] == [G2]
    assert second["next"] is None


def test_filters(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    west, south, east, north = box(1500, 100, 1600, 200).bounds
    found = client.get("/api/grids", params={"bbox": f"{west},{south},{east},{north}"}, headers=headers).json()
    assert [f["properties"]["code"] for f in found["features"]] == [G2]
    unknown = client.get("/api/grids?area=539901002000", headers=headers)
    assert (unknown.status_code, "539901002000" in unknown.json()["detail"]) == (404, True)
    assert client.get("/api/grids?area=539901001001&bbox=1,2,3,4", headers=headers).json()["features"] == []
    for wrong in ("area=abc", "area=53", "bbox=1,2,3", "limit=0", "limit=10001", "limit=1.5"):
        assert client.get(f"/api/grids?{wrong}", headers=headers).status_code == 422, wrong


def test_a_boundary_is_moved_under_its_tag(client: TestClient, as_: SignIn) -> None:
    """G1 shrinks to x < 50 and loses the six households of B1 at x = 100; they are in no grid then."""
    headers = as_("admin")
    read = client.get(f"/api/grids/{G1}", headers=headers)
    tag = read.headers["etag"]
    body = {"type": "Feature", "geometry": mapping(box(0, 0, 50, 1000)), "properties": {}}
    assert client.put(f"/api/grids/{G1}", json=body, headers=headers).status_code == 428
    moved = client.put(f"/api/grids/{G1}", json=body, headers={**headers, "If-Match": tag})
    assert moved.status_code == 200
    assert (moved.json()["moved_in"], moved.json()["moved_out"]) == (0, 6)
    assert moved.headers["etag"] != tag
    assert moved.headers["etag"] == client.get(f"/api/grids/{G1}", headers=headers).headers["etag"]
    stale = client.put(f"/api/grids/{G1}", json=body, headers={**headers, "If-Match": tag})
    assert stale.status_code == 412
    assert (
        client.put("/api/grids/539901001001999", json=body, headers={**headers, "If-Match": '"1"'}).status_code == 404
    )


def test_overlaps_and_invalid_rings_are_placed(client: TestClient, as_: SignIn) -> None:
    headers = {**as_("admin"), "If-Match": '"1"'}
    for shape in (
        mapping(box(0, 0, 1500, 1000)),
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
    ):
        answered = client.put(
            f"/api/grids/{G1}", json={"type": "Feature", "geometry": shape, "properties": {}}, headers=headers
        )
        assert answered.status_code == 422
        assert answered.json()["errors"][0]["where"].startswith("geometry")
    for wrong in ({}, {"geometry": None}, {"geometry": {"type": "Polygon", "coordinates": "x"}}):
        assert client.put(f"/api/grids/{G1}", json=wrong, headers=headers).status_code == 422
    assert client.put(f"/api/grids/{G1}", json=[], headers=headers).status_code == 422


def test_the_summary_by_role(client: TestClient, as_: SignIn) -> None:
    full = client.get(f"/api/grids/{G1}/summary", headers=as_("admin")).json()
    assert (full["households"], full["residents"], full["elders_60"], full["children_12"]) == (6, 24, 12, 6)
    assert full["care_flags"]["living_alone"] == 12
    assert full["colours"]["green"] == 6
    assert full["covered_share"]["meal"] == 1.0
    assert client.get(f"/api/grids/{G1}/summary", headers=as_("worker")).json() == full
    assert client.get(f"/api/grids/{G2}/summary", headers=as_("worker")).status_code == 403
    assert client.get("/api/grids/539901001001999/summary", headers=as_("planner")).status_code == 404


def test_planners_and_walls_count_people_in_fives(client: TestClient, as_: SignIn) -> None:
    full = client.get(f"/api/grids/{G1}/summary", headers=as_("admin")).json()
    planner, wall = (client.get(f"/api/grids/{G1}/summary", headers=as_(role)).json() for role in ("planner", "screen"))
    assert (full["people_in"], planner["people_in"]) == (1, 5)
    for name in ("residents", "elders_60", "children_12"):
        assert planner[name] % 5 == 0
        assert abs(planner[name] - full[name]) < 5
    assert planner["households"] == 6
    assert planner["care_flags"]["disability"] is None  # nobody, or fewer than five
    assert planner["colours"]["green"] in (5, 10)
    assert wall == {**planner, "colours": {}}


def test_a_wall_gets_no_small_number_of_households() -> None:
    from api.routes.grids import _for_wall

    assert _for_wall({"households": 4, "colours": {"green": 5}}) == {"households": None, "colours": {}}


def test_measures(client: TestClient, as_: SignIn) -> None:
    headers = as_("screen")
    names = {measure["key"] for measure in client.get("/api/grids/measures", headers=headers).json()["measures"]}
    assert {"households", "elders_60", "covered:meal"} <= names
    found = client.get("/api/grids/measures?measure=households&k=2&scheme=equal", headers=headers).json()
    assert found["values"] == {G1: 6.0, G2: 15.0}
    assert found["breaks"] == [6.0, 10.0, 15.0]
    assert found["counts"] == [1, 1]
    assert len(found["colours"]) == 2
    assert client.get("/api/grids/measures?measure=nothing", headers=headers).status_code == 404
    asked = "/api/grids/measures?measure=flag:living_alone&k=2"
    by_code, columns = (client.get(asked + form, headers=as_("planner")).json() for form in ("", "&form=columns"))
    codes = codes_of(columns.pop("code"))
    assert dict(zip(codes, columns.pop("value"), strict=True)) == by_code.pop("values")
    hidden = by_code.pop("suppressed")
    assert [codes[at] for at in accumulate(columns.pop("suppressed"))] == hidden
    assert columns == by_code
    refused = client.get("/api/grids/measures?measure=needs_opened&from=2026-11&to=2026-10", headers=as_("planner"))
    assert (refused.status_code, refused.json()["errors"][0]["where"]) == (422, "query.from")
    assert client.get("/api/grids/measures?measure=households&k=99", headers=headers).status_code == 422


def test_a_list_that_the_caller_has_is_not_sent_again(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    first = client.get("/api/grids", headers=headers)
    has = {**headers, "If-None-Match": first.headers["ETag"]}
    again = client.get("/api/grids", headers=has)
    assert (again.status_code, again.content) == (304, b"")
    admin = as_("admin")
    tag = client.get(f"/api/grids/{G1}", headers=admin).headers["ETag"]
    body = {**first.json()["features"][0], "properties": {"name": "新名"}}
    assert client.put(f"/api/grids/{G1}", json=body, headers={**admin, "If-Match": tag}).status_code == 200
    changed = client.get("/api/grids", headers=has)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]
    assert changed.json()["features"][0]["properties"]["name"] == "新名"
