from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.accessibility.siting import choose_sites


def solve(reach, weight, new_stations, covered=None, **more):
    """``reach[i][j]``: candidate j would cover site i."""
    site, candidate = np.nonzero(np.array(reach))
    weight = np.array(weight, dtype=float)
    covered = np.zeros(len(weight), dtype=bool) if covered is None else np.array(covered)
    return choose_sites(site, candidate, len(reach[0]), weight, covered, new_stations, **more)


# Sites of 6, 6, 5, 5, 4 people. Candidate 0 covers 0, 2 (11); 1 covers 1, 3 (11); 2 covers 0, 1 (12).
TRAP = [[1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_the_greedy_answer_may_be_worse_than_the_best():
    got = solve(TRAP, [6, 6, 5, 5, 4], 2)
    assert got.greedy.chosen.tolist() == [0, 2]
    assert got.greedy.covered == 17
    assert got.best.chosen.tolist() == [0, 1]
    assert got.best.covered == 22
    assert (got.uncovered, got.bound, got.gap, got.optimal) == (26, pytest.approx(22), 0, True)


def test_the_greedy_answer_counts_nobody_twice():
    # Candidate 1 covers nearly the same people as 0; after 0 it gains only the one of site 2, candidate 2 gains 5.
    got = solve([[1, 1, 0], [1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]], [10, 10, 1, 2, 5], 2)
    assert got.greedy.chosen.tolist() == [0, 2]
    assert got.greedy.covered == 27


def test_who_is_covered_already_counts_no_more():
    got = solve(TRAP, [6, 6, 5, 5, 4], 1, covered=[True, False, False, False, False])
    assert got.best.chosen.tolist() == [1]
    assert (got.best.covered, got.uncovered) == (11, 20)


def test_no_more_stations_than_are_of_use():
    got = solve([[1, 0], [1, 0], [0, 1]], [3, 2, 0], 2)
    assert got.best.chosen.tolist() == [0]
    assert (got.best.covered, got.optimal) == (5, True)


def test_nobody_left_or_nobody_in_reach():
    for reach, covered in (([[1, 1]], [True]), ([[0, 0]], [False])):
        got = solve(reach, [7], 1, covered=covered)
        assert got.best.chosen.tolist() == []
        assert (got.best.covered, got.bound, got.optimal) == (0, 0, True)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(([1], 0), "at least one"), (([-1], 1), "not negative"), (([np.nan], 1), "not negative")],
)
def test_what_makes_no_sense_is_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        solve([[1]], *arguments)
    with pytest.raises(ValueError, match="time limit"):
        solve([[1]], [1], 1, time_limit_s=0)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 8), st.integers(1, 4))
def test_it_agrees_with_trying_every_choice(seed, sites, candidates, new_stations):
    rng = np.random.default_rng(seed)
    reach = rng.random((sites, candidates)) < 0.35
    weight = rng.integers(0, 20, sites) + rng.choice([0, 0.5])
    covered = rng.random(sites) < 0.2
    open_weight = np.where(covered, 0, weight)
    best = max(
        open_weight[reach[:, list(chosen)].any(axis=1)].sum()
        for size in range(min(new_stations, candidates) + 1)
        for chosen in combinations(range(candidates), size)
    )
    got = solve(reach, weight, new_stations, covered)
    assert got.best.covered == pytest.approx(best)
    assert got.optimal and got.bound == pytest.approx(best)
    assert len(got.best.chosen) <= new_stations
    assert open_weight[reach[:, got.best.chosen].any(axis=1)].sum() == pytest.approx(got.best.covered)
    assert got.greedy.covered <= got.best.covered + 1e-9
    assert got.greedy.covered >= (1 - 1 / np.e) * best - 1e-9


def test_when_the_time_is_up_the_bound_still_holds():
    rng = np.random.default_rng(3)
    reach = rng.random((600, 250)) < 0.04
    weight = rng.integers(1, 100, 600)
    hurried = solve(reach, weight, 20, time_limit_s=0.05)
    patient = solve(reach, weight, 20, time_limit_s=3)
    assert hurried.bound >= patient.best.covered - 1e-6
    assert hurried.best.covered >= hurried.greedy.covered
    assert hurried.gap == pytest.approx((hurried.bound - hurried.best.covered) / hurried.bound)
    assert not hurried.optimal and hurried.gap > 0
    assert patient.gap <= hurried.gap + 1e-9


def test_the_same_input_gives_the_same_answer():
    rng = np.random.default_rng(5)
    reach, weight = rng.random((80, 30)) < 0.1, rng.integers(1, 9, 80)
    first, second = solve(reach, weight, 5), solve(reach, weight, 5)
    assert first.best.chosen.tolist() == second.best.chosen.tolist()
