"""Working time against a slow count of single minutes, and the calendar file with its faults."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.casework.worktime import CALENDAR, WorkCalendar, read_calendar
from gis.errors import Invalid

ZONE = ZoneInfo("Asia/Shanghai")
SHIPPED = read_calendar()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-20 10:00", 60, "2026-11-20 11:00"),
        ("2026-11-20 11:30", 60, "2026-11-20 13:30"),  # over lunch
        ("2026-11-20 17:30", 60, "2026-11-23 09:30"),  # over a weekend
        ("2026-11-21 12:00", 30, "2026-11-23 09:30"),  # begun on a Saturday
        ("2026-09-30 17:00", 120, "2026-10-08 10:00"),  # over the National Day holiday
        ("2026-10-09 17:00", 120, "2026-10-10 10:00"),  # into a make-up Saturday
        ("2026-02-14 17:00", 60, "2026-02-14 18:00"),  # a Saturday at work before the Spring Festival
        ("2026-02-14 18:00", 1, "2026-02-24 09:01"),
        ("2026-11-20 12:30", 0, "2026-11-20 13:00"),
    ],
)
def test_on_paper(start: str, minutes: float, end: str) -> None:
    assert SHIPPED.add(at(start), minutes) == at(end)


def slow_between(calendar: WorkCalendar, start: datetime, end: datetime) -> int:
    """Count minute by minute."""
    total, moment = 0, start
    while moment < end:
        if calendar.is_workday(moment.date()) and any(a <= moment.time() < b for a, b in calendar.hours):
            total += 1
        moment += timedelta(minutes=1)
    return total


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(ZONE)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)


@given(start=MOMENTS, length_min=st.integers(0, 60 * 24 * 12))
def test_between_equals_a_count_of_minutes(start: datetime, length_min: int) -> None:
    end = start + timedelta(minutes=length_min)
    assert SHIPPED.between(start, end) == slow_between(SHIPPED, start, end)


@given(start=MOMENTS, minutes=st.integers(1, 5000))
def test_add_and_between_agree(start: datetime, minutes: int) -> None:
    end = SHIPPED.add(start, minutes)
    assert SHIPPED.between(start, end) == minutes
    assert SHIPPED.between(start, end - timedelta(minutes=1)) == minutes - 1


def test_the_shipped_calendar_is_the_state_councils() -> None:
    off_2026 = sorted(day for day in SHIPPED.off if day.year == 2026)
    assert len(off_2026) == 3 + 9 + 3 + 5 + 3 + 3 + 7
    assert sum(day.year == 2026 for day in SHIPPED.work) == 6
    assert all(day.weekday() >= 5 for day in SHIPPED.work)
    assert {day.year for day in SHIPPED.off | SHIPPED.work} == {2025, 2026}
    assert SHIPPED.is_workday(date(2030, 1, 1))


def test_no_day_at_work_ends_in_an_error_and_not_in_a_loop() -> None:
    never = WorkCalendar(hours=())
    with pytest.raises(Invalid):
        never.add(at("2026-11-20 10:00"), 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("day,kind\n", "首行"),
        ("from,to,kind,name\n2026-13-01,2026-01-02,off,x\n", "days.csv:2 from,to"),
        ("from,to,kind,name\n2026-01-03,2026-01-02,off,x\n", "days.csv:2 to"),
        ("from,to,kind,name\n2026-01-01,2026-01-02,maybe,x\n", "days.csv:2 kind"),
        ("from,to,kind,name\n2026-01-01,2026-01-02,off\n", "days.csv:2"),
        ("from,to,kind,name\n2026-01-01,2026-01-02,off,x\n2026-01-02,2026-01-02,work,x\n", "2026-01-02"),
        ("", "首行"),
    ],
)
def test_a_wrong_calendar_names_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "days.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=said):
        read_calendar(path)


def test_an_unreadable_calendar_is_named(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_bytes("from,to,kind,name\n2026-01-01,2026-01-01,off,元旦\n".encode("gb18030"))
    with pytest.raises(Invalid, match=r"days\.csv"):
        read_calendar(path)
    with pytest.raises(Invalid, match=r"missing\.csv"):
        read_calendar(tmp_path / "missing.csv")
    assert CALENDAR.is_file()
