from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gis.clock import TIME_ZONE
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2

PHONE = "15412345678"
YESTERDAY = (datetime.now(TIME_ZONE).date() - timedelta(days=1)).isoformat()


@pytest.fixture
def contact(client: TestClient, as_: SignIn) -> dict[str, Any]:
    made = client.post(
        "/api/contacts",
        json={"name": "李四", "organisation": "某支部", "phone": PHONE, "grid": G1},
        headers=as_("worker"),
    )
    assert made.status_code == 201, made.text
    return made.json()


def link(client: TestClient, headers: dict[str, str], household: str, contact: str, **days: str) -> Any:
    return client.post(f"/api/households/{household}/contacts", json={"contact": contact, **days}, headers=headers)


def coverage(client: TestClient, headers: dict[str, str]) -> Any:
    return client.get("/api/contacts/coverage", headers=headers).json()


def test_a_household_gets_a_contact_and_is_covered(client: TestClient, as_: SignIn, contact: dict[str, Any]) -> None:
    headers = as_("worker")
    assert contact["phone"] == "154****5678"
    assert coverage(client, headers)["totals"] == {"households": 6, "covered": 0, "uncovered": 6}
    linked = link(client, headers, "H001", contact["id"])
    assert linked.status_code == 201, linked.text
    entry = linked.json()["items"][0]
    assert (entry["name"], entry["phone"], entry["in_force"]) == ("李四", "154****5678", True)
    assert link(client, headers, "H001", contact["id"]).status_code == 200  # sent twice
    assert link(client, headers, "H001", contact["id"], valid_from="2020-01-01").status_code == 409
    assert coverage(client, headers) == {
        "totals": {"households": 6, "covered": 1, "uncovered": 5},
        "grids": [{"code": G1, "name": "一网格", "households": 6, "covered": 1, "uncovered": 5}],
    }
    uncovered = client.get("/api/contacts/uncovered", headers=headers).json()["items"]
    assert [item["code"] for item in uncovered] == ["H002", "H003", "H004", "H005", "H006"]
    assert client.get(f"/api/contacts/{contact['id']}", headers=headers).json()["households"] == 1


def test_the_ledger_ends_entries_and_keeps_them(client: TestClient, as_: SignIn, contact: dict[str, Any]) -> None:
    headers = as_("worker")
    entry = link(client, headers, "H001", contact["id"], valid_from="2026-01-01").json()["items"][0]
    path = f"/api/households/H001/contacts/{entry['id']}/end"
    assert client.post(path, json={"valid_to": "2025-12-31"}, headers=headers).status_code == 422
    ended = client.post(path, json={"valid_to": YESTERDAY}, headers=headers)
    assert [(e["valid_to"], e["in_force"]) for e in ended.json()["items"]] == [(YESTERDAY, False)]
    assert coverage(client, headers)["totals"]["covered"] == 0
    assert link(client, headers, "H001", contact["id"], valid_from=YESTERDAY).status_code == 409
    again = link(client, headers, "H001", contact["id"])
    assert [e["in_force"] for e in again.json()["items"]] == [True, False]
    assert client.post(path.replace("H001", "H002"), json={"valid_to": YESTERDAY}, headers=headers).status_code == 404


def test_admins_see_the_whole_place(client: TestClient, as_: SignIn, contact: dict[str, Any]) -> None:
    link(client, as_("admin"), "H007", contact["id"])
    found = coverage(client, as_("admin"))
    assert found["totals"] == {"households": 23, "covered": 1, "uncovered": 22}
    assert [(g["code"], g["covered"]) for g in found["grids"]] == [(G1, 0), (G2, 1), (None, 0)]
    page = client.get("/api/contacts/uncovered?limit=20&area=539901001001", headers=as_("admin")).json()
    assert len(page["items"]) == 20
    assert page["next"] is None  # 21 households in grids, one of them covered


def test_a_worker_has_no_business_with_foreign_households_and_contacts(
    client: TestClient, as_: SignIn, contact: dict[str, Any]
) -> None:
    headers, admin = as_("worker"), as_("admin")
    assert link(client, headers, "H010", contact["id"]).status_code == 404
    assert client.get("/api/households/H010/contacts", headers=headers).status_code == 404
    assert client.post("/api/contacts", json={"name": "x", "grid": G2}, headers=headers).status_code == 422
    assert client.post("/api/contacts", json={"name": "x"}, headers=headers).status_code == 422
    foreign = client.post("/api/contacts", json={"name": "王五", "grid": G2}, headers=admin)
    path = f"/api/contacts/{foreign.json()['id']}"
    tag = {**headers, "If-Match": foreign.headers["etag"]}
    assert client.get(path, headers=headers).status_code == 404
    assert client.patch(path, json={"name": "x"}, headers=tag).status_code == 404
    assert link(client, headers, "H001", foreign.json()["id"]).status_code == 404
    assert [c["name"] for c in client.get("/api/contacts", headers=headers).json()["items"]] == ["李四"]
    # The admin has given an own household a contact of another grid: seen, but not the worker's to change.
    link(client, admin, "H001", foreign.json()["id"])
    assert client.get(path, headers=headers).json()["name"] == "王五"
    assert client.patch(path, json={"name": "x"}, headers=tag).status_code == 403
    assert link(client, headers, "H002", foreign.json()["id"]).status_code == 403


def test_others_see_nothing(client: TestClient, as_: SignIn, contact: dict[str, Any]) -> None:
    for role in ("planner", "screen", "auditor"):
        for path in (
            "/api/contacts",
            f"/api/contacts/{contact['id']}",
            "/api/contacts/coverage",
            "/api/contacts/uncovered",
            "/api/households/H001/contacts",
        ):
            answered = client.get(path, headers=as_(role))
            assert answered.status_code == 403, path
            assert "李四" not in answered.text


def test_a_contact_changes_under_its_tag(client: TestClient, as_: SignIn, contact: dict[str, Any]) -> None:
    headers = as_("worker")
    path = f"/api/contacts/{contact['id']}"
    tag = client.get(path, headers=headers).headers["etag"]
    assert client.patch(path, json={"phone": None}, headers=headers).status_code == 428
    changed = client.patch(
        path, json={"phone": "15400001111", "organisation": None}, headers={**headers, "If-Match": tag}
    ).json()
    assert (changed["phone"], changed["organisation"], changed["name"]) == ("154****1111", None, "李四")
    assert client.patch(path, json={"name": "x"}, headers={**headers, "If-Match": tag}).status_code == 412
    shown = client.post(f"{path}/reveal", json={"reason": "联系走访"}, headers=headers)
    assert shown.json()["phone"] == "15400001111"
