from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn
from tests.gis.services.conftest import lonlat


def a_building(code: str = "N1", **more: Any) -> dict[str, Any]:
    kind = {"kind": "养老服务站"} if "buildings" == "stations" else {}
    properties = {"code": code, "name": "新的", **kind, **more}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": lonlat(200, 200)},
        "properties": properties,
    }


def test_a_life(client: TestClient, as_: SignIn) -> None:
    headers = as_("admin")
    made = client.post("/api/buildings", json=a_building(), headers=headers)
    assert made.status_code == 201, made.text
    tag = made.headers["etag"]
    assert client.post("/api/buildings", json=a_building(), headers=headers).status_code == 409
    read = client.get("/api/buildings/N1", headers=as_("worker"))
    assert read.headers["etag"] == tag
    assert read.json() == made.json()
    changed = client.put("/api/buildings/N1", json=a_building(name="另一个"), headers={**headers, "If-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["properties"]["name"] == "另一个"
    assert changed.headers["etag"] != tag
    for method, body in (("PUT", a_building()), ("DELETE", None)):
        assert (
            client.request(method, "/api/buildings/N1", json=body, headers={**headers, "If-Match": tag}).status_code
            == 412
        )
        assert client.request(method, "/api/buildings/N1", json=body, headers=headers).status_code == 428
    gone = client.delete("/api/buildings/N1", headers={**headers, "If-Match": changed.headers["etag"]})
    assert gone.status_code == 204
    assert gone.content == b""
    assert client.get("/api/buildings/N1", headers=headers).status_code == 404
    assert client.delete("/api/buildings/N1", headers={**headers, "If-Match": tag}).status_code == 404


def test_pages(client: TestClient, as_: SignIn) -> None:
    address, codes = "/api/buildings?limit=1", []
    while address:
        page = client.get(address, headers=as_("screen")).json()
        codes += [feature["properties"]["code"] for feature in page["features"]]
        address = page["next"]
    assert codes == sorted(set(codes))
    assert len(codes) >= 2


MALFORMED: list[dict[str, Any]] = [
    {},
    {"type": "Feature"},
    {"type": "Feature", "properties": None, "geometry": None},
    {"type": "Feature", "properties": [], "geometry": []},
    {
        "type": "Feature",
        "properties": {"code": 5},
        "geometry": {"type": "Point", "coordinates": [200, 100]},
    },
    {
        "type": "Feature",
        "properties": {"code": "X"},
        "geometry": {"type": "LineString", "coordinates": [[1, 1], [2, 2]]},
    },
    {
        "type": "Feature",
        "properties": {"code": "X\x00", "name": "x", "kind": "x"},
        "geometry": {"type": "Point", "coordinates": [1, 1]},
    },
]


def test_malformed_ones(client: TestClient, as_: SignIn) -> None:
    for body in MALFORMED:
        answered = client.post("/api/buildings", json=body, headers=as_("admin"))
        assert answered.status_code == 422, answered.text
