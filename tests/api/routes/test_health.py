from __future__ import annotations

from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from gis.store.session import Store


def test_alive_and_ready(client: TestClient) -> None:
    assert client.get("/api/health").json() == {"status": "ok"}
    assert client.get("/api/ready").json() == {"ready": True}


def test_not_ready_before_the_migrations(store: Store) -> None:
    store.migrate("base")
    with TestClient(create_app(store, Settings.load())) as client:
        assert client.get("/api/health").status_code == 200
        answered = client.get("/api/ready")
        assert answered.status_code == 503
        assert answered.headers["content-type"] == "application/problem+json"
        store.migrate()
        assert client.get("/api/ready").status_code == 200
