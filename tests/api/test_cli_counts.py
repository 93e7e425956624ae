"""``linli recount``: compares, says what differs, puts it right."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from api.cli import app
from gis.store.session import Store
from tests.api.conftest import no_settings_of_this_machine  # noqa: F401 - a fixture


def test_it_compares_and_puts_right(
    store: Store, database_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINLI_DATABASE_URL", database_urls[0])
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", database_urls[1])
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINLI_FIELD_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    with store.owner_session() as session:
        session.execute(text("INSERT INTO event_days (grid_id, day, reported) VALUES (0, '2026-11-01', 3)"))

    def recount(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["recount", *words])
        return result.exit_code, result.output

    code, said = recount("--check")
    assert code == 1 and "different 1" in said and "reported" in said
    assert recount("--check")[0] == 1  # it has only looked
    assert recount()[0] == 0
    assert recount("--check") == (0, "compared 1 different 0\n")  # the day stays, with nothing on it
