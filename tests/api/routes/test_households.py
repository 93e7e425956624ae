from __future__ import annotations

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2

OWN, FOREIGN = "H001", "H010"


def test_a_worker_sees_own_grids_and_no_sign_of_others(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    listed = client.get("/api/households", headers=headers).json()
    assert [item["code"] for item in listed["items"]] == [f"H{n:03d}" for n in range(1, 7)]
    assert client.get(f"/api/households?grid={G2}", headers=headers).json()["items"] == []
    assert client.get(f"/api/households/{OWN}", headers=headers).status_code == 200
    unknown = client.get("/api/households/H777", headers=headers)
    foreign = client.get(f"/api/households/{FOREIGN}", headers=headers)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json()
    for tag in ({"If-Match": '"1"'}, {"If-Match": "x"}, {}):
        for code in (FOREIGN, "H777"):
            patched = client.patch(f"/api/households/{code}", json={"colour": "red"}, headers={**headers, **tag})
            assert patched.status_code == 404


def test_others_see_nothing(client: TestClient, as_: SignIn) -> None:
    for role in ("planner", "screen", "auditor"):
        for path in ("/api/households", f"/api/households/{OWN}"):
            answered = client.get(path, headers=as_(role))
            assert answered.status_code == 403
            assert OWN not in answered.text


def test_pages_and_search(client: TestClient, as_: SignIn) -> None:
    headers = as_("admin")
    first = client.get("/api/households", params={"grid": G1, "limit": 4}, headers=headers).json()
    assert len(first["items"]) == 4
    assert f"grid={G1}" in first["next"]
    second = client.get(first["next"], headers=headers).json()
    assert [item["code"] for item in second["items"]] == ["H005", "H006"]
    assert second["next"] is None
    assert [i["code"] for i in client.get("/api/households?q=h003", headers=headers).json()["items"]] == ["H003"]
    assert client.get("/api/households?q=%25", headers=headers).json()["items"] == []


def test_a_change_under_its_tag(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    read = client.get(f"/api/households/{OWN}", headers=headers)
    assert read.json()["residents"][0]["phone"] == "199****1234"
    tag = read.headers["etag"]
    assert (
        client.patch(f"/api/households/{OWN}", json={"colour": "red"}, headers={**headers, "If-Match": "x"}).status_code
        == 412
    )
    changed = client.patch(f"/api/households/{OWN}", json={"colour": "red"}, headers={**headers, "If-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["colour"] == "red"
    assert changed.headers["etag"] != tag
    assert (
        client.patch(f"/api/households/{OWN}", json={"colour": "red"}, headers={**headers, "If-Match": tag}).status_code
        == 412
    )
    now = {**headers, "If-Match": changed.headers["etag"]}
    for wrong in ({"colour": "blue"}, {"grid": G2}, {"unit": 5}, {"colour": ["red"]}, {"room": "\x00"}):
        assert client.patch(f"/api/households/{OWN}", json=wrong, headers=now).status_code == 422, wrong
