from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn

OWN, FOREIGN = "H001", "H010"
PHONE = "19900001234"


def people(client: TestClient, headers: dict[str, str], code: str = OWN) -> list[dict[str, Any]]:
    return client.get(f"/api/households/{code}", headers=headers).json()["residents"]


def test_a_phone_is_shown_one_by_one_and_noted(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    elder, child = people(client, headers)[0], people(client, headers)[3]
    asked = {"resident": elder["id"], "field": "phone", "reason": "电话回访"}
    shown = client.post(f"/api/households/{OWN}/reveal", json=asked, headers=headers)
    assert shown.json() == {"resident": elder["id"], "field": "phone", "value": PHONE}
    assert "no-store" in shown.headers["cache-control"]
    (entry,) = client.get("/api/audit?action=resident.reveal", headers=as_("auditor")).json()["items"]
    assert (entry["account"], entry["subject"], entry["reason"]) == ("worker", f"resident:{elder['id']}", "电话回访")
    assert PHONE not in str(entry)
    for wrong in ({"reason": ""}, {"field": "key"}, {"resident": "x"}, {"more": 1}, {"resident": child["id"]}):
        assert (
            client.post(f"/api/households/{OWN}/reveal", json={**asked, **wrong}, headers=headers).status_code == 422
        ), wrong
    childs = {**asked, "resident": child["id"], "purpose": "care_visit"}
    assert client.post(f"/api/households/{OWN}/reveal", json=childs, headers=headers).status_code == 200
    assert (
        client.post(f"/api/households/{OWN}/reveal", json={**childs, "field": "id_number"}, headers=headers).status_code
        == 403
    )


def test_foreign_people_are_not_there(client: TestClient, as_: SignIn) -> None:
    foreign = people(client, as_("admin"), FOREIGN)[0]["id"]
    asked = {"resident": foreign, "field": "phone", "reason": "电话回访"}
    headers = as_("worker")
    for household in (OWN, FOREIGN):
        assert client.post(f"/api/households/{household}/reveal", json=asked, headers=headers).status_code == 404
    for method, path in (("GET", ""), ("GET", "/export"), ("PATCH", "")):
        answered = client.request(
            method,
            f"/api/residents/{foreign}{path}",
            json={} if method == "PATCH" else None,
            headers={**headers, "If-Match": '"1"'},
        )
        assert answered.status_code == 404, path
    tried = client.get("/api/audit?action=household.refuse", headers=as_("auditor")).json()["items"]
    assert {entry["subject"] for entry in tried} == {f"resident:{foreign}"} and len(tried) == 5


def test_search_keeps_the_number_out_of_the_address(client: TestClient, as_: SignIn) -> None:
    found = client.post("/api/households/search", json={"q": "199 0000 1234", "limit": 4}, headers=as_("worker")).json()
    assert [each["code"] for each in found["items"]] == ["H001", "H002", "H003", "H004"]
    assert PHONE not in str(found)
    rest = client.post(
        "/api/households/search", json={"q": PHONE, "cursor": found["next"]}, headers=as_("worker")
    ).json()
    assert [each["code"] for each in rest["items"]] == ["H005", "H006"]


def test_correction_under_its_tag(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    number = people(client, headers)[0]["id"]
    read = client.get(f"/api/residents/{number}", headers=headers)
    body = {"phone": "15400001111", "birth_date": "1950-03-04"}
    assert client.patch(f"/api/residents/{number}", json=body, headers=headers).status_code == 428
    now = {**headers, "If-Match": read.headers["etag"]}
    changed = client.patch(f"/api/residents/{number}", json=body, headers=now)
    assert (changed.status_code, changed.json()["phone"], changed.json()["birth_date"]) == (
        200,
        "154****1111",
        "1950-03-04",
    )
    assert client.patch(f"/api/residents/{number}", json=body, headers=now).status_code == 412
    now = {**headers, "If-Match": changed.headers["etag"]}
    for wrong in ({"phone": "x"}, {"key": "k"}, {"household_id": 1}, {"birth_date": "soon"}, {"care_flags": ["x"]}):
        assert client.patch(f"/api/residents/{number}", json=wrong, headers=now).status_code == 422, wrong


def test_export_and_erasure(client: TestClient, as_: SignIn) -> None:
    elder = people(client, as_("worker"))[0]
    exported = client.get(f"/api/residents/{elder['id']}/export", headers=as_("worker"))
    assert exported.json()["resident"]["phone"] == PHONE
    assert "attachment" in exported.headers["content-disposition"]
    assert client.get(f"/api/residents/{elder['id']}/export?request=whim", headers=as_("worker")).status_code == 422
    tag = {"If-Match": f'"{elder["version"]}"'}
    assert client.delete(f"/api/residents/{elder['id']}", headers={**as_("worker"), **tag}).status_code == 403
    assert (
        client.delete(f"/api/residents/{elder['id']}", headers={**as_("admin"), "If-Match": '"99"'}).status_code == 412
    )
    assert client.delete(f"/api/residents/{elder['id']}", headers={**as_("admin"), **tag}).status_code == 204
    assert client.get(f"/api/residents/{elder['id']}", headers=as_("admin")).status_code == 404


def test_others_get_nothing(client: TestClient, as_: SignIn) -> None:
    number = people(client, as_("admin"))[0]["id"]
    asked = {"resident": number, "field": "phone", "reason": "电话回访"}
    for role in ("planner", "screen", "auditor"):
        answers = [
            client.post(f"/api/households/{OWN}/reveal", json=asked, headers=as_(role)),
            client.post("/api/households/search", json={"q": PHONE}, headers=as_(role)),
            client.get(f"/api/residents/{number}", headers=as_(role)),
            client.get(f"/api/residents/{number}/export", headers=as_(role)),
            client.delete(f"/api/residents/{number}", headers={**as_(role), "If-Match": '"1"'}),
        ]
        assert {each.status_code for each in answers} == {403}
        assert not any(PHONE in each.text for each in answers)
