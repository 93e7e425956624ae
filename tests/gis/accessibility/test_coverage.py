import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gis.accessibility.coverage import (
    NO_POSITION,
    NO_STATION,
    Covered,
    DemandSites,
    cover_by_distance,
    nearest_by_air_m,
    share_of_week,
    tally,
)
from gis.accessibility.policy import GROUPS

RADIUS = {"households": 1000.0, "elders_60": 600.0, "children_12": 1000.0}


def make_sites(positions, households=None, elders=None, children=None, grid=None):
    n = len(positions)
    xy = np.array(positions, dtype=float).reshape(-1, 2)
    column = lambda values: np.array([1] * n if values is None else values, dtype=np.int64)  # noqa: E731
    return DemandSites(
        site_id=np.arange(n),
        x_m=xy[:, 0],
        y_m=xy[:, 1],
        grid=np.array([0] * n if grid is None else grid, dtype=np.int32),
        households=column(households),
        residents=column(households) * 3,
        elders_60=column(elders),
        children_12=column(children),
    )


def covered_within(sites, services, radius_m):
    return cover_by_distance(sites, [nearest_by_air_m(sites, stations) for stations in services], radius_m)


STREET = make_sites(
    [(0, 0), (600, 0), (600.001, 0), (1000, 0), (1000.001, 0), (np.nan, np.nan)],
    households=[10, 20, 30, 40, 50, 60],
    elders=[1, 2, 3, 4, 5, 6],
    children=[7, 8, 9, 10, 11, 12],
    grid=[0, 0, 1, 1, -1, 1],
)


def test_worked_out_by_hand():
    covered = covered_within(STREET, [np.array([[0.0, 0.0]])], RADIUS)
    totals, grids, unreachable = tally(STREET, covered, 3)
    assert totals == {
        "households": 210,
        "covered": 100,
        "beyond": 50,
        "elders_60": 21,
        "elders_60_covered": 3,
        "children_12": 57,
        "children_12_covered": 34,
    }
    assert unreachable == {"no position": 60}
    assert grids["households"].tolist() == [30, 130, 0]
    assert grids["covered"].tolist() == [30, 70, 0]
    assert grids["beyond"].tolist() == [0, 0, 0]
    assert grids["unreachable"].tolist() == [0, 60, 0]
    assert grids["elders_60_covered"].tolist() == [3, 0, 0]
    assert grids["children_12_covered"].tolist() == [15, 19, 0]


def test_several_services_must_all_be_in_reach():
    meal, health = np.array([[0.0, 0.0]]), np.array([[1600.0, 0.0]])
    covered = covered_within(STREET, [meal, health], RADIUS)
    assert covered.households.tolist() == [False, True, True, True, False, False]
    assert covered.reason.tolist() == [0, 0, 0, 0, 0, NO_POSITION]


def test_a_service_that_nobody_offers_is_the_reason_for_everyone():
    covered = covered_within(STREET, [np.array([[0.0, 0.0]]), np.zeros((0, 2))], RADIUS)
    assert covered.reason.tolist() == [NO_STATION] * 5 + [NO_POSITION]
    totals, _, unreachable = tally(STREET, covered, 2)
    assert (totals["covered"], totals["beyond"]) == (0, 0)
    assert unreachable == {"no position": 60, "no station": 150}


def test_a_station_without_position_is_none():
    covered = covered_within(STREET, [np.array([[np.nan, np.nan]])], RADIUS)
    assert covered.reason[0] == NO_STATION


def test_no_service_asked_for_is_refused():
    with pytest.raises(ValueError, match="at least one service"):
        covered_within(STREET, [], RADIUS)


def test_a_place_where_nobody_lives():
    empty = make_sites([])
    totals, grids, unreachable = tally(empty, covered_within(empty, [np.zeros((1, 2))], RADIUS), 2)
    assert set(totals.values()) == {0}
    assert grids["households"].tolist() == [0, 0]
    assert unreachable == {}


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="households"):
        make_sites([(0, 0), (1, 1)], households=[1])
    with pytest.raises(ValueError, match="negative counts: elders_60"):
        make_sites([(0, 0), (1, 1)], elders=[1, -1])


def test_a_reason_wins_over_a_short_distance():
    reason = np.array([0, NO_STATION], dtype=np.int8)
    covered = Covered.within([np.array([1.0, 1.0])], RADIUS, reason)
    assert covered.households.tolist() == [True, False]


def test_share_of_the_week_by_hand():
    # Site 0 reaches station 0, site 1 both, site 2 none; one is open by day, the other at night.
    shares = np.array([0.25, 0.5, 0.25])
    is_open = np.array([[True, False], [False, True], [False, False]])
    share = share_of_week(np.array([0, 1, 1]), np.array([0, 0, 1]), 3, shares, is_open)
    assert share.tolist() == [0.25, 0.75, 0.0]


places = hnp.arrays(
    float, st.tuples(st.integers(1, 30), st.just(2)), elements=st.integers(-50, 50).map(lambda v: v * 40.0)
)
groups = st.lists(places, min_size=1, max_size=3)


@settings(deadline=None)
@given(places, groups, st.randoms(use_true_random=False))
def test_it_agrees_with_looking_at_every_pair(homes, services, random):
    homes = np.where([[random.random() < 0.1] * 2 for _ in homes], np.nan, homes)
    sites = make_sites(
        homes, households=[random.randrange(9) for _ in homes], grid=[random.randrange(-1, 3) for _ in homes]
    )
    covered = covered_within(sites, services, RADIUS)
    for group in GROUPS:
        for i, (x, y) in enumerate(homes):
            near = all(
                any((x - a) ** 2 + (y - b) ** 2 <= RADIUS[group] ** 2 for a, b in stations) for stations in services
            )
            assert getattr(covered, group)[i] == near
    totals, grids, unreachable = tally(sites, covered, 3)
    assert totals["households"] == totals["covered"] + totals["beyond"] + sum(unreachable.values())
    assert (grids["households"] == grids["covered"] + grids["beyond"] + grids["unreachable"]).all()
    assert grids["households"].sum() == sites.households[sites.grid >= 0].sum()


@settings(deadline=None)
@given(places, places, places, st.floats(0, 500))
def test_more_stations_or_more_metres_never_lower_coverage(homes, stations, more, extra_m):
    sites = make_sites(homes)
    before = covered_within(sites, [stations], RADIUS)
    with_more = covered_within(sites, [np.vstack([stations, more])], RADIUS)
    farther = covered_within(sites, [stations], {group: radius + extra_m for group, radius in RADIUS.items()})
    for group in GROUPS:
        assert (getattr(with_more, group) >= getattr(before, group)).all()
        assert (getattr(farther, group) >= getattr(before, group)).all()


def test_distances_are_unknown_rather_than_large():
    assert np.isnan(nearest_by_air_m(STREET, np.zeros((0, 2)))).all()
    assert np.isnan(nearest_by_air_m(STREET, np.array([[0.0, 0.0]]))[-1])
