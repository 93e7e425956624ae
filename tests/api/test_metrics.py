from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api import ready
from api.app import create_app
from api.metrics import is_reader
from api.settings import Settings
from gis.errors import Invalid
from gis.store.session import Store
from tests.api.conftest import SignIn

TOKEN = "a-token-for-prometheus"


def figures(client: TestClient, headers: dict[str, str]) -> dict[str, float]:
    answered = client.get("/metrics", headers=headers)
    assert answered.status_code == 200
    assert answered.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = (line.rpartition(" ") for line in answered.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_how_the_service_does(client: TestClient, as_: SignIn) -> None:
    client.get("/api/households/H001?secret=geheim", headers=as_("worker"))
    client.get("/api/stations", headers=as_("planner"))
    client.get("/nothing-of-that-name", headers=as_("planner"))
    assert client.get("/api/ready").status_code == 200
    found = figures(client, as_("admin"))
    assert found['linli_request_seconds_count{method="GET",route="/api/households/{code}",status="200"}'] == 1
    assert found['linli_request_seconds_count{method="GET",route="-",status="404"}'] == 1
    assert found['linli_pool_connections{pool="service",state="most"}'] == 20
    assert found['linli_jobs{state="queued"}'] == 0
    assert found["linli_live_streams"] == 0
    assert found["linli_ready"] == 1
    assert found["linli_notice_lag_seconds"] < 60
    assert found["linli_database_up"] == 1
    assert any(name.startswith("linli_build_info") for name in found)
    assert not [name for name in found if "H001" in name or "geheim" in name or "nothing" in name]


def test_notices_are_counted(client: TestClient, as_: SignIn, peopled: Store, app: FastAPI) -> None:
    feed = app.state.office.feed
    assert feed.wait_until_following(10)
    with peopled.owner_session() as session:
        session.connection().exec_driver_sql("UPDATE stations SET name = name")
    name = 'linli_notices_total{topic="stations"}'
    for _ in range(200):
        if figures(client, as_("auditor")).get(name):
            break
    assert figures(client, as_("auditor"))[name] >= 1


def test_methods_that_nobody_knows_are_one(client: TestClient, as_: SignIn) -> None:
    for method in ("SECRET", "OTHERSECRET"):
        client.request(method, "/api/grids", headers=as_("admin"))
    found = figures(client, as_("admin"))
    assert not [name for name in found if "SECRET" in name]
    assert [name for name in found if 'method="other"' in name]


def test_who_may_read_them(peopled: Store, as_: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_METRICS_TOKEN", TOKEN)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_app(peopled, Settings.load())) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer a-token-for-prometheuS"}).status_code == 401
        assert client.get("/metrics", cookies={"linli_session": TOKEN}).status_code == 401
        client.cookies.clear()
        assert figures(client, bearer)
        for path in ("/api/audit", "/api/grids", "/api/session", "/"):
            assert client.get(path, headers=bearer).status_code == 401, path
    assert not is_reader(None, None)
    assert not is_reader("", "")
    monkeypatch.setenv("LINLI_METRICS_TOKEN", "short")
    with pytest.raises(Invalid, match="LINLI_METRICS_TOKEN"):
        Settings.load()


def test_of_a_database_that_is_away_it_is_said(peopled: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever watches is answered then above all; who balances requests is told to send none."""
    monkeypatch.setenv("LINLI_METRICS_TOKEN", TOKEN)
    monkeypatch.setattr(ready, "PATIENCE_S", 0.05)
    nowhere = Store("postgresql+psycopg://nobody@127.0.0.1:1/linli")
    with TestClient(create_app(nowhere, Settings.load(data_dir=tmp_path))) as client:
        found = figures(client, {"Authorization": f"Bearer {TOKEN}"})
        assert found["linli_database_up"] == found["linli_ready"] == 0
        assert not [name for name in found if name.startswith("linli_jobs")]
        assert client.get("/api/health").status_code == 200
        for path in ("/api/ready", "/api/grids"):
            answered = client.get(path, headers={"Authorization": "Bearer somebodys"})
            assert (answered.status_code, answered.headers["retry-after"].isdigit()) == (503, True), path
            assert "127.0.0.1" not in answered.text
    nowhere.close()
