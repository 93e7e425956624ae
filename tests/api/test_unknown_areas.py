"""An area of which nothing is known is 404 wherever one may be asked for; one that has nothing is an empty answer."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn

UNKNOWN, EMPTY = "539902000000", "539901001000"
ALSO_ASKED: dict[str, dict[str, Any]] = {
    "/api/coverage/buildings": {"service": "meal"},
    "/api/coverage/week": {"service": "meal"},
    "/api/coverage/capacity": {"service": "meal"},
}
"""What else some of them cannot do without."""
ELSEWHERE = ("/api/export/", "/api/print/", "/api/circles")
"""Files and paper are made of the answers tested here; circles are those of all stations, an area only counts who is in them."""


def test_an_unknown_area_is_not_an_empty_one(client: TestClient, as_: SignIn) -> None:
    admin = as_("admin")
    asked = {
        path.format(layer="things"): {**ALSO_ASKED.get(path, {})}
        for path, methods in client.get("/api/openapi.json", headers=admin).json()["paths"].items()
        if any(each["name"] == "area" for each in methods.get("get", {}).get("parameters", ()))
        and not path.startswith(ELSEWHERE)
    }
    assert len(asked) >= 16
    told = {path: client.get(path, params={**also, "area": UNKNOWN}, headers=admin) for path, also in asked.items()}
    assert {path: answer.status_code for path, answer in told.items()} == dict.fromkeys(asked, 404)
    assert all(UNKNOWN in answer.json()["detail"] for answer in told.values())
    known = {
        path: client.get(path, params={**also, "area": EMPTY}, headers=admin).status_code
        for path, also in asked.items()
    }
    assert known == dict.fromkeys(asked, 200)
