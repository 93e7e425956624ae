"""The command line, run as a person runs it, against a real PostGIS."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from typer.core import TyperGroup
from typer.testing import CliRunner, Result

from api.cli import COMMANDS, app, loaded
from gis.store.session import Store
from tests.api.conftest import PASSWORD
from tests.conftest import KEY
from tests.gis.services.conftest import lonlat


@pytest.fixture(autouse=True)
def outside(database_urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LINLI_DATABASE_URL", database_urls[0])
    monkeypatch.setenv("LINLI_SERVICE_DATABASE_URL", database_urls[1])
    monkeypatch.setenv("LINLI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LINLI_FIELD_KEY", KEY.text)


def run(*words: str | Path, given: str = "") -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=given)


def csv(folder: Path, *rows: str) -> Path:
    lon, lat = lonlat(200, 200)
    path = folder / "homes.csv"
    path.write_text("\n".join(["code,lon,lat", *(row or f"N,{lon},{lat}" for row in rows), ""]), encoding="utf-8")
    return path


def test_all_rows_loaded(place: Store, tmp_path: Path) -> None:
    result = run("import", "households", csv(tmp_path, ""), "--crs", "EPSG:4326")
    assert (result.exit_code, result.stdout) == (0, "read 1 loaded 1 rejected 0\n")
    assert not (tmp_path / "homes.csv.rejected.csv").exists()


def test_some_rows_rejected(place: Store, tmp_path: Path) -> None:
    path = csv(tmp_path, "", "BAD,here,25")
    result = run("import", "households", path, "--crs", "EPSG:4326")
    assert (result.exit_code, result.stdout) == (1, "read 2 loaded 1 rejected 1\n")
    assert "homes.csv:3:lon" in result.stderr
    assert "BAD" in (tmp_path / "homes.csv.rejected.csv").read_text(encoding="utf-8-sig")


def test_all_rows_rejected(place: Store, tmp_path: Path) -> None:
    result = run("import", "households", csv(tmp_path, *[f"B{n},here,25" for n in range(30)]), "--crs", "EPSG:4326")
    assert (result.exit_code, result.stdout) == (2, "read 30 loaded 0 rejected 30\n")
    assert "and 10 more" in result.stderr


def test_nothing_can_be_read(place: Store, tmp_path: Path) -> None:
    refused = run("import", "households", csv(tmp_path, ""))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "GCJ-02" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert run("import", "secrets", csv(tmp_path, "")).exit_code == 2
    assert run("import", "households", tmp_path / "nothing.csv").exit_code == 2


def test_a_dry_run_changes_nothing(place: Store, tmp_path: Path) -> None:
    result = run("import", "households", csv(tmp_path, ""), "--crs", "EPSG:4326", "--dry-run")
    assert (result.exit_code, result.stdout) == (0, "read 1 loaded 1 rejected 0\n")
    with place.owner_session() as session:
        assert session.execute(text("SELECT count(*) FROM households WHERE code = 'N'")).scalar_one() == 0
        assert session.execute(text("SELECT state, dry_run FROM imports")).all() == [("done", True)]


def test_assign(place: Store) -> None:
    with place.owner_session() as session:
        session.execute(text("UPDATE households SET grid_id = NULL, grid_reason = 'no position'"))
    result = run("assign")
    assert (result.exit_code, result.stdout) == (0, "households 23 assigned 21 unassigned 2\n")


def test_errors_are_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_PORT", "many")
    result = run("assign")
    assert result.exit_code == 2
    assert "LINLI_PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_address_that_is_taken(place: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "--port" in result.stderr


def test_serve_until_told_to_stop(place: Store, tmp_path: Path) -> None:
    """The real program: it says where it is and who may come in, answers, and ends orderly."""
    program = subprocess.Popen(
        [sys.executable, "-c", "from api.cli import app; app()", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = program.stdout.readline()
            assert line, program.communicate()[1]
            said += line
        base = said.split("linli", 1)[1].split()[0]
        deadline = time.monotonic() + 30
        while True:
            try:
                if httpx.get(f"{base}/api/ready", timeout=30).status_code == 200:
                    break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
            time.sleep(0.1)
        for path in ("/", "/maps/needs", "/maps/coverage", "/worker", "/screen"):
            assert f"{base}{path} " in said
        assert "admin" not in said  # this place has its admin already
        answered = httpx.get(f"{base}/api/grids?q=a-secret")
        assert "server" not in answered.headers
    finally:
        program.send_signal(signal.SIGTERM)
        out, err = program.communicate(timeout=30)
    assert program.returncode == 0, err
    logged = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert {"/api/ready"} <= {line["route"] for line in logged}
    assert "a-secret" not in out + err


@pytest.mark.usefixtures("store")
def test_the_first_start_makes_an_admin_and_says_so(tmp_path: Path) -> None:
    from api.runtime import open_store
    from api.settings import Settings

    with open_store(Settings.load(), print, for_service=True) as first:
        assert first.admin_password is not None
    with open_store(Settings.load(), print, for_service=True) as second:
        assert second.admin_password is None


def test_accounts_from_the_command_line(place: Store) -> None:
    assert (
        run(
            "user",
            "add",
            "anna",
            "--role",
            "worker",
            "--grids",
            "539901001001001,539901001001002",
            given=PASSWORD + "\n",
        ).exit_code
        == 0
    )
    listed = run("user", "list").stdout
    assert "anna" in listed
    assert "539901001001002" in listed
    assert run("user", "passwd", "anna", given="another-good-one-5\n").exit_code == 0
    assert run("user", "disable", "anna").exit_code == 0
    assert "disabled" in run("user", "list").stdout
    assert run("user", "disable", "anna", "--undo").exit_code == 0
    assert "disabled" not in run("user", "list").stdout


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (["add", "anna", "--role", "boss"], PASSWORD, "planner"),
        (["add", "anna", "--role", "planner"], "short", "at least 8"),
        (["add", "anna", "--role", "planner"], "", "at least 8"),
        (["add", "anna", "--role", "worker", "--grids", "999"], PASSWORD, "999"),
        (["add", "planner", "--role", "planner"], PASSWORD, "exists already"),
        (["passwd", "nobody"], PASSWORD, "nobody"),
        (["disable", "admin"], "", "last admin"),
    ],
)
def test_accounts_that_cannot_be(place: Store, words: list[str], given: str, said: str) -> None:
    result = run("user", *words, given=f"{given}\n")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert given == "" or given not in result.stderr


def test_the_help_loads_no_library_of_the_service() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys\nfrom api.cli import app\ntry: app(['--help'])\nexcept SystemExit: print([*sys.modules])"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "import" in done.stdout and "second-factor" in done.stdout
    loaded_modules = done.stdout.rpartition("[")[2]
    assert not [
        name for name in ("sqlalchemy", "numpy", "pandas", "fastapi", "shapely") if f"'{name}'" in loaded_modules
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says(name: str) -> None:
    command = loaded(name)
    assert command.name == name or isinstance(command, TyperGroup)
    assert command.help.strip() == COMMANDS[name][1]
