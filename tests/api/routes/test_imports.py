from __future__ import annotations

import tempfile
import time
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.locking import lock_tables
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, lonlat


def upload(client: TestClient, headers: dict[str, str], content: bytes, query: str, name: str = "户.csv"):
    return client.post(f"/api/imports?{query}", files={"file": (name, content)}, headers=headers)


def ended(client: TestClient, headers: dict[str, str], import_id: str) -> dict[str, object]:
    deadline = time.monotonic() + 20
    while True:
        found = client.get(f"/api/imports/{import_id}", headers=headers).json()
        if found["state"] not in ("queued", "running"):
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def csv(*codes: str) -> bytes:
    lon, lat = lonlat(200, 200)
    return "\n".join(
        ["code,lon,lat", *(f"{code},{lon},{lat if code != 'BAD' else 'x'}" for code in codes), ""]
    ).encode()


def test_what_is_looked_into_at_once_stays_in_the_private_folder(
    client: TestClient, as_: SignIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process leaves its readable copies where the next one removes them, never in the system's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there is none"))
    for name, content in (("户.csv", csv("N1")), ("户.geojson", b'{"type": "FeatureCollection", "features": []}')):
        answered = upload(client, as_("admin"), content, "kind=households", name)
        assert (answered.status_code, "N1" in answered.text) == (422, False), answered.text


def test_upload_progress_and_rejected_rows(client: TestClient, as_: SignIn, peopled: Store) -> None:
    headers = as_("admin")
    answered = upload(client, headers, csv("N1", "N2", "BAD"), "kind=households&crs=EPSG:4326")
    assert answered.status_code == 202, answered.text
    import_id = answered.json()["id"]
    assert answered.headers["location"] == f"/api/imports/{import_id}"
    found = ended(client, headers, import_id)
    assert (found["state"], found["read"], found["loaded"], found["rejected"], found["progress"]) == (
        "done",
        3,
        2,
        1,
        1,
    )
    assert found["attempts"] == 1
    rejected = client.get(f"/api/imports/{import_id}/rejected", headers=headers)
    assert rejected.headers["content-type"] == "text/csv; charset=utf-8"
    assert rejected.headers["content-disposition"] == "attachment; filename*=UTF-8''%E6%88%B7.csv.rejected.csv"
    assert "BAD" in rejected.text
    assert client.get("/api/imports", headers=headers).json()["items"][0]["id"] == import_id
    assert client.delete(f"/api/imports/{import_id}", headers=headers).status_code == 409
    assert client.get("/api/households/N1", headers=headers).json()["grid"] == G1
    with peopled.owner_session() as session:
        by = session.execute(text("SELECT a.name FROM imports i JOIN accounts a ON a.id = i.account_id")).scalar_one()
    assert by == "admin"


def test_a_dry_run(client: TestClient, as_: SignIn) -> None:
    headers = as_("admin")
    import_id = upload(client, headers, csv("N1"), "kind=households&crs=EPSG:4326&dry_run=true").json()["id"]
    assert ended(client, headers, import_id)["loaded"] == 1
    assert client.get("/api/households/N1", headers=headers).status_code == 404
    assert client.get(f"/api/imports/{import_id}/rejected", headers=headers).status_code == 404


def test_a_table_without_a_system_is_refused_with_the_choices(client: TestClient, as_: SignIn) -> None:
    answered = upload(client, as_("admin"), csv("N1"), "kind=households")
    assert answered.status_code == 422
    assert "BD-09" in str(answered.json()["errors"])


def test_cancelled_before_it_began(client: TestClient, as_: SignIn, peopled: Store) -> None:
    """Another process is changing the grids, so this one waits and is cancelled there."""
    headers = as_("admin")
    with peopled.owner_session() as session:
        lock_tables(session.connection(), writes=("grids",))
        import_id = upload(client, headers, csv("N1"), "kind=households&crs=EPSG:4326").json()["id"]
        assert client.delete(f"/api/imports/{import_id}", headers=headers).status_code == 204
        assert client.delete(f"/api/imports/{import_id}", headers=headers).status_code == 204
    time.sleep(0.5)
    assert client.get(f"/api/imports/{import_id}", headers=headers).json()["state"] == "cancelled"
    assert client.get("/api/households/N1", headers=headers).status_code == 404


@pytest.mark.parametrize("query", ["", "kind=secrets", "kind=grids&crs=mars", "kind=grids&dry_run=perhaps"])
def test_wrong_uploads(client: TestClient, as_: SignIn, query: str) -> None:
    answered = upload(client, as_("admin"), b"x", query)
    assert answered.status_code == 422
    assert answered.json()["errors"]


def test_wrong_bodies(client: TestClient, as_: SignIn) -> None:
    headers = as_("admin")
    assert client.post("/api/imports?kind=grids", headers=headers).status_code == 422
    assert client.post("/api/imports?kind=grids", headers=headers, data={"file": "text"}).status_code == 422
    broken = {**headers, "Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/api/imports?kind=grids", headers=broken, content=b"--y").status_code in (400, 422)
    assert client.post("/api/imports?kind=grids", headers=headers, files={"file": ("a.csv", b"")}).status_code == 422


def test_unknown_imports(client: TestClient, as_: SignIn) -> None:
    headers = as_("admin")
    for method, path in (("GET", ""), ("GET", "/rejected"), ("DELETE", "")):
        assert client.request(method, f"/api/imports/{uuid4()}{path}", headers=headers).status_code == 404
        assert client.request(method, f"/api/imports/17{path}", headers=headers).status_code == 422
