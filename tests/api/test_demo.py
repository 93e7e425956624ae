from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from api import demo
from gis.services.sign_ins import SignedIn
from gis.services.signing_in import sign_in
from gis.store.session import Store


@contextmanager
def no_bar(_label: str) -> Iterator[object]:
    yield lambda _done, _total: None


def count(store: Store, table: str) -> int:
    with store.owner_session() as session:
        return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_the_place_and_its_accounts(store: Store, tmp_path: Path) -> None:
    assert demo.is_empty(store)
    assert demo.accounts(tmp_path) == {}
    demo.load(store, tmp_path / "data", no_bar)
    assert not demo.is_empty(store)
    kept = demo.accounts(tmp_path / "data")
    assert set(kept) == {"planner", "worker", "screen"}
    assert stat.S_IMODE((tmp_path / "data" / demo.ACCOUNTS_FILE).stat().st_mode) == 0o600
    for name, password in kept.items():
        with store.session(None) as session:
            outcome = sign_in(session, name, password, datetime.now(UTC))
        assert isinstance(outcome, SignedIn)
        assert outcome.identity.role == name
    with store.owner_session() as session:
        central = session.execute(
            text(
                "SELECT count(*), (SELECT count(*) FROM households h WHERE h.grid_id = ANY(array_agg(a.grid_id))) FROM account_grids a"
            )
        ).one()
    assert tuple(central) == (4, 2803)
    assert count(store, "imports") == 14


def test_a_load_that_breaks_off_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = demo.import_file

    def breaks(connection, kind, path, **more):
        if kind == "buildings":
            raise KeyboardInterrupt
        return imported(connection, kind, path, **more)

    monkeypatch.setattr(demo, "import_file", breaks)
    with pytest.raises(KeyboardInterrupt):
        demo.load(store, tmp_path, no_bar)
    assert demo.is_empty(store)
    assert count(store, "accounts") == count(store, "imports") == 0


def test_only_an_empty_place_is_filled(place: Store) -> None:
    assert not demo.is_empty(place)
