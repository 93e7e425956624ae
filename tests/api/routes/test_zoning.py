from __future__ import annotations

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2


def test_what_is_wrong_with_the_division(client: TestClient, as_: SignIn) -> None:
    found = client.get("/api/zoning", headers=as_("planner")).json()
    assert set(found) == {"overlaps", "gaps", "beyond", "strays", "oversize", "undersize"}
    assert found["overlaps"]["features"] == []
    strays = {f["properties"]["reason"]: f["properties"]["households"] for f in found["strays"]["features"]}
    assert strays == {"no position": 1, "outside every grid": 1}
    assert {f["properties"]["code"] for f in found["undersize"]["features"]} == {G1, G2}
    assert client.get("/api/zoning?area=539901001001", headers=as_("planner")).status_code == 200
    assert client.get("/api/zoning?area=x", headers=as_("planner")).status_code == 422
