"""Staging and writing."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from sqlalchemy import literal_column, text

from gis.intake import guards
from gis.intake.references import References
from gis.intake.staging import Staging, upsert
from gis.intake.writer import Writer
from gis.models import Household
from gis.store.session import Store
from tests.gis.intake.conftest import Importer


def test_what_is_staged_comes_back(store: Store) -> None:
    rows = pa.table(
        {
            "a": pa.array(['x"y, \n\\N', "", None, "　"], pa.string()),
            "b": pa.array([1.1, 1e300, None, -0.0]),
            "c": pa.array([date(1900, 1, 1), None, date(2026, 2, 28), None]),
            "d": pa.array([True, False, None, True]),
        }
    )
    with store.owner_engine.begin() as connection:
        staged = Staging(connection, "staged_test", {"a": "text", "b": "double precision", "c": "date", "d": "boolean"})
        staged.append(rows.slice(0, 2))
        staged.append(rows.slice(2))
        staged.append(rows.slice(0, 0))
        assert staged.rows == 4
        found = connection.execute(text("SELECT * FROM staged_test")).all()
    assert [tuple(row) for row in found] == [tuple(row.values()) for row in rows.to_pylist()]
    assert found[0].a == 'x"y, \n\\N'


def test_codes_stay_text(importer: Importer) -> None:
    importer.ok("households", "h.csv", "code\n0012\n12\n1e3\ntrue\n")
    with importer.store.owner_engine.begin() as connection:
        codes = connection.scalars(text("SELECT code FROM households ORDER BY id")).all()
    assert codes == ["0012", "12", "1e3", "true"]


def test_references_are_found_by_the_very_code(importer: Importer) -> None:
    importer.ok("households", "h.csv", "code\n0012\n12\n1e3\ntrue\n")
    known = dict(importer.rows("SELECT code, id FROM households"))
    with importer.store.owner_engine.begin() as connection, Writer() as writer:
        found = References(connection, writer, "households", {"id": pa.int64(), "code": pa.string()})
        codes = [pa.array(each, pa.string()) for each in (["12", None, "x", "0012", "12", "1E3"], [None], [], ["true"])]
        found.ask(codes[0])
        found.ask(codes[1])  # the next batch's, before the first has been taken
        answers = [found.of(each) for each in codes]
    assert answers[0]["id"].to_pylist() == [known["12"], None, None, known["0012"], known["12"], None]
    assert answers[0]["code"].to_pylist() == ["12", None, None, "0012", "12", None]
    assert [each["id"].to_pylist() for each in answers[1:]] == [[None], [], [known["true"]]]


@pytest.mark.parametrize("rebuild", [True, False])
def test_only_what_differs_is_written(importer: Importer, monkeypatch: pytest.MonkeyPatch, rebuild: bool) -> None:
    importer.ok("households", "h.csv", "code,colour\nH1,red\nH2,green\n")
    monkeypatch.setattr(guards, "_MANY_ROWS", 1 if rebuild else 1000)
    with importer.store.owner_engine.begin() as connection:
        staged = Staging(connection, "staged_test", {"code": "text", "colour": "text"})
        staged.append(pa.table({"code": ["H1", "H2", "H3"], "colour": ["red", "yellow", None]}))
        values = {
            "code": literal_column("s.code"),
            "colour": literal_column("s.colour"),
            "grid_reason": literal_column("'no position'"),
        }
        source = staged.table.alias("s")
        written = upsert(connection, Household, source, lambda _: values, new_rows=100, update=["colour"])
    assert written == 2
    assert importer.rows("SELECT code, colour, version FROM households ORDER BY code") == [
        ("H1", "red", 1),
        ("H2", "yellow", 2),
        ("H3", None, 1),
    ]


def test_the_owner_alone_makes_indexes_last(store: Store) -> None:
    with store.owner_engine.begin() as connection:
        assert guards.may_rebuild(connection, "households", 1_000_000)
        assert not guards.may_rebuild(connection, "households", 100)
    with store.session(None) as session:
        assert not guards.may_rebuild(session.connection(), "households", 1_000_000)


@pytest.mark.parametrize(("account", "enabled"), [("", "D"), ("7", "O")])
def test_who_has_entered_a_row_is_remembered_where_somebody_has(store: Store, account: str, enabled: str) -> None:
    switched = "SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'households'::regclass AND tgname = 'remember_new'"
    with store.owner_engine.connect() as connection:
        connection.execute(text("SELECT set_config('linli.account', :account, true)"), {"account": account})
        made_last = guards.Guards(connection, "households")
        assert connection.scalar(text(switched)) == enabled
        made_last.make()
        assert connection.scalar(text(switched)) == "O"
