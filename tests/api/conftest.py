"""The service on the small place that tests/gis/services draws by hand, with an account of each role."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.settings import Settings
from gis.services.passwords import hash_password
from gis.services.sign_ins import digest
from gis.store.session import Store
from tests.gis.services.conftest import G1, place  # noqa: F401 - a fixture

PASSWORD = "a-long-enough-secret-7"
SignIn = Callable[[str], dict[str, str]]


@lru_cache
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("LINLI_"):
            monkeypatch.delenv(name)


@pytest.fixture
def peopled(place: Store) -> Store:  # noqa: F811 - the fixture above
    with place.owner_session() as session:
        session.execute(text("INSERT INTO accounts (name, password_hash, role) VALUES ('auditor', '', 'auditor')"))
        session.execute(text("UPDATE accounts SET password_hash = :hash"), {"hash": password_hash()})
        session.execute(
            text(
                "INSERT INTO account_grids (account_id, grid_id) SELECT a.id, g.id FROM accounts a, grids g "
                "WHERE a.name = 'worker' AND g.code = :grid"
            ),
            {"grid": G1},
        )
    return place


@pytest.fixture
def app(peopled: Store, tmp_path: Path) -> FastAPI:
    return create_app(peopled, Settings.load(data_dir=tmp_path / "data"))


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def as_(peopled: Store) -> SignIn:
    """Give the headers with which an account calls, its session made without the slow hash of a password."""

    @lru_cache
    def sign_in(name: str) -> dict[str, str]:
        token = secrets.token_urlsafe()
        with peopled.owner_session() as session:
            session.execute(
                text(
                    "INSERT INTO sessions (account_id, token_digest, expires_at) "
                    "SELECT id, :digest, now() + interval '1 h' FROM accounts WHERE name = :name"
                ),
                {"digest": digest(token), "name": name},
            )
        return {"Authorization": f"Bearer {token}"}

    return sign_in
