"""Working time: which days and hours count towards a time limit, by a calendar file of days off and make-up workdays.

The calendar comes with the program for the years that the State Council has announced (calendar.csv names its source) and may be replaced
by a place's own file of the same form. In a year of which the file says nothing, Saturdays and Sundays are off and no other day is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from gis.errors import Fault, Invalid

CALENDAR = Path(__file__).with_name("calendar.csv")
_COLUMNS = ["from", "to", "kind", "name"]
_LONGEST_DAYS = 400
_FURTHEST_DAYS = 3660


@dataclass(frozen=True)
class WorkCalendar:
    """Days that differ from their weekday, and the hours of a working day in the place's own time."""

    off: frozenset[date] = frozenset()
    work: frozenset[date] = frozenset()
    hours: tuple[tuple[time, time], ...] = ((time(9), time(12)), (time(13), time(18)))

    def is_workday(self, day: date) -> bool:
        """Tell whether people are at work on a day."""
        return day in self.work or (day.weekday() < 5 and day not in self.off)

    @property
    def day_minutes(self) -> float:
        """Return the working minutes of a working day."""
        return sum(_minutes(begin, end) for begin, end in self.hours)

    def add(self, start: datetime, minutes: float) -> datetime:
        """Return the moment at which so many working minutes after ``start`` have passed.

        Args:
            start: with zone; its own zone's clock is the place's.
            minutes: 0 or more; outside working time the count begins when work does.
        """
        left = minutes
        for begin, end in self._spans(start):
            here = (end - begin) / timedelta(minutes=1)
            if left <= here:
                return begin + timedelta(minutes=left)
            left -= here
        raise Invalid(
            f"工作日历里十年内都没有足够的工作时间 / no {minutes:g} working minutes within ten years of {start:%Y-%m-%d}"
        )

    def between(self, start: datetime, end: datetime) -> float:
        """Return the working minutes from one moment to a later one; 0 where ``end`` is not later."""
        total = 0.0
        for begin, finish in self._spans(start):
            if begin >= end:
                break
            total += (min(finish, end) - begin) / timedelta(minutes=1)
        return total

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Give the stretches of working time from ``start`` on, the first cut at ``start``."""
        for ahead in range(_FURTHEST_DAYS):
            day = start.date() + timedelta(days=ahead)
            if not self.is_workday(day):
                continue
            for opens, closes in self.hours:
                begin = datetime.combine(day, opens, start.tzinfo)
                end = datetime.combine(day, closes, start.tzinfo)
                if end > start:
                    yield max(begin, start), end


def read_calendar(path: Path = CALENDAR) -> WorkCalendar:
    """Return the calendar of a file.

    Args:
        path: UTF-8 CSV with the columns from, to (both days included), kind (off or work), name; lines that begin with # are remarks.

    Raises:
        Invalid: naming file, line and column.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            f"读不到工作日历 {path}（需要 UTF-8）/ cannot read the calendar {path} (UTF-8 is needed): {error}"
        ) from error
    days: dict[str, set[date]] = {"off": set(), "work": set()}
    faults: list[Fault] = []
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    if not numbered or next(csv.reader([numbered[0][1]])) != _COLUMNS:
        raise Invalid(
            f"{path.name} 的首行应为 {','.join(_COLUMNS)} / the heading of {path.name} must be {','.join(_COLUMNS)}"
        )
    for number, line in numbered[1:]:
        _read_line(f"{path.name}:{number}", next(csv.reader([line])), days, faults)
    both = days["off"] & days["work"]
    faults += [Fault(path.name, f"{day} 既放假又上班 / {day} is both off and work") for day in sorted(both)]
    if faults:
        raise Invalid(f"工作日历有误：{faults[0].where}：{faults[0].message} / the calendar has faults", faults)
    return WorkCalendar(frozenset(days["off"]), frozenset(days["work"]))


def _read_line(where: str, cells: list[str], days: dict[str, set[date]], faults: list[Fault]) -> None:
    if len(cells) != len(_COLUMNS):
        faults.append(
            Fault(
                where,
                f"应有 {len(_COLUMNS)} 列，得到 {len(cells)} 列 / expected {len(_COLUMNS)} columns, got {len(cells)}",
            )
        )
        return
    first, last, kind, _ = (cell.strip() for cell in cells)
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        faults.append(Fault(f"{where} from,to", "日期应为 YYYY-MM-DD / days are written YYYY-MM-DD"))
        return
    if not begin <= end <= begin + timedelta(days=_LONGEST_DAYS):
        faults.append(
            Fault(
                f"{where} to",
                "to 应不早于 from，且不超过一年 / `to` must not be before `from`, nor more than a year later",
            )
        )
    elif kind not in days:
        faults.append(Fault(f"{where} kind", "应为 off（放假）或 work（上班）/ must be off or work"))
    else:
        days[kind].update(_each(begin, end))


def _each(begin: date, end: date) -> Iterable[date]:
    return (begin + timedelta(days=n) for n in range((end - begin).days + 1))


def _minutes(begin: time, end: time) -> float:
    return (end.hour - begin.hour) * 60 + end.minute - begin.minute
