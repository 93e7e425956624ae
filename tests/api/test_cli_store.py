"""``linli backup`` and ``linli restore``: as a person types them, killed in the middle, and what the restored place answers."""

from __future__ import annotations

import json
import random
import re
import resource
import signal
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from sqlalchemy import text
from typer.testing import CliRunner, Result

from api.cli import app as linli_app
from api.openapi import describe
from gis.secrecy.keys import FieldKey
from gis.store.archive import MANIFEST
from gis.store.digests import TableDigest
from gis.store.restoring import Names
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.conftest import KEY
from tests.gis.services.conftest import G1
from tests.gis.store.backups.steps import digests

ROOT = Path(__file__).parents[2]
FRIDAY_NOON = "2026-11-20T12:00:00+08:00"
WHO = ("admin", "worker", "planner", "auditor")
PATHS = {
    "layer": "grids",
    "z": "0",
    "x": "0",
    "y": "0",
    "resident": "1",
    "import_id": "00000000-0000-4000-8000-000000000000",
}
CODES = {"grids": G1, "buildings": "B1", "households": "H001", "stations": "S1"}
QUERIES = {
    "lon": "105", "lat": "25", "service": "meal", "at": FRIDAY_NOON, "grid": G1, "from": "2026-01-01", "to": "2026-12-31", "limit": "50",
}  # fmt: skip
MOVING = {"/api/screen/changes", "/metrics"}
"""A stream, and what a process says of itself."""


