"""Find a PostgreSQL with PostGIS among what the machine has installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 14

# Debian and Ubuntu, Red Hat and SUSE, Homebrew on Apple and Intel machines, Postgres.app, built from source.
_USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
)


class PostgresNotFound(RuntimeError):
    """No suitable PostgreSQL is installed; the message names the command that installs one."""


@dataclass(frozen=True)
class Binaries:
    """One installed PostgreSQL: where its programs are, and its major version."""

    bin_dir: Path
    major: int

    def program(self, name: str) -> str:
        """Return the path of a program, for example ``initdb``."""
        return str(self.bin_dir / name)


def find_binaries(major: int | None = None) -> Binaries:
    """Return the newest PostgreSQL from version 14 on that has PostGIS.

    Args:
        major: take this version and no other, because a cluster made by it exists.

    Raises:
        PostgresNotFound: there is none.
    """
    installed = [found for place in _places() if (found := _inspect(place))]
    fitting = [b for b in installed if b.major >= OLDEST_MAJOR and (major is None or b.major == major)]
    with_postgis = [b for b in fitting if _has_postgis(b)]
    if with_postgis:
        return max(with_postgis, key=lambda b: b.major)
    raise PostgresNotFound(_advice(major, fitting))


def find_client(name: str, major: int) -> str:
    """Return the path of a client program of exactly the server's major version: what an older one writes or a newer one asks may not fit.

    Args:
        name: ``pg_dump`` or ``pg_restore``.
        major: the server's version.

    Raises:
        PostgresNotFound: there is none.
    """
    for folder in _places():
        program = folder / name
        if os.access(program, os.X_OK):
            found = re.search(r"\(PostgreSQL\) (\d+)", _output(str(program), "--version"))
            if found and int(found[1]) == major:
                return str(program)
    if sys.platform == "darwin":
        command = f"brew install postgresql@{major}"
    else:
        command = f"sudo apt-get install postgresql-client-{major}"
    raise PostgresNotFound(
        f"未找到 PostgreSQL {major} 的 {name}，请安装：{command} / there is no {name} of PostgreSQL {major}; install it: {command}"
    )


def _places() -> Iterable[Path]:
    """Return each folder that may hold PostgreSQL's programs, once."""
    places: list[Path] = []
    if pg_config := shutil.which("pg_config"):
        places.append(Path(_output(pg_config, "--bindir")))
    for pattern in _USUAL_PLACES:
        places.extend(sorted(Path("/").glob(pattern.lstrip("/"))))
    places.extend(Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p)
    return dict.fromkeys(p.resolve() for p in places if str(p) not in ("", "."))


def _inspect(bin_dir: Path) -> Binaries | None:
    if not all(os.access(bin_dir / name, os.X_OK) for name in ("initdb", "pg_ctl", "postgres")):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", _output(str(bin_dir / "postgres"), "--version"))
    return Binaries(bin_dir, int(found[1])) if found else None


def _has_postgis(binaries: Binaries) -> bool:
    prefix = binaries.bin_dir.parent
    shares = [
        prefix / "share" / "postgresql",
        prefix / "share",
        Path(f"/usr/share/postgresql/{binaries.major}"),
    ]
    if (binaries.bin_dir / "pg_config").exists():
        shares.insert(0, Path(_output(binaries.program("pg_config"), "--sharedir")))
    return any((share / "extension" / "postgis.control").exists() for share in shares)


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _advice(major: int | None, without_postgis: list[Binaries]) -> str:
    """Say what is missing, and how to install it here."""
    if major is not None and not without_postgis:
        missing = (
            f"数据由 PostgreSQL {major} 建立，但未安装该版本",
            f"the data were made by PostgreSQL {major}, which is not installed",
        )
    elif without_postgis:
        versions = ", ".join(str(b.major) for b in without_postgis)
        missing = (f"PostgreSQL {versions} 缺少 PostGIS", f"PostgreSQL {versions} has no PostGIS")
    else:
        missing = (
            f"未找到带 PostGIS 的 PostgreSQL（{OLDEST_MAJOR} 或更高版本）",
            f"no PostgreSQL {OLDEST_MAJOR} or later with PostGIS was found",
        )
    if sys.platform == "darwin":
        command = f"brew install postgresql@{major or 17} postgis"
    else:
        command = f"sudo apt-get install {f'postgresql-{major}-postgis-3' if major else 'postgresql-postgis'}"
    return (
        f"{missing[0]}。安装：{command}；或设置 LINLI_DATABASE_URL 使用外部数据库 / {missing[1]}. "
        f"Install it: {command}; or name a server in LINLI_DATABASE_URL"
    )
