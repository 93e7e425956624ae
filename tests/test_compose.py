"""The containers say the same as the program: settings that exist, a pinned database, health checks, and no secret by default."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import PREFIX, AccountSettings, DatabaseSettings, PlaceSettings, ServerSettings, Settings
from gis.store.binaries import find_binaries
from gis.store.cluster import SETTINGS
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store

PROJECT = Path(__file__).parents[1]
SECRETS = {"LINLI_DATABASE_PASSWORD", "LINLI_SERVICE_PASSWORD", "LINLI_ADMIN_PASSWORD"}
VARIABLE = re.compile(r"\$\{(\w+)(:[-?])?([^}]*)\}")
KNOWN = {
    PREFIX + name.upper()
    for part in (AccountSettings, DatabaseSettings, PlaceSettings, ServerSettings)
    for name in part.model_fields
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((PROJECT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (PROJECT / "Dockerfile").read_text().replace("\\\n", " ")


def filled(text: str, values: dict[str, str]) -> str:
    """Put values in as Compose does."""
    return VARIABLE.sub(lambda m: values.get(m[1]) or (m[3] if m[2] == ":-" else ""), text)


def test_every_service_is_pinned_and_watched(compose):
    assert set(compose["services"]) == {"database", "linli"}
    assert re.fullmatch(r"postgis/postgis:\d+-\d+\.\d+", compose["services"]["database"]["image"])
    assert compose["services"]["linli"]["build"] == "."
    for service in compose["services"].values():
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"
        assert all(
            mount.split(":")[0] in compose["volumes"] or (PROJECT / mount.split(":")[0]).is_file()
            for mount in service["volumes"]
        )
    assert compose["services"]["linli"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert not any("ports" in s for name, s in compose["services"].items() if name == "database")
    assert all(str(port).startswith("127.0.0.1:") for port in compose["services"]["linli"]["ports"])


def test_no_secret_has_a_default(compose):
    text = (PROJECT / "docker-compose.yml").read_text()
    used = VARIABLE.findall(text)
    assert {name for name, _, _ in used} >= SECRETS
    assert all(kind == ":?" and why for name, kind, why in used if name in SECRETS)
    assert not re.search(r"(?im)^ *\w*(password|secret|token|key)\w*: (?!\$\{)", text)
    assert not re.search(r"://\w+:(?!\$\{)", text)
    assert "LINLI_ADMIN_PASSWORD" not in (PROJECT / "Dockerfile").read_text()
    assert ".env" in (PROJECT / ".gitignore").read_text().split()


def test_the_program_knows_every_setting(compose, dockerfile, monkeypatch):
    given = compose["services"]["linli"]["environment"]
    assert set(given) <= KNOWN
    assert set(re.findall(r"\b(LINLI_\w+)=", dockerfile)) <= KNOWN
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    values = dict.fromkeys(SECRETS, "0123456789abcdefTest")
    for name, value in given.items():
        monkeypatch.setenv(name, filled(str(value), values))
    settings = Settings.load()
    assert settings.server.host == "0.0.0.0"
    assert settings.database.database_url == "postgresql+psycopg://linli:0123456789abcdefTest@database:5432/linli"
    assert settings.database.service_database_url.startswith(f"postgresql+psycopg://{SERVICE_ROLE}:")


def test_the_databases_settings_are_the_embedded_servers(compose):
    command = compose["services"]["database"]["command"]
    given = dict(option.split("=", 1) for option in command[2::2])
    assert set(command[1::2]) == {"-c"}
    shared = given.keys() & SETTINGS.keys()
    assert shared >= {"timezone", "log_error_verbosity", "max_connections"}
    assert {name: given[name] for name in shared} == {name: str(SETTINGS[name]) for name in shared}
    assert "--encoding=UTF8" in compose["services"]["database"]["environment"]["POSTGRES_INITDB_ARGS"]
    assert "--locale=C.UTF-8" in compose["services"]["database"]["environment"]["POSTGRES_INITDB_ARGS"]


def test_the_image_is_made_from_the_lock_and_runs_as_nobody_special(dockerfile):
    assert len(set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))) == 1
    assert "--require-hashes" in dockerfile
    assert "python -m maps.assets" in dockerfile
    last_stage = dockerfile.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER linli$", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE))
    assert {name for names in copied for name in names.split()} == allowed
    assert all((PROJECT / name).exists() for name in allowed)


def test_the_health_checks_ask_what_the_service_answers(compose, dockerfile, store: Store):
    asked = re.findall(r"/api/\w+", " ".join(compose["services"]["linli"]["healthcheck"]["test"]) + dockerfile)
    assert len(asked) == 2
    with TestClient(create_app(store, Settings.load())) as client:
        assert {client.get(path).status_code for path in asked} == {200}
        assert client.get("/api/no-such").status_code != 200


def test_the_image_gives_the_service_its_own_role(server: EmbeddedServer, database_urls):
    owner_url, service_url = database_urls
    address = psycopg.conninfo.conninfo_to_dict(owner_url.replace("+psycopg", "", 1))
    environment = {
        "PATH": f"{find_binaries().bin_dir}{os.pathsep}{os.environ['PATH']}", "PGHOST": address["host"], "PGPORT": address["port"],
        "POSTGRES_USER": "linli", "POSTGRES_DB": address["dbname"], "LINLI_SERVICE_PASSWORD": "it's \\ odd",
    }  # fmt: skip
    for _ in range(2):
        subprocess.run([PROJECT / "scripts" / "service-role.sh"], env=environment, check=True)
    store = Store(owner_url, service_url)
    try:
        store.migrate()
        assert store.is_current()
        with psycopg.connect(owner_url.replace("+psycopg", "", 1)) as connection:
            role = "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolpassword LIKE 'SCRAM-SHA-256$%%' FROM pg_authid WHERE rolname = %s"
            assert connection.execute(role, [SERVICE_ROLE]).fetchone() == (True, False, False, False, True)
    finally:
        store.close()
