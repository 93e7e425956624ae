"""Who can help with what: suggestions in order, and places that are never promised twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.routes.projects import add, need, project, resource
from tests.gis.services.conftest import G1, G2


def test_suggestions_are_open_near_and_have_places(client: TestClient, as_: SignIn) -> None:
    planner, worker = as_("planner"), as_("worker")
    near, far = resource(client, planner, 200, organisation="近处"), resource(client, planner, 900, organisation="远处")
    shut = resource(client, planner, 110, organisation="停业", hours="off")
    gone = resource(client, planner, 105, organisation="已停")
    client.patch(f"/api/resources/{gone['id']}", json={"active": False}, headers={**planner, "If-Match": '"1"'})
    resource(client, planner, 100, organisation="别处", area=G2)
    resource(client, planner, 100, organisation="别类", service="health")
    one, asked = project(client, planner), need(client, worker)

    def names(**query: Any) -> list[str]:
        found = client.get(f"/api/projects/{one['id']}/offers", params=query, headers=planner).json()["items"]
        return [item["name"] for item in found if item["name"] != "S1"]

    assert names() == ["近处", "远处", "停业"]
    offers = client.get(f"/api/needs/{asked}", headers=worker).json()["offers"]
    by_name = {item["name"]: item for item in offers}
    assert set(by_name) == {"近处", "远处", "停业", "S1"}
    assert by_name["近处"]["walk_m"] == pytest.approx(130, abs=1)  # no streets: 100 m with a detour of 1.3
    assert by_name["停业"]["open"] is False and by_name["S1"]["source"] == "station"
    assert add(client, planner, one, "resources", resource=near["id"], places=4).status_code == 201
    assert names(places=2) == ["远处", "近处", "停业"] or names(places=2) == ["远处", "停业", "近处"]
    assert {far["id"], shut["id"]} <= {item["key"] for item in offers}


def test_places_are_never_promised_twice(client: TestClient, as_: SignIn) -> None:
    planner = as_("planner")
    offered = resource(client, planner, capacity=5)
    ones = [project(client, planner, area=area) for area in (G1, G2, G1, G2)]
    gate = threading.Barrier(4)

    def take(one: dict[str, Any]) -> Any:
        gate.wait()
        return add(client, planner, one, "resources", resource=offered["id"], places=2)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(take, ones))
    assert sorted(answered.status_code for answered in answers) == [201, 201, 409, 409]
    assert all("1" in answered.json()["detail"] for answered in answers if answered.status_code == 409)
    assert (
        client.get(f"/api/resources/{offered['id']}", headers=as_("worker")).json()["left"] == 1
    )  # a worker too sees what is taken elsewhere
    (took,) = [answered.json() for answered in answers if answered.status_code == 201][:1]
    released = client.delete(f"/api/projects/{took['id']}/resources/{took['resources'][0]['id']}", headers=planner)
    assert released.status_code == 200 and released.json()["resources"] == []
    assert client.get(f"/api/resources/{offered['id']}", headers=planner).json()["left"] == 3
    wrong = resource(client, planner, service="health")
    assert add(client, planner, ones[0], "resources", resource=wrong["id"]).status_code == 409
    assert add(client, planner, ones[0], "resources", station="S2").status_code == 409  # day care only
    assert add(client, planner, ones[0], "resources", station="nothing").status_code == 404
    assert add(client, planner, ones[0], "resources").status_code == 422


def test_each_service_of_a_station_has_its_own_places(client: TestClient, as_: SignIn, peopled: Store) -> None:
    planner = as_("planner")
    with peopled.owner_session() as session:
        session.execute(text("UPDATE station_services SET capacity = 3"))
    meal, health = project(client, planner), project(client, planner, service="health")
    assert add(client, planner, meal, "resources", station="S1", places=2).status_code == 201

    def left(one: dict[str, Any]) -> int:
        offers = client.get(f"/api/projects/{one['id']}/offers", headers=planner).json()["items"]
        return int(next(offer["left"] for offer in offers if offer["key"] == "S1"))

    assert (left(meal), left(health)) == (1, 3)
    assert add(client, planner, health, "resources", station="S1", places=3).status_code == 201
    assert (left(meal), left(health)) == (1, 0)
    assert add(client, planner, project(client, planner), "resources", station="S1", places=2).status_code == 409
    # What is taken is of that service: the project cannot become one of another while it holds it.
    tagged = {**planner, "If-Match": '"1"'}
    refused = client.patch(f"/api/projects/{meal['id']}", json={"service": "errand"}, headers=tagged)
    assert refused.status_code == 409 and refused.json()["errors"][0]["where"] == "body.service"
    taken = client.get(f"/api/projects/{meal['id']}", headers=planner).json()["resources"][0]["id"]
    client.delete(f"/api/projects/{meal['id']}/resources/{taken}", headers=planner)
    assert client.patch(f"/api/projects/{meal['id']}", json={"service": "errand"}, headers=tagged).status_code == 200
