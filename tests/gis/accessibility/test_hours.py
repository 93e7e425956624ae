from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.accessibility.hours import check_hours, is_open, next_change, week_pattern

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEKDAYS = "Mo-Fr 09:00-17:00"


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_good_hours_come_back_trimmed():
    assert check_hours("  Mo-Fr 11:00-13:00; Sa 09:00-12:00 ") == "Mo-Fr 11:00-13:00; Sa 09:00-12:00"
    assert check_hours(None) == check_hours("  ") == "24/7"


@pytest.mark.parametrize("text", ["周一至周五", "9-17", "Mo-Fr 25:00-26:00", "Mo-Fr 09:00-17:00; x", "<script>"])
def test_bad_hours_are_refused_with_an_example(text):
    with pytest.raises(ValueError, match="Mo-Fr 09:00-17:00; Sa 09:00-12:00"):
        check_hours(text)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02 08:59", False),  # a Monday
        ("2026-03-02 09:00", True),
        ("2026-03-02 16:59:59", True),
        ("2026-03-02 17:00", False),
        ("2026-03-07 10:00", False),
    ],
)
def test_the_first_minute_belongs_and_the_end_does_not(at, expected):
    assert is_open(WEEKDAYS, moment(at)) is expected


def test_the_moment_is_turned_into_the_places_time():
    assert is_open(WEEKDAYS, datetime(2026, 3, 2, 1, 0, tzinfo=UTC))  # 09:00 in Shanghai
    assert not is_open(WEEKDAYS, datetime(2026, 3, 2, 9, 0, tzinfo=UTC))  # 17:00 in Shanghai


def test_without_hours_or_without_a_moment_it_is_open():
    assert is_open(None, moment("2026-03-01 03:00"))
    assert is_open("", moment("2026-03-01 03:00"))
    assert is_open("closed", None)


def test_over_midnight_and_unknown():
    assert is_open("Fr 18:00-02:00", moment("2026-03-07 01:30"))
    assert not is_open("Mo-Fr 09:00-17:00 unknown", moment("2026-03-02 10:00"))


def test_a_moment_without_zone_is_refused():
    for call in (is_open, next_change, lambda hours, at: week_pattern([hours], at)):
        with pytest.raises(ValueError, match="must have a time zone"):
            call(WEEKDAYS, datetime(2026, 3, 2, 9, 0))


def test_next_change():
    assert next_change(WEEKDAYS, moment("2026-03-02 10:00")) == moment("2026-03-02 17:00")
    assert next_change(WEEKDAYS, moment("2026-03-02 09:00")) == moment("2026-03-02 17:00")
    assert next_change(WEEKDAYS, moment("2026-03-06 17:00")) == moment("2026-03-09 09:00")
    assert next_change(WEEKDAYS, datetime(2026, 3, 2, 2, 0, tzinfo=UTC)) == moment("2026-03-02 17:00")
    assert next_change("24/7", moment("2026-03-02 10:00")) is None
    assert next_change("closed", moment("2026-03-02 10:00")) is None
    assert next_change("Mo 09:00-10:00 unknown, Tu 09:00-10:00", moment("2026-03-02 08:00")) == moment(
        "2026-03-03 09:00"
    )


@pytest.mark.parametrize(
    ("hours", "open_h"),
    [
        ("24/7", 168),
        (None, 168),
        ("closed", 0),
        (WEEKDAYS, 40),
        ("Su 22:00-02:00", 4),
        ("Mo-Fr 11:00-13:00; Sa 09:00-12:00", 13),
    ],
)
def test_share_of_the_week(hours, open_h):
    shares, is_open_then = week_pattern([hours], moment("2026-03-04 12:00"))
    assert shares[is_open_then[:, 0]].sum() == pytest.approx(open_h / 168)


def test_the_pattern_of_a_week_by_hand():
    shares, is_open_then = week_pattern(
        ["Mo 08:00-12:00", "Mo 10:00-14:00", "24/7", "Mo 08:00-12:00"], moment("2026-03-04 12:00")
    )
    by_state = {tuple(state): share * 168 for state, share in zip(is_open_then.tolist(), shares, strict=True)}
    assert by_state == pytest.approx(
        {
            (True, False, True, True): 2,
            (True, True, True, True): 2,
            (False, True, True, False): 2,
            (False, False, True, False): 162,
        }
    )


def test_the_pattern_of_nothing_is_one_state():
    shares, is_open_then = week_pattern([], moment("2026-03-04 12:00"))
    assert shares.tolist() == [1.0]
    assert is_open_then.shape == (1, 0)


HOURS = st.builds(
    lambda day, start, length: f"{day} {start:02d}:00-{start + length:02d}:30",
    st.sampled_from(["Mo", "Mo-We", "Sa,Su", "Mo-Su", "Su"]),
    st.integers(0, 20),
    st.integers(1, 5),
)


@settings(deadline=None)
@given(st.lists(HOURS, min_size=1, max_size=4))
def test_the_pattern_agrees_with_asking_every_half_hour(hours):
    monday = moment("2026-03-02 00:00")
    shares, is_open_then = week_pattern(hours, monday + timedelta(days=2))
    halves = [monday + timedelta(minutes=30 * n) for n in range(336)]
    asked = np.array([[is_open(text, at) for text in hours] for at in halves])
    kinds, counts = np.unique(asked, axis=0, return_counts=True)
    assert shares.sum() == pytest.approx(1)
    assert dict(zip(map(tuple, is_open_then.tolist()), shares * 336, strict=True)) == pytest.approx(
        dict(zip(map(tuple, kinds.tolist()), counts, strict=True))
    )
