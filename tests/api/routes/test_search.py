"""What the planner's search box and the comparison of two maps are answered."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn
from tests.api.routes.test_grids import G1, G2


def test_a_place_is_found_and_has_a_shape(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    items = client.get("/api/search", params={"q": G2}, headers=headers).json()["items"]
    assert (items[0]["kind"], items[0]["code"]) == ("grid", G2)
    shape = client.get("/api/search/shape", params={"kind": "grid", "code": G2}, headers=headers)
    assert shape.headers["content-type"] == "application/geo+json"
    west, south, east, north = items[0]["bounds"]
    ring = shape.json()["geometry"]["coordinates"][0][0]
    assert all(west - 1e-6 <= lon <= east + 1e-6 and south - 1e-6 <= lat <= north + 1e-6 for lon, lat in ring)
    assert client.get("/api/search", params={"q": "不存在"}, headers=headers).json() == {"items": []}
    assert client.get("/api/search/shape?kind=grid&code=0", headers=headers).status_code == 404
    assert client.get("/api/search/shape?kind=household&code=H001", headers=headers).status_code == 422
    assert len(client.get("/api/search?q=B&limit=2", headers=headers).json()["items"]) <= 2


def test_two_measures_side_by_side(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    found = client.get("/api/comparison?left=households&right=needs_open&common=true", headers=headers).json()
    assert found["left"]["values"] == {G1: 6.0, G2: 15.0}
    assert found["common"] is False and found["difference"] is None, "households and needs have no common classes"
    path = "/api/comparison?left=needs_opened&left_from=2026-01&left_to=2026-05&right=needs_opened&common=true&palette=dusk&k=3"
    found = client.get(path, headers=headers).json()
    assert found["common"] is True and found["left"]["breaks"] == found["right"]["breaks"]
    assert (found["left"]["from"], found["left"]["to"]) == ("2026-01", "2026-05")
    assert set(found["difference"]["values"]) == {G1, G2}
    refused = client.get("/api/comparison?left=households&right=needs_opened&right_from=x", headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["where"]) == (422, "query.right_from")
