from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

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
