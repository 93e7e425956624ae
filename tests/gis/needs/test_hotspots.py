"""Gi* against the formula worked by hand, against brute force, and what must hold of any map."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.needs.hotspots import LEAST_UNITS, Spots, find_spots, touching_areas, touching_cells


def lattice(columns: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    return column.ravel(), row.ravel()


def gi_star(values: list[float], neighbours: list[set[int]], i: int) -> float:
    """Ord & Getis 1995, eq. 14, with weights of 1, as it stands in the paper."""
    n = len(values)
    mean = sum(values) / n
    s = math.sqrt(sum(v * v for v in values) / n - mean**2)
    inside = {i} | neighbours[i]
    w = len(inside)
    return (sum(values[j] for j in inside) - w * mean) / (s * math.sqrt((n * w - w**2) / (n - 1)))


def test_a_row_of_thirty_worked_out_on_paper() -> None:
    """Thirty cells in a row, all 0 but the first two, which have 15.

    Mean 1; s² = 2·225/30 − 1 = 14. Cell 0 and its neighbour: sum 30, w = 2, so z = (30 − 2) / √(14 · (60 − 4)/29) = 28 / √(14·56/29) = 5.385;
    cell 1: sum 30, w = 3: z = 27 / √(14 · 81/29); cell 10: sum 0, w = 3: z = −3 / √(14 · 81/29) = −0.480.
    """
    values = np.zeros(30)
    values[:2] = 15
    found = find_spots(values, touching_cells(np.arange(30), np.zeros(30, dtype=int)))
    assert found.z[0] == pytest.approx(28 / math.sqrt(14 * 56 / 29)) == pytest.approx(5.385, abs=1e-3)
    assert found.z[1] == pytest.approx(27 / math.sqrt(14 * 81 / 29))
    assert found.z[10] == pytest.approx(-0.480, abs=1e-3)
    assert found.kind.tolist() == [1, 1, *[0] * 28]
    assert found.p[10] == pytest.approx(math.erfc(0.4797 / math.sqrt(2)), abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=42, max_size=42), st.integers(1, 2**31))
def test_every_unit_is_as_the_formula_says(values: list[int], seed: int) -> None:
    column, row = lattice(7, 6)
    order = np.random.default_rng(seed).permutation(42)
    column, row = column[order] - 3, row[order] - 2
    found = find_spots(np.array(values, dtype=float), touching_cells(column, row))
    neighbours = [
        {j for j in range(42) if j != i and max(abs(column[i] - column[j]), abs(row[i] - row[j])) == 1}
        for i in range(42)
    ]
    if len(set(values)) == 1:
        assert np.isnan(found.z).all()
        return
    assert found.z.tolist() == pytest.approx([gi_star(list(values), neighbours, i) for i in range(42)])
    # Benjamini & Hochberg by their own words: the greatest k with p(k) <= k/m · 0.05; the k smallest are finds.
    ranked = sorted(found.p)
    finds = max((k for k in range(1, 43) if ranked[k - 1] <= k / 42 * 0.05), default=0)
    assert int((found.kind != 0).sum()) == finds
    assert (np.sign(found.z[found.kind != 0]) == found.kind[found.kind != 0]).all()
    assert (found.q >= found.p - 1e-12).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=36, max_size=36), st.floats(0.1, 50), st.floats(0, 100))
def test_units_of_measurement_change_nothing(values: list[int], scale: float, shift: float) -> None:
    pairs = touching_cells(*lattice(6, 6))
    one, other = (find_spots(np.array(values) * a + b, pairs) for a, b in ((1.0, 0.0), (scale, shift)))
    if np.isnan(one.z).all():
        return
    assert other.z == pytest.approx(one.z, abs=1e-6)
    assert (other.kind == one.kind)[np.abs(one.q - 0.05) > 1e-6].all()


def test_a_heap_is_hot_a_hole_is_cold_and_noise_is_neither() -> None:
    random = np.random.default_rng(7)
    column, row = lattice(30, 30)
    values = random.poisson(20, 900).astype(float)
    assert (find_spots(values, touching_cells(column, row)).kind != 0).mean() < 0.01
    hot, cold = (column < 5) & (row < 5), (column > 24) & (row > 24)
    values[hot] += 40
    values[cold] = 0
    found = find_spots(values, touching_cells(column, row))
    assert (found.kind[hot] == 1).all()
    assert (found.kind[cold] == -1).all()
    assert (found.kind[(column > 8) & (column < 21)] != 0).mean() < 0.02


def test_few_units_or_all_alike_are_not_tested() -> None:
    def untested(found: Spots) -> bool:
        return bool(np.isnan([found.z, found.p, found.q]).all() and not found.kind.any())

    few = LEAST_UNITS - 1
    assert untested(find_spots(np.arange(few, dtype=float), touching_cells(np.arange(few), np.zeros(few, dtype=int))))
    assert untested(find_spots(np.full(36, 5.0), touching_cells(*lattice(6, 6))))
    assert untested(find_spots(np.zeros(0), touching_cells(np.zeros(0, dtype=int), np.zeros(0, dtype=int))))


def test_a_unit_that_touches_all_others_is_compared_with_nothing() -> None:
    spokes = np.arange(1, 40)
    hub = np.zeros(39, dtype=int)
    found = find_spots(np.arange(40.0), np.stack([np.append(spokes, hub), np.append(hub, spokes)]))
    assert np.isnan(found.z[0]) and found.kind[0] == 0
    assert not np.isnan(found.z[1:]).any()


def test_cells_touch_at_edges_and_corners_and_never_round_the_edge() -> None:
    column, row = np.array([-1, 0, 1, 5, -1, 5]), np.array([0, 0, 1, 0, 1, 1])
    pairs = set(map(tuple, touching_cells(column, row).T.tolist()))
    expected = {(0, 1), (1, 2), (0, 4), (1, 4), (3, 5)}
    assert pairs == expected | {(j, i) for i, j in expected}


def test_areas_touch_within_a_metre_and_at_corners() -> None:
    areas = np.array(
        [
            shapely.box(0, 0, 100, 100),
            shapely.box(100.6, 0, 200, 100),
            shapely.box(200, 100, 300, 200),
            shapely.box(310, 0, 400, 100),
        ]
    )
    assert set(map(tuple, touching_areas(areas).T.tolist())) == {(0, 1), (1, 0), (1, 2), (2, 1)}


def test_the_libraries_are_loaded_only_when_spots_are_asked_for() -> None:
    program = "import sys, gis.needs.hotspots; print('esda' in sys.modules, 'libpysal' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False False"
