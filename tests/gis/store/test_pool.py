"""One connection in the pool, and everything that can go wrong on it: the next transaction never carries the account of the one before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError

from gis.store.session import Origin, Store
from gis.store.vault import OPTION
from tests.gis.services.conftest import G1, G2, account, place  # noqa: F401 - a fixture

SEEN = text(
    "SELECT coalesce(string_agg(DISTINCT g.code, ',' ORDER BY g.code), '') FROM households h LEFT JOIN grids g ON g.id = h.grid_id"
)
BACKEND = text("SELECT pg_backend_pid()")


@pytest.fixture
def narrow(place: Store) -> Iterator[Store]:  # noqa: F811 - the fixture above
    """Give the place through a pool of exactly one connection, with a worker for each of the two grids."""
    with place.owner_session() as session:
        for name, grid in (("west", G1), ("east", G2)):
            session.execute(
                text("INSERT INTO accounts (name, password_hash, role) VALUES (:name, '', 'worker')"), {"name": name}
            )
            session.execute(
                text(
                    "INSERT INTO account_grids (account_id, grid_id) SELECT a.id, g.id FROM accounts a, grids g "
                    "WHERE a.name = :name AND g.code = :grid"
                ),
                {"name": name, "grid": grid},
            )
    place.service_engine.dispose()
    place.service_engine = create_engine(
        place.service_url, pool_size=1, max_overflow=0, pool_timeout=30, execution_options={OPTION: place.vault}
    )
    yield place
    place.service_engine.dispose()


def sees(store: Store, account_id: int | None) -> tuple[str, int]:
    """Return the grids whose households an account sees, and on which connection it looked."""
    with store.session(account_id, Origin("10.0.0.9", "r")) as session:
        return str(session.scalar(SEEN)), int(session.scalar(BACKEND) or 0)


def left_behind(store: Store) -> tuple[str, str, str]:
    """Return what the pooled connection itself remembers of a caller between transactions."""
    with store.service_engine.connect() as connection:
        return tuple(  # type: ignore[return-value]
            connection.scalar(text("SELECT coalesce(current_setting(:name, true), '')"), {"name": f"linli.{name}"})
            or ""
            for name in ("account", "address", "request")
        )


def test_accounts_take_turns_on_one_connection(narrow: Store) -> None:
    west, east, admin = (account(narrow, name) for name in ("west", "east", "admin"))
    everything = f"{G1},{G2}"
    backends = set()
    for who, expected in [
        (west, G1),
        (east, G2),
        (admin, everything),
        (None, ""),
        (west, G1),
        (None, ""),
        (east, G2),
    ] * 5:
        seen, backend = sees(narrow, who)
        assert seen == expected
        backends.add(backend)
        assert left_behind(narrow) == ("", "", "")
    assert len(backends) == 1


class Broken(Exception):
    pass


def test_an_error_in_the_middle_leaves_nothing(narrow: Store) -> None:
    admin, west = account(narrow, "admin"), account(narrow, "west")
    for statement in (None, "SELECT 1/0", "SELECT * FROM no_such_table", "SELECT pg_sleep(10)"):
        error: type[Exception] = Broken if statement is None else DBAPIError
        with pytest.raises(error), narrow.session(admin) as session:
            session.execute(SEEN)
            session.execute(text("SET LOCAL statement_timeout = '50ms'"))
            if statement is None:
                raise Broken
            session.execute(text(statement))
        assert left_behind(narrow) == ("", "", "")
        assert sees(narrow, None)[0] == ""
        assert sees(narrow, west)[0] == G1


def test_a_killed_connection_leaves_nothing(narrow: Store) -> None:
    """The backend dies within a transaction; its place is taken by one that knows nobody."""
    admin, east = account(narrow, "admin"), account(narrow, "east")
    first = sees(narrow, admin)[1]
    with pytest.raises(DBAPIError), narrow.session(admin) as session:
        session.execute(SEEN)
        with narrow.owner_session() as owner:
            owner.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
        session.execute(SEEN)
    assert sees(narrow, None)[0] == ""
    seen, second = sees(narrow, east)
    assert (seen, left_behind(narrow)) == (G2, ("", "", ""))
    assert second != first


def test_a_cancelled_request_leaves_nothing(narrow: Store) -> None:
    """Whoever reads gives up half-way: the generator that holds the transaction is closed from outside."""
    admin, west = account(narrow, "admin"), account(narrow, "west")

    def reading() -> Iterator[str]:
        with narrow.session(admin) as session:
            yield from session.scalars(text("SELECT code FROM households ORDER BY code"))

    for _ in range(5):
        begun = reading()
        assert next(begun) == "H001"
        begun.close()
        assert sees(narrow, west)[0] == G1
        assert left_behind(narrow) == ("", "", "")


def test_a_session_setting_would_be_seen(narrow: Store) -> None:
    """The proof can fail: an account set for the whole connection, as a slip of the pen would, does carry over."""
    admin = account(narrow, "admin")
    with narrow.session(None) as session:
        session.execute(text("SELECT set_config('linli.account', :id, false)"), {"id": str(admin)})
    assert left_behind(narrow)[0] == str(admin)
    assert sees(narrow, None)[0] == ""  # and yet the next transaction begins by naming its own


def test_many_at_once_wait_for_the_one_connection(narrow: Store) -> None:
    expected = {account(narrow, name): grids for name, grids in (("west", G1), ("east", G2), ("admin", f"{G1},{G2}"))}
    wrong: list[object] = []
    checked_out = []
    event.listen(narrow.service_engine, "checkout", lambda *_: checked_out.append(1))

    def work(account_id: int, number: int) -> None:
        for turn in range(10):
            if (number + turn) % 4 == 0:
                with suppress(Broken), narrow.session(account_id) as session:
                    session.execute(SEEN)
                    raise Broken
            seen = sees(narrow, account_id)[0]
            if seen != expected[account_id]:
                wrong.append((account_id, seen))

    threads = [threading.Thread(target=work, args=(list(expected)[number % 3], number)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(checked_out) >= 120
    assert left_behind(narrow) == ("", "", "")
