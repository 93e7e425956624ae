"""People counted in fives: what the published table promises, and that nobody can go behind it."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gis.needs.disclosure import (
    BASE,
    offsets,
    published,
    rounded,
    rounded_flow,
    shown,
    small,
    small_cells,
    told,
)

KEY = b"a place's own secret"
counts_of_units = st.lists(st.integers(0, 60), min_size=1, max_size=40)


def table(counts: list[int], groups: int, key: bytes = KEY) -> tuple[np.ndarray, np.ndarray]:
    """Return the published figures of units spread over groups, and which group each is in."""
    group = np.arange(len(counts)) % groups
    units = [f"building {i}" for i in range(len(counts))]
    names = [f"grid {i}" for i in range(groups)]
    households = np.array(counts) // 2 + 1
    return published(key, "elders", np.array(counts), units, group, names, households), group


def test_small_counts_are_hidden_zero_is_not() -> None:
    assert small(np.array([0, 1, 4, 5])).tolist() == [False, True, True, False]
    assert small_cells(np.array([0, 9, 9]), np.array([1, 4, 5])).tolist() == [False, True, False]
    assert [shown(n) for n in (0, 4, 5)] == [0, None, 5]


def test_a_published_zero_is_told_only_where_nobody_lives() -> None:
    assert [told(0, 0), told(0, 3), told(5, 3)] == [0, None, 5]


def test_rounding_is_unbiased_over_the_offsets_and_less_than_five_away() -> None:
    for count in range(30):
        figures = rounded(np.full(BASE, count), np.arange(BASE))
        assert figures.sum() == BASE * count
        assert np.abs(figures - count).max() < BASE
        assert set(figures % BASE) == {0}


def test_offsets_are_even_secret_and_the_same_for_ever() -> None:
    units = [f"unit {i}" for i in range(20_000)]
    own = offsets(KEY, "elders", units)
    assert np.abs(np.bincount(own, minlength=BASE) / len(units) - 1 / BASE).max() < 0.02
    assert own[:8].tolist() == offsets(KEY, "elders", units[:8]).tolist()
    for other in (offsets(b"another place", "elders", units), offsets(KEY, "children", units)):
        assert abs(np.mean(own == other) - 1 / BASE) < 0.02  # no more alike than chance


def test_another_process_publishes_the_same_table() -> None:
    program = "from tests.gis.needs.test_disclosure import table; print(table([3, 9, 0, 14, 22, 1], 2)[0].tolist())"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(table([3, 9, 0, 14, 22, 1], 2)[0].tolist())


@given(counts_of_units, st.integers(1, 6), st.binary(min_size=1, max_size=32))
def test_units_add_up_to_groups_less_than_five_away(counts: list[int], groups: int, key: bytes) -> None:
    figures, group = table(counts, groups, key)
    assert (figures >= 0).all()
    assert (figures % BASE == 0).all()
    totals = np.bincount(group, weights=figures, minlength=groups)
    truth = np.bincount(group, weights=counts, minlength=groups)
    assert np.abs(totals - truth).max() < BASE
    own = rounded(truth.astype(np.int64), offsets(key, "elders", [f"grid {i}" for i in range(groups)]))
    assert totals.tolist() == own.tolist()  # what a map of the grids shows


def test_groups_and_units_are_unbiased_over_many_places() -> None:
    counts = [1, 0, 3, 7, 2, 2, 4, 11, 0, 1, 6, 2] * 4
    found = np.array([table(counts, 3, f"place {i}".encode())[0] for i in range(2000)])
    group = np.arange(len(counts)) % 3
    for i in range(3):
        truth = sum(n for n, of in zip(counts, group, strict=True) if of == i)
        assert abs(found[:, group == i].sum(axis=1).mean() - truth) < 0.25
    assert np.abs(found.mean(axis=0) - counts).max() < 1.0  # moving fives between the units of a group evens out


@given(counts_of_units, st.integers(1, 4), st.data())
def test_one_more_person_moves_his_own_grid_alone_and_by_one_five(
    counts: list[int], groups: int, data: st.DataObject
) -> None:
    where = data.draw(st.integers(0, len(counts) - 1))
    before, group = table(counts, groups)
    after, _ = table([n + (i == where) for i, n in enumerate(counts)], groups)
    assert (before == after)[group != group[where]].all()
    assert after.sum() - before.sum() in (0, BASE)


def test_years_of_figures_tell_a_count_plus_an_offset_and_never_the_count() -> None:
    """Two courses of a grid's count that differ by a fixed number have, for some offsets, the very same figures on every day."""
    course = np.cumsum(np.random.default_rng(5).integers(-1, 2, 400)) + 60
    for shift in (1, 2, 3, 4):
        pairs = [
            (a, b)
            for a in range(BASE)
            for b in range(BASE)
            if (rounded(course, np.full(400, a)) == rounded(course + shift, np.full(400, b))).all()
        ]
        assert len(pairs) == BASE - shift


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=6),
    st.binary(min_size=1, max_size=16),
)
def test_every_stretch_of_time_is_less_than_five_away(chains: list[list[int]], key: bytes) -> None:
    chain = np.repeat(np.arange(len(chains)), [len(c) for c in chains])
    own = offsets(key, "needs", [str(i) for i in range(len(chains))])
    counts = np.array([n for c in chains for n in c])
    figures = rounded_flow(counts, chain, own[chain])
    assert (figures >= 0).all()
    assert (figures % BASE == 0).all()
    for i, course in enumerate(chains):
        mine = figures[chain == i]
        for first in range(len(course)):
            for last in range(first, len(course)):
                assert abs(mine[first : last + 1].sum() - sum(course[first : last + 1])) < BASE


def test_what_comes_later_does_not_change_what_was_before() -> None:
    course, nothing = np.array([2, 1, 0, 7, 3, 1, 4]), np.zeros(7, dtype=np.int64)
    whole = rounded_flow(course, nothing, nothing + 3)
    for length in range(1, 8):
        assert rounded_flow(course[:length], nothing[:length], nothing[:length] + 3).tolist() == whole[:length].tolist()


def test_nothing_is_published_of_nothing() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert published(KEY, "elders", nothing, [], nothing, ["grid"]).tolist() == []
    assert rounded_flow(nothing, nothing, nothing).tolist() == []


def test_every_unit_keeps_at_least_four_possible_counts() -> None:
    """Try every pair of buildings that make up a grid, under many secrets: from the figures told, no count can be made out.

    The attacker knows the method, all figures and the households, but not the secret. Only what a place tells is compared, so this holds
    whatever sums, differences and scenarios he asks for.
    """
    most, secrets = 14, 400
    pairs = np.array(list(itertools.product(range(most), repeat=2)))
    counts = np.repeat(pairs, secrets, axis=0)
    grids = [f"grid {i}" for i in range(len(counts))]  # a grid with a name of its own has a secret of its own
    units = [f"{grid} {side}" for grid in grids for side in "ab"]
    group = np.repeat(np.arange(len(counts)), 2)
    figures = published(KEY, "elders", counts.ravel(), units, group, grids, np.full(len(units), 3)).reshape(-1, 2)
    possible: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for seen, true in zip(map(tuple, figures.tolist()), map(tuple, counts.tolist()), strict=True):
        possible.setdefault(seen, set()).add(true)
    for seen, true in zip(map(tuple, figures.tolist()), counts.tolist(), strict=True):
        if sum(true) < most - 5:  # beyond, the counts that would be possible too are not tried
            for side in (0, 1):
                assert len({each[side] for each in possible[seen]}) >= 4, (seen, true)
