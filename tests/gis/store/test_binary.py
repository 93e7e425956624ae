"""Rows that go through binary COPY come out as they went in."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from sqlalchemy import text

from gis.intake.positions import as_wkb
from gis.store.binary import as_binary
from gis.store.bulk import copy_rows
from gis.store.session import Store

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ROWS = st.lists(
    st.tuples(
        *(
            st.one_of(st.none(), each)
            for each in (
                st.booleans(),
                st.integers(-(2**15), 2**15 - 1),
                st.integers(-(2**31), 2**31 - 1),
                st.integers(-(2**63), 2**63 - 1),
                st.floats(allow_nan=False),
                st.dates(),
                TEXTS,
                st.binary(max_size=20),
                st.lists(st.sampled_from(["alone", "poor", "a_b"]), unique=True),
            )
        )
    ),
    min_size=1,
    max_size=20,
)
COLUMNS = {
    "truth": (pa.bool_(), "boolean"),
    "small": (pa.int64(), "smallint"),
    "middle": (pa.int64(), "integer"),
    "large": (pa.int64(), "bigint"),
    "number": (pa.float64(), "double precision"),
    "day": (pa.date32(), "date"),
    "words": (pa.string(), "text"),
    "bytes": (pa.large_binary(), "bytea"),
    "several": (pa.string(), "text[]"),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(0, 3))
def test_rows_come_out_as_they_went_in(store: Store, rows: list[tuple[object, ...]], start: int) -> None:
    given = [[*row[:-1], None if row[-1] is None else "{" + ",".join(row[-1]) + "}"] for row in rows]  # type: ignore[arg-type]
    arrays = [
        pa.array(values, kind) for values, (kind, _) in zip(zip(*given, strict=True), COLUMNS.values(), strict=True)
    ]
    with store.owner_engine.begin() as connection:
        defined = ", ".join(f"{name} {kind}" for name, (_, kind) in COLUMNS.items())
        connection.execute(
            text(f"CREATE TEMP TABLE rows_sent (n int GENERATED ALWAYS AS IDENTITY, {defined}) ON COMMIT DROP")
        )
        copy_rows(connection, sql.Identifier("rows_sent"), pa.table(arrays, list(COLUMNS)).slice(start))
        found = connection.execute(text(f"SELECT {', '.join(COLUMNS)} FROM rows_sent ORDER BY n")).all()
    assert [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in found] == rows[start:]


def test_a_column_of_geometries_gives_its_srid(store: Store) -> None:
    shapes = [shapely.box(100, 20, 101, 21), None, shapely.Point(102.5, 25.25)]
    with store.owner_engine.begin() as connection:
        connection.execute(text("CREATE TEMP TABLE shapes_sent (geometry geometry(Geometry, 4326)) ON COMMIT DROP"))
        copy_rows(connection, sql.Identifier("shapes_sent"), pa.table({"geometry": as_wkb(shapes)}))  # type: ignore[arg-type]
        found = connection.execute(text("SELECT ST_AsText(geometry), ST_SRID(geometry) FROM shapes_sent")).all()
    assert found == [
        ("POLYGON((101 20,101 21,100 21,100 20,101 20))", 4326),
        (None, None),
        ("POINT(102.5 25.25)", 4326),
    ]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        as_binary(pa.table({"n": [2**15]}), [21])
    with pytest.raises(TypeError):
        as_binary(pa.table({"day": pa.array([date(2026, 1, 1)])}), [25])
    with pytest.raises(TypeError):  # a text is not taken for the bytes of a type that is not known
        as_binary(pa.table({"id": ["a"]}), [2950])
