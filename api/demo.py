"""The demo place: loaded into an empty database, with accounts to try it by."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import exists, select

import fixtures.demo
from fixtures import layout
from fixtures.casework import write_casework
from gis import clock
from gis.errors import Unavailable
from gis.models import Area, Building, Grid, Household, Street
from gis.services.accounts import add_account
from gis.services.import_progress import Progress
from gis.services.import_queue import import_file
from gis.services.passwords import make_password
from gis.store.session import Store

ACCOUNTS_FILE = "demo-accounts.txt"
ROLES = ("planner", "worker", "screen")
"""The demo accounts, each called as its role."""

Bar = Callable[[str], AbstractContextManager[Progress]]


def is_empty(store: Store) -> bool:
    """Tell whether nothing has been imported yet."""
    with store.owner_session() as session:
        return not any(
            session.scalar(select(exists().select_from(table))) for table in (Area, Grid, Building, Household, Street)
        )


def load(store: Store, data_dir: Path, bar: Bar) -> None:
    """Import the demo place and make its accounts, all in one transaction: killed half-way, nothing of it is there.

    Args:
        store: an empty store.
        data_dir: the folder that keeps the accounts' passwords.
        bar: gives a progress bar for a label.

    Raises:
        Unavailable: the demo place does not pass its own import.
    """
    passwords = {role: make_password() for role in ROLES}
    _keep(data_dir, passwords)
    with tempfile.TemporaryDirectory(prefix="linli-demo-") as folder, store.owner_session() as session:
        now = clock.now().replace(microsecond=0)
        place = fixtures.demo.build(today=now.date())
        for kind, path, crs in place.write(Path(folder)):
            with bar(kind) as progress:
                report = import_file(session.connection(), kind, path, crs=crs, progress=progress)
            if report.rejected:
                raise Unavailable(f"演示数据 {kind} 有 {report.rejected} 行被拒绝 / demo rows rejected", report.faults)
        own = [code for code in place.grids["code"] if code.startswith(layout.CENTRAL)]
        for role, password in passwords.items():
            add_account(session, role, role, password, own if role == "worker" else None)
        with bar("casework"):
            write_casework(session.connection(), place, now)


def accounts(data_dir: Path) -> dict[str, str]:
    """Return the demo accounts' passwords as they were made; nothing where no demo place was loaded."""
    try:
        lines = (data_dir / ACCOUNTS_FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict(line.split(None, 1) for line in lines if len(line.split()) == 2)


def _keep(data_dir: Path, passwords: dict[str, str]) -> None:
    """Write the passwords where only this user can read them."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / ACCOUNTS_FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{name} {password}\n" for name, password in passwords.items())
