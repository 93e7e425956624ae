"""Every column of every personal table says what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis.models import Base
from gis.models.purposes import NOT_PERSONAL, PURPOSES, as_markdown

TABLES = Base.metadata.tables


def test_every_table_is_declared_once() -> None:
    assert set(PURPOSES) | NOT_PERSONAL == set(TABLES)
    assert not set(PURPOSES) & NOT_PERSONAL


@pytest.mark.parametrize("table", sorted(PURPOSES))
def test_every_column_has_its_purpose(table: str) -> None:
    assert set(PURPOSES[table]) == {column.name for column in TABLES[table].columns}
    for name, purpose in PURPOSES[table].items():
        for said in (purpose.purpose, purpose.ground, purpose.kept, purpose.seen_by):
            assert " / " in said, f"{table}.{name}: 中文 / English"


def test_tables_that_are_not_personal_do_not_point_to_people() -> None:
    personal = {"residents", "households", "needs", "accounts"}
    for name in NOT_PERSONAL:
        assert not {key.column.table.name for key in TABLES[name].foreign_keys} & personal, name


def test_sealed_columns_say_so() -> None:
    for table, columns in PURPOSES.items():
        for name, purpose in columns.items():
            if name.endswith("_sealed"):
                assert "sealed" in purpose.protection, f"{table}.{name}"


def test_the_document_is_up_to_date() -> None:
    document = Path(__file__).parents[3] / "docs" / "purposes.md"
    assert document.read_text(encoding="utf-8") == as_markdown(), "run: linli purposes > docs/purposes.md"
