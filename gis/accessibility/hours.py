"""Opening hours in the OpenStreetMap notation: when a service is open, until when, and for which share of a week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]

from gis.clock import TIME_ZONE

_ALWAYS = "24/7"
_WEEK = timedelta(days=7)


def check_hours(text: str | None, zone: ZoneInfo = TIME_ZONE) -> str:
    """Check opening hours and return them without surrounding blanks.

    Args:
        text: such as ``Mo-Fr 09:00-17:00; Sa 09:00-12:00``; None or blank means always open.
        zone: the time zone of the place.

    Returns:
        The text as it is to be stored.

    Raises:
        ValueError: the text is not in the notation (https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification).
    """
    wanted = (text or "").strip() or _ALWAYS
    _parse(wanted, zone)
    return wanted


def is_open(hours: str | None, at: datetime | None, zone: ZoneInfo = TIME_ZONE) -> bool:
    """Say whether something is open; the first minute of an interval belongs to it, its end does not.

    Args:
        hours: opening hours; None or blank means always open.
        at: a moment with its zone, or None to leave the hours aside.
        zone: the time zone of the place, in which the hours are meant.

    Returns:
        Whether it is open then. Hours marked ``unknown`` count as closed: nobody should walk there in vain.

    Raises:
        ValueError: the hours are not in the notation, or the moment has no zone.
    """
    if at is None:
        return True
    return bool(_parse((hours or "").strip() or _ALWAYS, zone).is_open(_local(at, zone)))


def next_change(hours: str | None, at: datetime, zone: ZoneInfo = TIME_ZONE) -> datetime | None:
    """Return when something next opens or closes after ``at``, in the place's zone; None when it never does.

    Raises:
        ValueError: the hours are not in the notation, or the moment has no zone.
    """
    parsed = _parse((hours or "").strip() or _ALWAYS, zone)
    local = _local(at, zone)
    was_open = parsed.is_open(local)
    # A change between closed and unknown is none for a visitor, so look on until the door moves.
    for start, _, _, _ in parsed.intervals(local):
        if start > local and parsed.is_open(start) != was_open:
            return _aware(start, zone)
        if start > local + timedelta(days=400):
            return None
    return None


def week_pattern(
    hours: Sequence[str | None], at: datetime, zone: ZoneInfo = TIME_ZONE
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the week of ``at`` into the different states of many opening hours.

    Args:
        hours: opening hours of k services.
        at: any moment of the week (Monday to Sunday in the place's zone), with its zone.
        zone: the time zone of the place.

    Returns:
        Shares of the week, float64 (m,), summing to 1, and which of the k are open in each, bool (m, k). Moments with the
        same set of open doors are one state, so m is small however many services there are.

    Raises:
        ValueError: some hours are not in the notation, or the moment has no zone.
    """
    local = _local(at, zone)
    monday = datetime.combine(local.date() - timedelta(days=local.weekday()), time(0), tzinfo=zone)
    texts = [(text or "").strip() or _ALWAYS for text in hours]
    distinct = sorted(set(texts))
    spans = [_open_spans_s(text, monday, zone) for text in distinct]
    week_s = _WEEK.total_seconds()
    ends = np.array([moment for span in spans for pair in span for moment in pair])
    bounds = np.unique(np.concatenate([[0.0, week_s], ends]))
    middles = (bounds[:-1] + bounds[1:]) / 2.0
    states = np.zeros((len(middles), len(distinct)), dtype=bool)
    for column, span in enumerate(spans):
        for start, end in span:
            states[:, column] |= (middles > start) & (middles < end)
    shares = np.diff(bounds) / week_s
    kinds, kind_of = np.unique(states, axis=0, return_inverse=True)
    place = {text: column for column, text in enumerate(distinct)}
    columns = np.array([place[text] for text in texts], dtype=np.intp)
    return np.bincount(kind_of.ravel(), weights=shares, minlength=len(kinds)), kinds[:, columns]


def _open_spans_s(text: str, monday: datetime, zone: ZoneInfo) -> list[tuple[float, float]]:
    """Seconds after ``monday`` between which the hours are open, within one week."""
    parsed = _parse(text, zone)
    spans = []
    for start, end, state, _ in parsed.intervals(monday, monday + _WEEK):
        if str(state) == "open":
            begin_s = max(0.0, (_aware(start, zone) - monday).total_seconds())
            # An open-ended interval has no end: it outlasts the week.
            end_s = _WEEK.total_seconds() if end is None else (_aware(end, zone) - monday).total_seconds()
            spans.append((begin_s, min(end_s, _WEEK.total_seconds())))
    return spans


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError(f"时刻须带时区：{at.isoformat()} / the moment must have a time zone: {at.isoformat()}")
    return at.astimezone(zone)


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


@lru_cache(maxsize=4096)
def _parse(text: str, zone: ZoneInfo) -> OpeningHours:
    try:
        # The country is given, never guessed from coordinates: PH means the public holidays of China.
        return OpeningHours(text, timezone=zone, country="CN", auto_country=False, auto_timezone=False)
    except ParserError as error:
        example = "Mo-Fr 09:00-17:00; Sa 09:00-12:00"
        raise ValueError(
            f"营业时间写法有误：{text}，例如 {example} / opening hours not understood: {text}, write e.g. {example}"
        ) from error
