"""Classes by hand, and what holds for any values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maps.classify import SCHEMES, classify, classify_together


def numbered(*values: float | None) -> dict[str, float | None]:
    return {str(i): value for i, value in enumerate(values)}


def test_quantiles_hold_equal_numbers() -> None:
    found = classify(numbered(*range(1, 11)), "quantiles", 5)
    assert found.counts == [2, 2, 2, 2, 2]
    assert found.breaks[0] == 1 and found.breaks[-1] == 10 and len(found.colours) == 5


def test_equal_intervals_have_equal_widths_even_where_nothing_lies() -> None:
    found = classify(numbered(0, 1, 2, 100), "equal", 4)
    assert found.breaks == [0, 25, 50, 75, 100]
    assert found.counts == [3, 0, 0, 1]


def test_natural_breaks_part_what_is_apart() -> None:
    found = classify(numbered(1, 2, 3, 50, 51, 52, 200, 201), "natural", 3)
    assert found.breaks == [1, 3, 52, 201]
    assert found.counts == [3, 3, 2]


def test_no_data_is_not_zero() -> None:
    found = classify(numbered(0, 0, None, math.nan, 8), "quantiles", 4)
    assert found.no_data == 2 and sum(found.counts) == 3
    assert found.breaks == [0, 0, 8] and found.counts == [2, 1]


def test_nothing_known_gives_no_classes() -> None:
    found = classify(numbered(None, None))
    assert (found.breaks, found.colours, found.counts, found.no_data) == ([], [], [], 2)


def test_one_value_is_one_class() -> None:
    for scheme in SCHEMES:
        found = classify(numbered(7, 7, 7), scheme, 5)
        assert found.breaks == [7, 7] and found.counts == [3] and len(found.colours) == 1


def test_thousands_of_values_have_natural_breaks_at_once_and_the_same_each_time() -> None:
    values = numbered(*np.random.default_rng(1).lognormal(3, 1, 4000).round(2).tolist())
    first = classify(values, "natural", 5)
    assert first == classify(values, "natural", 5)
    assert len(first.counts) == 5 and sum(first.counts) == 4000


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("k", [3, 5, 9])
def test_classes_of_whole_numbers_have_whole_limits(scheme: str, k: int) -> None:
    counts = np.random.default_rng(7).negative_binomial(2, 0.04, 67).astype(float)
    found = classify(numbered(*counts.tolist()), scheme, k)
    assert all(edge == int(edge) for edge in found.breaks)
    assert len(found.counts) == k and sum(found.counts) == 67


def test_limits_of_fractions_can_be_read() -> None:
    shares = (np.random.default_rng(3).random(200) * 100).round(2)
    for scheme in SCHEMES:
        assert all(round(edge, 1) == edge for edge in classify(numbered(*shares.tolist()), scheme, 5).breaks[1:-1])


def test_maps_side_by_side_share_classes() -> None:
    left, right = numbered(1, 2, 3, None), numbered(30, 40, 50, 60)
    low, high = classify_together([left, right], "equal", 3)
    assert low.breaks == high.breaks and low.colours == high.colours
    assert (low.breaks[0], low.breaks[-1]) == (1, 60)
    assert (low.counts, high.counts) == ([3, 0, 0], [0, 2, 2])
    assert (low.no_data, high.no_data) == (1, 0)


@pytest.mark.parametrize(("scheme", "k"), [("jenks", 5), ("equal", 1), ("equal", 10)])
def test_what_cannot_be_is_refused(scheme: str, k: int) -> None:
    with pytest.raises(ValueError, match="/"):
        classify(numbered(1, 2), scheme, k)


@given(
    values=st.lists(st.one_of(st.none(), st.integers(0, 40).map(float), st.floats(0, 1e6)), max_size=60),
    scheme=st.sampled_from(SCHEMES),
    k=st.integers(2, 9),
)
def test_every_known_value_is_in_exactly_one_class(values: list[float | None], scheme: str, k: int) -> None:
    found = classify(numbered(*values), scheme, k)
    known = [value for value in values if value is not None]
    assert found.no_data + len(known) == len(values) and sum(found.counts) == len(known)
    assert len(found.colours) == len(found.counts) == max(0, len(found.breaks) - 1) <= k
    if known:
        assert found.breaks[0] == min(known) and found.breaks[-1] == max(known)
        assert all(low < high for low, high in zip(found.breaks[1:], found.breaks[2:], strict=False))
        recount = [0] * len(found.counts)
        for value in known:  # the rule that the pages' script follows
            recount[next(i for i in range(len(recount)) if value <= found.breaks[i + 1])] += 1
        assert recount == found.counts
