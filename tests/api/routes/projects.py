"""What tests of the five lists do: make projects, resources and needs, and take steps."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from tests.gis.services.conftest import G1, lonlat

COMMUNITY = "539901001001"
Headers = dict[str, str]


def resource(client: TestClient, who: Headers, x_m: float = 300, **more: Any) -> dict[str, Any]:
    lon, lat = lonlat(x_m, 500)
    body = {
        "organisation": "志愿者协会",
        "service": "meal",
        "area": COMMUNITY,
        "capacity": 5,
        "lon": lon,
        "lat": lat,
        **more,
    }
    answered = client.post("/api/resources", json=body, headers=who)
    assert answered.status_code == 201, answered.text
    return answered.json()


def project(client: TestClient, who: Headers, **more: Any) -> dict[str, Any]:
    lon, lat = lonlat(100, 500)
    body = {"title": "老人助餐", "service": "meal", "area": G1, "lon": lon, "lat": lat, **more}
    answered = client.post("/api/projects", json=body, headers=who)
    assert answered.status_code == 201, answered.text
    return answered.json()


def need(client: TestClient, who: Headers, household: str = "H001", service: str = "meal") -> str:
    answered = client.post(
        "/api/needs", json={"household": household, "service": service, "note": "不吃辣"}, headers=who
    )
    assert answered.status_code == 201, answered.text
    return str(answered.json()["id"])


def go(client: TestClient, who: Headers, one: dict[str, Any], to: str, **headers: str) -> Any:
    return client.post(f"/api/projects/{one['id']}/transitions", json={"to": to}, headers={**who, **headers})


def add(client: TestClient, who: Headers, one: dict[str, Any], what: str, **body: Any) -> Any:
    return client.post(f"/api/projects/{one['id']}/{what}", json=body, headers=who)
