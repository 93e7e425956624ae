import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.accessibility.catchment import mean_per_grid, places_per_100


def test_two_stations_worked_out_on_paper():
    # Catchment 15 min. Station 0 (20 places): site 0 at 4 min, site 1 at 8. Station 1 (30 places): site 1 at 14, site 2 at 5.
    # Step 1: R0 = 20 / (100 × 1 + 50 × 0.68) = 20/134; R1 = 30 / (50 × 0.22 + 200 × 1) = 30/211.
    # Step 2: A0 = R0; A1 = 0.68 R0 + 0.22 R1; A2 = R1.
    got = places_per_100(
        np.array([0, 1, 1, 2]),
        np.array([0, 0, 1, 1]),
        np.array([4, 8, 14, 5.0]),
        15,
        np.array([20, 30.0]),
        np.array([100, 50, 200, 9]),
    )
    r0, r1 = 20 / 134, 30 / 211
    assert got == pytest.approx([100 * r0, 100 * (0.68 * r0 + 0.22 * r1), 100 * r1, 0])


def test_zone_limits_belong_to_the_nearer_zone():
    got = [
        places_per_100(np.array([0, 1]), np.array([0, 0]), np.array([t, 0.0]), 15, np.array([1.0]), np.array([0, 1]))[0]
        for t in (0, 5, 5.001, 10, 10.001, 15)
    ]
    assert got == pytest.approx([100, 100, 68, 68, 22, 22])


def test_unknown_capacity_is_left_aside_and_nobody_needs_no_division():
    got = places_per_100(
        np.array([0, 0]), np.array([0, 1]), np.array([1.0, 1]), 15, np.array([np.nan, 5]), np.array([10])
    )
    assert got == pytest.approx([50])
    assert places_per_100(
        np.array([0]), np.array([0]), np.array([1.0]), 15, np.array([5.0]), np.array([0])
    ).tolist() == [0]


def test_what_makes_no_sense_is_refused():
    one = np.array([0])
    with pytest.raises(ValueError, match="beyond the catchment"):
        places_per_100(one, one, np.array([15.1]), 15, np.array([1.0]), np.array([1]))
    with pytest.raises(ValueError, match="negative"):
        places_per_100(one, one, np.array([1.0]), 15, np.array([-1.0]), np.array([1]))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 6))
def test_places_are_conserved(seed, sites, stations):
    rng = np.random.default_rng(seed)
    site, station = np.nonzero(rng.random((sites, stations)) < 0.6)
    people, capacity = rng.integers(1, 90, sites), rng.integers(0, 50, stations).astype(float)
    got = places_per_100(site, station, rng.uniform(0, 900, len(site)), 900, capacity, people)
    assert (got * people / 100).sum() == pytest.approx(capacity[np.unique(station)].sum())


def test_mean_per_grid_is_weighted_by_people():
    means = mean_per_grid(np.array([10, 40, 7, 99.0]), np.array([3, 1, 0, 5]), np.array([0, 0, 1, -1]), 3)
    assert means == pytest.approx([17.5, np.nan, np.nan], nan_ok=True)
