import math

import pytest

from gis.accessibility.policy import WalkPolicy, check_minutes, group_profiles

POLICY = WalkPolicy()


@pytest.mark.parametrize(
    ("minutes", "radius_m"),
    [(1, 60), (2.5, 150), (5, 300), (7.5, 400), (10, 500), (12.5, 750), (15, 1000), (30, 2000), (60, 4000)],
)
def test_radius_follows_the_table_and_the_lines_between(minutes, radius_m):
    assert POLICY.buffer_radius_m(minutes) == pytest.approx(radius_m)


def test_other_profiles_reach_as_far_as_their_speed_allows():
    assert POLICY.buffer_radius_m(15, "elder") == pytest.approx(1000 * 0.8 / 1.2)
    assert POLICY.buffer_radius_m(15, "wheelchair") == pytest.approx(1000 * 0.67 / 1.2)
    assert POLICY.buffer_radii_m(15, "own") == pytest.approx(
        {"households": 1000.0, "elders_60": 2000 / 3, "children_12": 1000.0}
    )


def test_walking_distance_is_speed_times_time():
    assert POLICY.walk_distance_m(15) == pytest.approx(1080)
    assert POLICY.walk_distance_m(10, "elder") == pytest.approx(480)
    assert POLICY.walk_distance_m(1, "wheelchair") == pytest.approx(40.2)


def test_each_group_walks_at_its_own_speed():
    assert group_profiles("own") == {"households": "adult", "elders_60": "elder", "children_12": "adult"}
    assert set(group_profiles("wheelchair").values()) == {"wheelchair"}


@pytest.mark.parametrize("minutes", [0, 0.99, 60.01, -5, math.nan, math.inf])
def test_minutes_outside_one_to_sixty_are_refused(minutes):
    with pytest.raises(ValueError, match="minutes must be from 1 to 60"):
        check_minutes(minutes)
    with pytest.raises(ValueError, match="分钟"):
        POLICY.buffer_radius_m(minutes)


def test_an_unknown_profile_is_named():
    for call in (group_profiles, POLICY.speed_mps, lambda p: POLICY.buffer_radius_m(5, p)):
        with pytest.raises(ValueError, match="no such profile: bicycle"):
            call("bicycle")


@pytest.mark.parametrize(
    ("figures", "named"),
    [
        ({"speeds_mps": {"adult": 1.2, "elder": 0, "wheelchair": 0.6}}, "speeds_mps.elder"),
        ({"speeds_mps": {"adult": 1.2}}, "speeds_mps.elder, speeds_mps.wheelchair"),
        ({"buffer_m": {}}, "buffer_m"),
        ({"buffer_m": {5: 300, 10: 200}}, "buffer_m"),
        ({"snap_cap_m": -1}, "snap_cap_m"),
        ({"snap_cap_m": 3000}, "network_reach_m < snap_cap_m"),
        ({"circle_margin_m": math.nan, "snap_cap_m": 0}, "snap_cap_m, circle_margin_m"),
    ],
)
def test_figures_that_make_no_sense_are_all_named(figures, named):
    with pytest.raises(ValueError, match=named):
        WalkPolicy(**figures)
