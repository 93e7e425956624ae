"""``linli keys``, ``linli audit``, ``linli purge``: on a database of its own, as a person types them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from api.cli import app
from gis.secrecy.keys import FieldKey
from gis.store.session import Store
from gis.store.vault import KeyFile, vault_of
from tests.api.conftest import no_settings_of_this_machine  # noqa: F401 - a fixture

PHONE = "15412345678"
Linli = Callable[..., Result]


@pytest.fixture
def linli(database_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Linli]:
    monkeypatch.setenv("LINLI_DATABASE_URL", database_urls[0])
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", database_urls[1])
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))

    def run(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == code, result.output
        return result

    yield run


@pytest.fixture
def home(linli: Linli, database_urls: tuple[str, str], tmp_path: Path) -> Path:
    """Give the key file of a place with one resident, who has moved out long ago."""
    linli("keys", "list")
    path = tmp_path / "data" / "field.key"
    store = Store(*database_urls, keys=KeyFile(path))
    store.open_vault()
    with store.owner_session() as session:
        session.execute(text("INSERT INTO households (code, grid_reason) VALUES ('H', 'no position')"))
        session.execute(
            text(
                "INSERT INTO residents (key, household_id, birth_year, phone_sealed, moved_out_on) SELECT 'k', id, 1950, :p, '2020-01-01' FROM households"
            ),
            {"p": vault_of(session).seal_one("residents.phone_sealed", "k", PHONE)},
        )
    store.close()
    return path


def test_keys_are_changed(linli: Linli, home: Path) -> None:
    before = home.read_text()
    done = linli("keys", "rotate")
    assert "values 2 " in done.output
    after = home.read_text()
    old = [line for line in before.splitlines() if not line.startswith("#")]
    assert after.splitlines()[-1] == old[-1], "the old key stays for copies of the database"
    assert len(linli("keys", "list").output.splitlines()) >= 5


def test_keys_from_the_settings(linli: Linli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = KeyFile(home).load()
    assert held is not None
    old, new = held.current.text, linli("keys", "new").output.strip()
    home.unlink()
    lost = linli("keys", "list", code=2)
    assert held.current.name in lost.output and not home.exists()
    monkeypatch.setenv("LINLI_FIELD_KEY", new)
    wrong = linli("keys", "list", code=2)
    assert held.current.name in wrong.output and old not in wrong.output and new not in wrong.output
    monkeypatch.setenv("LINLI_FIELD_KEY", old)
    linli("keys", "rotate", code=2)
    monkeypatch.setenv("LINLI_FIELD_KEY", f"{new},{old}")
    assert f"retired {held.current.name}" in linli("keys", "rotate").output
    monkeypatch.setenv("LINLI_FIELD_KEY", new)
    linli("keys", "list")
    monkeypatch.setenv("LINLI_FIELD_KEY", "not-a-key")
    refused = linli("keys", "list", code=2)
    assert "LINLI_FIELD_KEY" in refused.output and "not-a-key" not in refused.output


def test_the_log_is_verified_exported_and_pruned(
    linli: Linli, home: Path, database_urls: tuple[str, str], tmp_path: Path
) -> None:
    linli("keys", "rotate")
    head = linli("audit", "verify").output.split()[-1]
    assert head.startswith("1:")
    linli("audit", "verify", "--known", head)
    assert "1" in linli("audit", "verify", "--known", f"1:{'00' * 32}", code=1).output
    linli("audit", "verify", "--known", "nonsense", code=2)
    (tmp_path / "audit.csv").touch(0o644)
    linli("audit", "export", str(tmp_path / "audit.csv"))
    assert (tmp_path / "audit.csv").stat().st_mode & 0o777 == 0o600
    assert "keys.rotate" in (tmp_path / "audit.csv").read_text(encoding="utf-8-sig")
    assert "pruned 0" in linli("audit", "prune").output
    linli("audit", "prune", "--keep-days", "30", code=2)
    store = Store(*database_urls)
    with store.owner_session() as session:
        session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
        session.execute(text("UPDATE audit_log SET at = at - interval '1 day' WHERE id = 2"))
    store.close()
    assert "entry 2" in linli("audit", "verify", code=1).output


def test_a_log_cut_short_with_its_head_is_found_by_what_was_noted(
    linli: Linli, home: Path, database_urls: tuple[str, str], tmp_path: Path
) -> None:
    for _ in range(2):
        linli("keys", "rotate")
    linli("audit", "verify")
    noted = tmp_path / "data" / "audit-heads"
    assert noted.stat().st_mode & 0o777 == 0o600 and len(noted.read_text().splitlines()) == 1
    store = Store(*database_urls)
    with store.owner_session() as session:
        for table in ("audit_log", "audit_head"):
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        session.execute(text("DELETE FROM audit_log WHERE id > 1"))
        session.execute(text("UPDATE audit_head SET (id, hash) = (SELECT id, hash FROM audit_log)"))
    store.close()
    assert "entry 2" in linli("audit", "verify", code=1).output
    noted.write_text("nonsense\n")
    assert "audit-heads:1" in linli("audit", "verify", code=2).output


def test_purge_first_counts(linli: Linli, home: Path) -> None:
    assert "moved_out days 365 rows 1" in linli("purge", "--dry-run").output
    assert "moved_out days 365 rows 1" in linli("purge").output
    assert "moved_out days 365 rows 0" in linli("purge").output


def test_the_record_of_purposes_is_printed(linli: Linli) -> None:
    assert linli("purposes").output.startswith("# 字段用途登记")


def test_a_new_key_is_one(linli: Linli) -> None:
    made = [linli("keys", "new").output.strip() for _ in range(2)]
    assert [FieldKey.parse(each).text for each in made] == made and made[0] != made[1]
