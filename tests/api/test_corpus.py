"""A sample of the corpus of bad files through the two doors by which files come in: HTTP, and the command line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import app as linli_app
from gis.intake import run_import
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.conftest import KEY
from tests.gis.intake.conftest import TODAY
from tests.gis.intake.corpus.case import REFUSED, Case
from tests.gis.intake.corpus.conftest import counts
from tests.gis.intake.corpus.every import every_case
from tests.gis.intake.files import BUILDINGS

_SMALL_BYTES = 1 << 20
_DOORS = {"needs", "residents", "households", "buildings", "stations", "compounds", "streets"}


def sample(tmp_path: Path, every: int) -> Iterator[tuple[Case, bytes]]:
    """Some files of every family and every outcome that do not depend on the grids of the corpus' place."""
    taken: dict[tuple[str, str], int] = {}
    for case in every_case():
        outcome = (
            "refused" if case.outcome == REFUSED else "loaded" if case.outcome[0] == case.outcome[1] else "rejected"
        )
        if case.family == "many" or (outcome != "refused" and case.kind not in _DOORS - {"needs", "residents"}):
            continue
        group = (case.family, outcome)
        taken[group] = taken.get(group, 0) + 1
        if taken[group] <= every and len(content := case.bytes_in(tmp_path)) <= _SMALL_BYTES:
            yield case, content


def fill(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text(BUILDINGS, encoding="utf-8")
    with store.owner_engine.begin() as connection:
        assert run_import(connection, "buildings", path, crs="EPSG:4326", today=TODAY).rejected == 0
    path.unlink()


def every_row(store: Store) -> dict[str, int]:
    with store.owner_engine.connect() as connection:
        found = counts(connection)
    return {
        table: found[table]
        for table in (
            "areas",
            "grids",
            "compounds",
            "buildings",
            "households",
            "residents",
            "stations",
            "streets",
            "needs",
        )
    }


def test_files_sent_over_http(client: TestClient, as_: SignIn, peopled: Store, tmp_path: Path) -> None:
    fill(peopled, tmp_path)
    headers, before = as_("admin"), every_row(peopled)
    sent: list[tuple[Case, str]] = []
    at_once = 0
    cases = list(sample(tmp_path, 2))
    assert len(cases) >= 30
    for case, content in cases:
        query = {"kind": case.kind, "dry_run": "true", **({"crs": case.crs} if case.crs else {})}
        answered = client.post("/api/imports", params=query, files={"file": (case.file, content)}, headers=headers)
        if answered.status_code == 422:
            at_once += 1
            assert case.outcome == REFUSED
            assert answered.json()["errors"] and "Traceback" not in answered.text
            continue
        assert answered.status_code == 202, (case, answered.text)
        sent.append((case, answered.json()["id"]))
    for case, import_id in sent:
        found = ended(client, headers, import_id)
        assert "Traceback" not in str(found)
        if case.outcome == REFUSED:
            assert found["state"] == "failed", case
            assert any(" / " in fault["message"] and fault["where"] for fault in found["errors"]), case
            assert "导入出错" not in str(found["errors"]), case
        else:
            assert found["state"] == "done", (case, found)
            assert (found["read"], found["loaded"]) == case.outcome, case
            assert found["read"] == found["loaded"] + found["rejected"]
            rejected = client.get(f"/api/imports/{import_id}/rejected", headers=headers)
            assert rejected.status_code == (200 if found["rejected"] else 404)
    assert every_row(peopled) == before
    assert at_once and len(sent) >= 10


def ended(client: TestClient, headers: dict[str, str], import_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 300
    while (found := client.get(f"/api/imports/{import_id}", headers=headers).json())["state"] in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_files_given_to_the_command_line(
    place: Store, database_urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(place, tmp_path)
    monkeypatch.setenv("LINLI_DATABASE_URL", database_urls[0])
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", database_urls[1])
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINLI_FIELD_KEY", KEY.text)
    before, codes = every_row(place), []
    for case, content in sample(tmp_path, 1):
        path = tmp_path / case.file
        path.write_bytes(content)
        words = ["import", case.kind, str(path), "--dry-run", *(["--crs", case.crs] if case.crs is not None else [])]
        result = CliRunner().invoke(linli_app, words)
        expected = (
            2 if case.outcome == REFUSED or not case.outcome[1] else 1 if case.outcome[1] < case.outcome[0] else 0
        )
        assert result.exit_code == expected, (case, result.stderr)
        assert "Traceback" not in result.stderr + result.stdout
        rejected = path.with_name(path.name + ".rejected.csv")
        if case.outcome == REFUSED:
            assert case.file in result.stderr or "crs" in result.stderr, (case, result.stderr)
            assert not rejected.exists()
        else:
            read, loaded = case.outcome
            assert result.stdout == f"read {read} loaded {loaded} rejected {read - loaded}\n", case
            assert rejected.exists() == (loaded < read)
        rejected.unlink(missing_ok=True)
        path.unlink()
        codes.append(result.exit_code)
    assert len(codes) >= 15 and set(codes) == {0, 1, 2}
    assert every_row(place) == before
