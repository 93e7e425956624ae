from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn
from tests.gis.services.conftest import lonlat


def a_station(code: str = "N1", **more: Any) -> dict[str, Any]:
    kind = {"kind": "养老服务站"} if "stations" == "stations" else {}
    properties = {"code": code, "name": "新的", **kind, **more}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": lonlat(200, 200)},
        "properties": properties,
    }


def test_a_life(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    made = client.post("/api/stations", json=a_station(), headers=headers)
    assert made.status_code == 201, made.text
    tag = made.headers["etag"]
    assert client.post("/api/stations", json=a_station(), headers=headers).status_code == 409
    read = client.get("/api/stations/N1", headers=as_("worker"))
    assert read.headers["etag"] == tag
    assert read.json() == made.json()
    changed = client.put("/api/stations/N1", json=a_station(name="另一个"), headers={**headers, "If-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["properties"]["name"] == "另一个"
    assert changed.headers["etag"] != tag
    for method, body in (("PUT", a_station()), ("DELETE", None)):
        assert (
            client.request(method, "/api/stations/N1", json=body, headers={**headers, "If-Match": tag}).status_code
            == 412
        )
        assert client.request(method, "/api/stations/N1", json=body, headers=headers).status_code == 428
    gone = client.delete("/api/stations/N1", headers={**headers, "If-Match": changed.headers["etag"]})
    assert gone.status_code == 204
    assert gone.content == b""
    assert client.get("/api/stations/N1", headers=headers).status_code == 404
    assert client.delete("/api/stations/N1", headers={**headers, "If-Match": tag}).status_code == 404


def test_pages(client: TestClient, as_: SignIn) -> None:
    address, codes = "/api/stations?limit=1", []
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
        answered = client.post("/api/stations", json=body, headers=as_("planner"))
        assert answered.status_code == 422, answered.text


def test_the_nearest_and_open_first(client: TestClient, as_: SignIn) -> None:
    """From (1500, 100): S2 is 400 m away, S1 about 1456 m; on a Friday at noon both are open, by name and distance."""
    lon, lat = lonlat(1500, 100)
    question = {"lon": lon, "lat": lat, "at": "2026-11-20T12:00:00+08:00"}
    found = client.get("/api/stations/nearest", params=question, headers=as_("worker")).json()["items"]
    assert [(station["code"], station["distance_m"], station["open"]) for station in found] == [
        ("S2", 400, True),
        ("S1", 1456, True),
    ]
    assert (
        client.get("/api/stations/nearest", params={**question, "at": "any"}, headers=as_("worker")).status_code == 422
    )
    assert (
        client.get("/api/stations/nearest", params={**question, "limit": 0}, headers=as_("worker")).status_code == 422
    )
