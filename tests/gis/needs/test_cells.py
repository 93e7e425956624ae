"""Cells against a brute-force count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.needs.cells import count_cells

places = st.lists(st.tuples(st.integers(-300, 300), st.integers(-300, 300), st.integers(0, 9)), max_size=30)


def columns(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.array(rows, dtype=float).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2].astype(np.int64)


@given(places, places, st.sampled_from([30.0, 100.0, 250.0]))
def test_counts_equal_brute_force(needs: list, homes: list, size_m: float) -> None:
    cells = count_cells(*columns(needs), *columns(homes), size_m)
    expected: dict[tuple[int, int], list[int]] = {}
    for rows, slot in ((needs, 0), (homes, 1)):
        for x, y, n in rows:
            expected.setdefault((int(x // size_m), int(y // size_m)), [0, 0])[slot] += n
    found = {
        (int(c), int(r)): [int(n), int(h)]
        for c, r, n, h in zip(cells.column, cells.row, cells.count, cells.households, strict=True)
    }
    assert found == expected


def test_a_position_on_the_line_belongs_to_the_cell_east_and_north_of_it() -> None:
    cells = count_cells(
        np.array([100.0]),
        np.array([0.0]),
        np.array([1]),
        np.zeros(0),
        np.zeros(0),
        np.zeros(0, dtype=int),
        100.0,
    )
    assert (cells.column.tolist(), cells.row.tolist()) == ([1], [0])
    x_m, y_m = cells.corners_m()
    assert x_m.tolist() == [[100, 200, 200, 100, 100]]
    assert y_m.tolist() == [[0, 0, 100, 100, 0]]


def test_rates_are_per_hundred_households_and_nan_where_nobody_lives() -> None:
    cells = count_cells(
        np.array([0.0, 500.0]),
        np.zeros(2),
        np.array([3, 2]),
        np.array([1.0, np.nan]),
        np.zeros(2),
        np.array([60, 9]),
        100.0,
    )
    assert cells.rate[0] == pytest.approx(5.0)
    assert np.isnan(cells.rate[1])
    assert cells.households.sum() == 60


def test_a_cell_has_a_size() -> None:
    with pytest.raises(ValueError, match="size_m"):
        count_cells(*columns([]), *columns([]), 0)
