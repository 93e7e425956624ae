from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import PASSWORD, SignIn

OWN, FOREIGN = "H001", "H010"


def entries(client: TestClient, as_: SignIn, **params: str) -> list[dict]:
    answered = client.get("/api/audit", params=params, headers=as_("auditor"))
    assert answered.status_code == 200, answered.text
    return answered.json()["items"]


def test_who_looked_at_which_file_is_seen_by_auditors_alone(client: TestClient, as_: SignIn) -> None:
    client.get(f"/api/households/{OWN}", headers=as_("worker"))
    refused = client.get(f"/api/households/{FOREIGN}", headers=as_("worker"))
    assert refused.status_code == 404
    read, tried = entries(client, as_, action="household.read"), entries(client, as_, action="household.refuse")
    assert [(e["account"], e["role"], e["subject"], e["address"]) for e in read] == [
        ("worker", "worker", f"household:{OWN}", "testclient")
    ]
    assert [(e["account"], e["subject"]) for e in tried] == [("worker", f"household:{FOREIGN}")]
    assert tried[0]["request_id"] == refused.headers["x-request-id"]
    for role in ("admin", "planner", "worker", "screen"):
        for method, path in (
            ("GET", "/api/audit"),
            ("GET", "/api/audit/export"),
            ("POST", "/api/audit/verify"),
            ("GET", "/audit"),
        ):
            assert client.request(method, path, headers=as_(role)).status_code == 403, (role, path)


def test_sign_ins_and_the_reading_of_the_log_are_in_it(client: TestClient, as_: SignIn) -> None:
    for password in (PASSWORD, "wrong-password-1"):
        client.post("/api/session", json={"username": "worker", "password": password})
    client.cookies.clear()
    client.delete("/api/session", headers=as_("worker"))
    assert [e["action"] for e in entries(client, as_, account="worker")] == [
        "session.close",
        "session.refuse",
        "session.open",
    ]
    assert entries(client, as_, action="audit.read")[0]["account"] == "auditor"


def test_search_pages_and_export(client: TestClient, as_: SignIn) -> None:
    for _ in range(5):
        client.get(f"/api/households/{OWN}", headers=as_("worker"))
    first = client.get("/api/audit?action=household.&limit=3", headers=as_("auditor")).json()
    rest = client.get(first["next"], headers=as_("auditor")).json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (3, 2, None)
    at = rest["items"][0]["at"]
    assert len(entries(client, as_, action="household.", to=at)) == 1
    assert len(entries(client, as_, **{"action": "household.", "from": at})) == 4
    table = client.get("/api/audit/export?action=household.", headers=as_("auditor"))
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.content.decode("utf-8-sig").splitlines()) == 6
    for wrong in ("from=yesterday", "to=2026-01-01", "action=x;drop", "cursor=x", "limit=0"):
        assert client.get(f"/api/audit?{wrong}", headers=as_("auditor")).status_code == 422, wrong


def test_no_reason_becomes_a_formula(client: TestClient, as_: SignIn) -> None:
    """Whoever reveals a number says why in words of their own, which an auditor opens in a spreadsheet."""
    person = client.get(f"/api/households/{OWN}", headers=as_("admin")).json()["residents"][0]["id"]
    reasons = ('=HYPERLINK("http://evil","点我")', "+1+cmd|' /C calc'!A0", "＝1+1", "@SUM(1)", "\t=1", "电话联系")
    for reason in reasons:
        asked = {"resident": person, "field": "phone", "reason": reason}
        assert client.post(f"/api/households/{OWN}/reveal", json=asked, headers=as_("admin")).status_code == 200
    table = client.get("/api/audit/export?action=resident.reveal", headers=as_("auditor")).content
    told = [row["reason"] for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig")))]
    assert told[::-1] == [f"'{reason.strip()}" for reason in reasons[:-1]] + [reasons[-1]]


def test_verification_names_the_first_bad_entry(client: TestClient, as_: SignIn, peopled: Store) -> None:
    for _ in range(3):
        client.get(f"/api/households/{OWN}", headers=as_("worker"))
    sound = client.post("/api/audit/verify", headers=as_("auditor")).json()
    assert sound["fault"] is None and sound["head"].startswith(f"{sound['entries']}:")
    with peopled.owner_session() as session:
        session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
        session.execute(text("UPDATE audit_log SET account = 'planner' WHERE id = 2"))
    spoilt = client.post("/api/audit/verify", headers=as_("auditor")).json()
    assert spoilt["bad"] == 2 and "changed" in spoilt["fault"]


def test_the_page(client: TestClient, as_: SignIn) -> None:
    page = client.get("/audit", headers={**as_("auditor"), "Accept": "text/html"})
    assert page.status_code == 200
    assert "审计记录" in page.text and "id_number_sealed" in page.text
    assert "no-store" in page.headers["cache-control"]


@pytest.mark.parametrize(
    ("role", "status"), [("auditor", 200), ("admin", 200), ("planner", 403), ("worker", 403), ("screen", 403)]
)
def test_the_record_of_purposes(client: TestClient, as_: SignIn, role: str, status: int) -> None:
    answered = client.get("/api/purposes", headers=as_(role))
    assert answered.status_code == status
    if status == 200:
        assert answered.json()["tables"]["residents"]["phone_sealed"]["protection"]
