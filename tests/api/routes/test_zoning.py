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


def test_a_page_gets_so_many_of_each_kind_and_how_many_there_are(client: TestClient, as_: SignIn) -> None:
    whole = client.get("/api/zoning", headers=as_("planner")).json()
    brief = client.get("/api/zoning?most=1", headers=as_("planner")).json()
    for kind, found in whole.items():
        assert brief[kind]["count"] == len(found["features"])
        assert [each["properties"] for each in brief[kind]["features"]] == [
            each["properties"] for each in found["features"][:1]
        ]
    assert brief["undersize"]["count"] == 2
    assert brief["undersize"]["features"][0]["geometry"] is None
    assert [each["geometry"] for each in brief["strays"]["features"]] == [
        each["geometry"] for each in whole["strays"]["features"][:1]
    ]
    assert client.get("/api/zoning?most=0", headers=as_("planner")).status_code == 422
