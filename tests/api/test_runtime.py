from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text

from api import runtime
from api.runtime import open_store
from api.settings import Settings
from gis.errors import Unavailable
from gis.store.session import Store
from tests.conftest import KEY


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """Give a folder that the ordinary user whom root's server runs as can enter."""
    folder = Path(tempfile.mkdtemp(prefix="linli-runtime-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def silent(_line: str) -> None:
    """Say nothing."""


def test_the_embedded_server_is_opened_and_given_back(open_to_all: Path) -> None:
    settings = Settings.load(data_dir=open_to_all / "data")
    with open_store(settings, silent) as running:
        assert running.data_dir == open_to_all / "data"
        assert running.admin_password is None  # no service, no admin yet
        assert running.store.is_current()
        with running.store.session(None) as session:
            assert session.execute(text("SELECT current_user")).scalar_one() == "linli_service"
        running.revive()
        lock = running.data_dir / "postgres" / "data" / "postmaster.pid"
        assert lock.exists()
    assert not lock.exists()


def test_an_outside_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_PATIENCE_S", 0.1)
    monkeypatch.setenv("LINLI_DATABASE_URL", "postgresql://someone:hush@127.0.0.1:1/linli")
    told: list[str] = []
    with pytest.raises(Unavailable) as caught, open_store(Settings.load(), told.append):
        pass
    assert "LINLI_DATABASE_URL" in caught.value.detail
    assert "hush" not in caught.value.detail + "".join(told)
    assert told


def test_what_the_settings_say_of_the_place(
    store: Store, database_urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LINLI_DATABASE_URL", database_urls[0])
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", database_urls[1])
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINLI_FIELD_KEY", KEY.text)

    def metric() -> str | None:
        with store.owner_session() as session:
            return session.execute(text("SELECT metric_crs FROM place")).scalar()

    with open_store(Settings.load(), silent):
        assert metric() is None
    for given in ("EPSG:4543", "EPSG:4544"):
        monkeypatch.setenv("LINLI_METRIC_CRS", given)
        with open_store(Settings.load(), silent):
            assert metric() == given
    monkeypatch.delenv("LINLI_METRIC_CRS")
    with open_store(Settings.load(), silent):
        assert metric() == "EPSG:4544"


def test_a_start_in_which_the_database_goes_away(
    store: Store, database_urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LINLI_DATABASE_URL", database_urls[0])
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", database_urls[1])
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINLI_FIELD_KEY", KEY.text)
    monkeypatch.setattr(runtime, "_AGAIN_AFTER_S", 0.01)
    cuts, whole, told = [1, 2], Store.open_vault, []

    def open_vault(self: Store) -> None:
        if cuts:
            cuts.pop()
            with self.owner_engine.connect() as connection:
                connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        whole(self)

    monkeypatch.setattr(Store, "open_vault", open_vault)
    with open_store(Settings.load(), told.append) as running:
        assert running.store.is_current()
    assert cuts == []
    assert ["数据库中断" in line for line in told] == [True, True]


def test_a_program_that_lasts_waits_for_its_database(
    store: Store, database_urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    late = f"late_{uuid4().hex}"
    owner, service = (make_url(url).set(database=late).render_as_string(hide_password=False) for url in database_urls)
    monkeypatch.setenv("LINLI_DATABASE_URL", owner)
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", service)
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINLI_FIELD_KEY", KEY.text)
    monkeypatch.setattr(runtime, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(runtime, "_AGAIN_AFTER_S", 0.01)
    monkeypatch.setattr(runtime, "_TOLD_EVERY_S", 0.05)
    told: list[str] = []

    def administer(statement: str) -> None:
        with store.owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))

    def hear(line: str) -> None:
        told.append(line)
        if len(told) == 3:
            administer(f"CREATE DATABASE {late} TEMPLATE template0")

    with pytest.raises(Unavailable), open_store(Settings.load(), silent):
        pass
    try:
        with open_store(Settings.load(), hear, lasts=True) as running:
            assert running.store.is_current()
    finally:
        administer(f"DROP DATABASE IF EXISTS {late} WITH (FORCE)")
    waiting, there = told[:-1], told[-1]
    assert len(waiting) >= 3
    assert all("等待数据库" in line and late in line for line in waiting)
    assert "数据库已可用" in there