@pytest.fixture
def place_for_commands(
    peopled: Store, database_urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Store:
    monkeypatch.setenv("LINLI_DATABASE_URL", database_urls[0])
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", database_urls[1])
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINLI_FIELD_KEY", KEY.text)
    return peopled


def linli(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(linli_app, list(words))
    assert result.exit_code == code, result.output
    return result


def questions(app: FastAPI) -> list[str]:
    """Return an address for every GET of the interface."""
    found = []
    for path, methods in describe(app)["paths"].items():
        if "get" in methods and path not in MOVING:
            part = path.split("/")[2] if path.startswith("/api/") else ""
            address = re.sub(r"\{(\w+)\}", lambda m, part=part: PATHS.get(m[1], CODES.get(part, "nothing")), path)
            asked = [
                p["name"] for p in methods["get"].get("parameters", ()) if p["in"] == "query" and p["name"] in QUERIES
            ]
            found.append(
                address + ("?" + "&".join(f"{n}={QUERIES[n].replace('+', '%2B')}" for n in asked) if asked else "")
            )
    return found


def without_moments(body: Any) -> Any:
    """Leave out what a reading itself changes: the audit log's newest entries, and the clock."""
    if isinstance(body, dict):
        return {
            k: without_moments(v)
            for k, v in body.items()
            if k not in ("generated_at", "exported_at", "as_of", "now", "at", "version")
        }
    return [without_moments(each) for each in body] if isinstance(body, list) else body


def answers(app: FastAPI, client: TestClient, as_: SignIn) -> dict[tuple[str, str], tuple[int, Any]]:
    found = {}
    for who in WHO:
        for address in questions(app):
            answered = client.get(address, headers=as_(who))
            body: Any = answered.content
            if "json" in answered.headers.get("content-type", ""):
                body = without_moments(answered.json())
            elif "spreadsheet" in answered.headers.get("content-type", ""):  # which says when it was made
                sheets = load_workbook(BytesIO(answered.content)).worksheets
                body = [(sheet.title, list(sheet.values)) for sheet in sheets]
            if address.startswith("/api/audit"):
                body = None  # every reading adds to it; its chain is proven by the restore itself
            found[who, address] = (answered.status_code, body)
    return found


def test_every_reading_is_answered_the_same(
    place_for_commands: Store, app: FastAPI, client: TestClient, as_: SignIn, tmp_path: Path
) -> None:
    file = str(tmp_path / "b.linli")
    before = answers(app, client, as_)
    assert [key for key, (status, _) in before.items() if status >= 500] == []
    assert sum(status == 200 for status, _ in before.values()) > len(before) / 3
    assert all(any(before[who, address][0] == 200 for who in WHO) for address in questions(app) if G1 in address)
    linli("backup", file)
    with place_for_commands.owner_session() as session:
        session.execute(text("DELETE FROM needs"))
        session.execute(text("DELETE FROM station_services"))
        session.execute(text("UPDATE grids SET name = '改'"))
        session.execute(text("UPDATE residents SET birth_year = 2000, name = '他人'"))
    changed = answers(app, client, as_)
    assert changed != before
    done = linli("restore", file, "--overwrite")
    assert "verified" in done.output
    client.app.state.office.sessions.forget()  # type: ignore[attr-defined]
    for _ in range(50):  # connections that were cut are made anew
        if client.get("/api/grids", headers=as_("admin")).status_code == 200:
            break
        time.sleep(0.1)
    after = answers(app, client, as_)
    assert {key: value for key, value in after.items() if value != before[key]} == {}


def test_as_a_person_types_it(place_for_commands: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "b.linli")
    done = linli("backup", file)
    assert re.search(rf"households +rows +23 digest [0-9a-f]{{16}}\n.*revision \w+ key {KEY.name}\n", done.output, re.S)
    assert "--force" in linli("backup", file, code=2).output
    assert "--overwrite" in linli("restore", file, code=2).output
    assert "households               rows        23" in linli("restore", file, "--overwrite").output
    monkeypatch.setenv("LINLI_FIELD_KEY", FieldKey.new().text)
    assert KEY.name in linli("restore", file, "--overwrite", code=2).output
    with place_for_commands.owner_session() as session:
        actions = session.execute(text("SELECT action FROM audit_log ORDER BY id")).scalars().all()
    assert actions == ["backup.write", "backup.restore"]


def test_a_broken_chain_is_told_and_kept(place_for_commands: Store, tmp_path: Path) -> None:
    file = str(tmp_path / "b.linli")
    linli("backup", file)
    with place_for_commands.owner_session() as session:
        session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER audit_guard"))
        session.execute(text("UPDATE audit_log SET action = 'household.read'"))
        session.execute(text("ALTER TABLE audit_log ENABLE TRIGGER audit_guard"))
    linli("backup", file, "--force")
    told = linli("restore", file, "--overwrite", code=1)
    assert "broken" in told.output


def test_a_kill_leaves_the_old_state_or_the_new(place_for_commands: Store, tmp_path: Path) -> None:
    file = str(tmp_path / "b.linli")
    linli("backup", file)
    with place_for_commands.owner_session() as session:
        session.execute(text("UPDATE stations SET name = '旧'"))
    old = digests(place_for_commands)["stations"]
    new = json_digest(file, "stations")
    assert old != new
    drawn, seen = random.Random(7), []
    command = [sys.executable, "-m", "api.cli", "restore", file, "--overwrite"]
    began = time.monotonic()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    whole_s = time.monotonic() - began
    for _ in range(6):
        with place_for_commands.owner_session() as session:
            session.execute(text("UPDATE stations SET name = '旧', version = DEFAULT"))
        old = digests(place_for_commands)["stations"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(drawn.uniform(0.3, 1.0) * whole_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = digests(place_for_commands)["stations"]
        assert found in (old, new)
        seen.append(found == old)
    assert any(seen)
    linli("restore", file, "--overwrite")
    assert digests(place_for_commands)["stations"] == new
    names = Names.of(place_for_commands.owner_url)
    with place_for_commands.owner_engine.connect() as connection:
        left = set(connection.execute(text("SELECT datname FROM pg_database")).scalars())
    assert not {names.coming, names.going} & left


def test_a_full_disk_keeps_the_backup_that_was_there(place_for_commands: Store, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    file = tmp_path / "b.linli"
    linli("backup", str(file))
    whole = file.read_bytes()
    most = len(whole) // 2
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "backup", str(file), "--force"], cwd=ROOT, check=False, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "无法写入备份文件" in done.stderr and "Traceback" not in done.stderr
    assert file.read_bytes() == whole
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [file.name]


def json_digest(file: str, table: str) -> Any:
    with zipfile.ZipFile(file) as archive:
        return TableDigest(**json.loads(archive.read(MANIFEST))["tables"][table])
