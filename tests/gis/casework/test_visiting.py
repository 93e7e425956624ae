"""The order of a round: every stop once, never longer than it was, and the shortest where all orders can be tried."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gis.casework.visiting import INTERVALS_DAYS, length_m, round_order

PLACES = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=30)


def apart_m(places: list[tuple[int, int]]) -> np.ndarray:
    here = np.array(places, dtype=float)
    return np.hypot(*(here[:, None] - here[None, :]).transpose(2, 0, 1))


@given(places=PLACES)
def test_every_stop_once_and_no_exchange_left_that_shortens(places: list[tuple[int, int]]) -> None:
    distance_m = apart_m(places)
    order = round_order(distance_m, 0)
    assert sorted(order) == list(range(len(places))) and order[0] == 0
    here = length_m(order, distance_m)
    for i in range(1, len(order)):
        for j in range(i + 1, len(order)):
            turned = order[:i] + order[i : j + 1][::-1] + order[j + 1 :]
            assert length_m(turned, distance_m) >= here - 1e-6


@given(places=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=6))
def test_close_to_the_shortest_of_all(places: list[tuple[int, int]]) -> None:
    distance_m = apart_m(places)
    best = min(length_m(list(order), distance_m) for order in permutations(range(len(places))))
    assert length_m(round_order(distance_m), distance_m) <= 1.25 * best + 1e-9


def test_a_street_is_walked_from_end_to_end() -> None:
    distance_m = apart_m([(0, 0), (300, 0), (100, 0), (400, 0), (200, 0)])
    assert round_order(distance_m, 0) == [0, 2, 4, 1, 3]
    assert length_m(round_order(distance_m), distance_m) == 400


def test_where_there_is_no_way_comes_last() -> None:
    distance_m = apart_m([(0, 0), (10, 0), (500, 0), (20, 0)])
    distance_m[1, :] = distance_m[:, 1] = np.nan
    distance_m[1, 1] = 0
    assert round_order(distance_m, 0)[-1] == 1
    assert round_order(np.zeros((0, 0))) == []


def test_red_is_visited_most_often() -> None:
    assert INTERVALS_DAYS["red"] < INTERVALS_DAYS["yellow"] < INTERVALS_DAYS["green"]
