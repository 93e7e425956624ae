"""Which PostgreSQL is taken of those that a machine has."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis.store import binaries
from gis.store.binaries import PostgresNotFound, find_binaries


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder that stands for the root of a machine with no PostgreSQL."""
    monkeypatch.setenv("PATH", str(tmp_path / "usr" / "bin"))
    places = tuple(str(tmp_path) + place for place in binaries._USUAL_PLACES)
    monkeypatch.setattr(binaries, "_USUAL_PLACES", places)
    return tmp_path


def install(bin_dir: Path, version: str, *, postgis: bool, sharedir: Path | None = None) -> Path:
    """Put a pretended PostgreSQL into a folder."""
    bin_dir.mkdir(parents=True)
    sharedir = sharedir or bin_dir.parent / "share"
    scripts = {
        "initdb": "", "pg_ctl": "", "postgres": f"echo 'postgres (PostgreSQL) {version}'",
        "pg_config": f'case "$1" in --bindir) echo {bin_dir};; *) echo "{sharedir}";; esac',
    }  # fmt: skip
    for name, script in scripts.items():
        (bin_dir / name).write_text(f"#!/bin/sh\n{script}\n")
        (bin_dir / name).chmod(0o755)
    if postgis:
        (sharedir / "extension").mkdir(parents=True, exist_ok=True)
        (sharedir / "extension" / "postgis.control").touch()
    return bin_dir


def test_the_newest_with_postgis_is_taken(machine):
    lib = machine / "usr/lib/postgresql"
    install(lib / "14/bin", "14.1 (Debian 14.1-1)", postgis=True)
    wanted = install(lib / "16/bin", "16.2", postgis=True)
    install(lib / "17/bin", "17.0", postgis=False)
    found = find_binaries()
    assert (found.bin_dir, found.major) == (wanted, 16)
    assert found.program("initdb") == str(wanted / "initdb")


def test_a_cluster_keeps_its_version(machine):
    lib = machine / "usr/lib/postgresql"
    install(lib / "16/bin", "16.2", postgis=True)
    older = install(lib / "15/bin", "15.8", postgis=True)
    assert find_binaries(15).bin_dir == older
    with pytest.raises(PostgresNotFound, match=r"made by PostgreSQL 14.*(postgresql-14-postgis-3|postgresql@14)"):
        find_binaries(14)


@pytest.mark.parametrize(
    "place", ["opt/homebrew/opt/postgresql@17/bin", "Applications/Postgres.app/Contents/Versions/17/bin", "usr/bin"]
)
def test_places_of_other_systems(machine, place):
    bin_dir = install(machine / place, "17.4 (Homebrew)", postgis=True, sharedir=machine / "share/postgresql@17")
    assert find_binaries().bin_dir == bin_dir


def test_a_beta_counts_as_its_version(machine):
    install(machine / "usr/lib/postgresql/18/bin", "18beta2", postgis=True)
    assert find_binaries().major == 18


def test_clients_without_a_server_are_no_server(machine):
    bin_dir = install(machine / "usr/lib/postgresql/16/bin", "16.2", postgis=True)
    (bin_dir / "initdb").unlink()
    with pytest.raises(PostgresNotFound):
        find_binaries()


def test_too_old_a_version_is_not_taken(machine):
    install(machine / "usr/lib/postgresql/13/bin", "13.9", postgis=True)
    with pytest.raises(PostgresNotFound, match="PostgreSQL 14 or later"):
        find_binaries()


@pytest.mark.parametrize(
    ("platform", "command"),
    [("linux", "sudo apt-get install postgresql-postgis"), ("darwin", "brew install postgresql@17 postgis")],
)
def test_what_is_missing_is_named_with_the_command(machine, monkeypatch, platform, command):
    monkeypatch.setattr("sys.platform", platform)
    with pytest.raises(PostgresNotFound) as none:
        find_binaries()
    install(machine / "usr/lib/postgresql/17/bin", "17.0", postgis=False)
    with pytest.raises(PostgresNotFound) as without:
        find_binaries()
    assert command in str(none.value)
    assert command in str(without.value)
    assert "has no PostGIS" in str(without.value)
    assert " / " in str(none.value)
