"""Migration 0002 with people in the tables: down opens what is sealed, up seals it again."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gis.errors import Unavailable
from gis.store.session import Store
from tests.gis.intake.conftest import Importer, importer  # noqa: F401 - a fixture

FILE = (
    "household,birth_date,name,phone,id_number\n"
    "H1,1950-01-01,张三,15412345678,53990119500101123x\nH1,1990-02-02,李四,,\nH1,1990-02-02,李四,,\nH1,1991-02-02,王五,无,\n"
)


def test_down_and_up_again_with_people(importer: Importer) -> None:  # noqa: F811 - the fixture
    with importer.store.owner_session() as session:
        session.execute(text("INSERT INTO households (code, grid_reason) VALUES ('H1', 'no position')"))
    importer.ok("residents", "r.csv", FILE)
    columns = "key, phone_hash, id_number_hash, name"
    before = importer.rows(f"SELECT {columns} FROM residents ORDER BY id")
    store = importer.store
    store.migrate("0001")
    assert importer.rows("SELECT name, phone, id_number FROM residents ORDER BY id") == [
        ("张三", "15412345678", "53990119500101123x"),
        ("李四", None, None),
        ("李四", None, None),
        ("王五", "无", None),
    ]
    with pytest.raises(Unavailable), Store(store.owner_url).owner_session() as session:
        Store(store.owner_url).migrate()
    store.migrate()
    with store.owner_session() as session:
        secret_before = session.execute(text("SELECT count(*) FROM field_keys")).scalar_one()
    assert secret_before == 1
    after = importer.rows(f"SELECT {columns} FROM residents ORDER BY id")
    assert [row[3] for row in after] == [row[3] for row in before]
    assert [row[1] is None for row in after] == [row[1] is None for row in before]
    importer.ok("residents", "r.csv", FILE)
    assert importer.one("SELECT count(*) FROM residents") == 4, "people are recognised after the change"
    assert importer.rows(f"SELECT {columns} FROM residents ORDER BY id") == after
