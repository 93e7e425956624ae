"""三色: a household's colour with what it stands on. A colour is profiling: why, confirmed by whom and until when are kept with it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound
from gis.services.features import Filter, area_prefix, check_version, page_of, refuse_unknown_area
from gis.store.auditing import note

HOLDS_DAYS = 182
"""For how long a colour holds where nothing else is said; the trigger of migration 0003 says the same."""
LONGEST_DAYS = 366
"""For how long one may hold at most before it is looked at again."""

_STATE = """CASE WHEN h.colour IS NULL THEN 'none' WHEN h.colour_confirmed_at IS NULL THEN 'unconfirmed'
     WHEN h.colour_expires_on < :today THEN 'expired' WHEN h.colour_reason IS NULL THEN 'without_reason' ELSE 'in_force' END"""
_ONE = f"""
SELECT h.id, h.code AS household, h.colour, h.colour_reason AS reason, h.colour_confirmed_by AS confirmed_by,
       h.colour_confirmed_at AS confirmed_at, h.colour_expires_on AS expires_on, {_STATE} AS state, h.version
FROM households h WHERE h.code = :code
"""
_REVIEW = f"""
SELECT h.code, b.code AS building, b.name AS building_name, h.unit, h.room, g.code AS grid, h.colour,
       h.colour_expires_on AS expires_on, {_STATE} AS state
FROM households h LEFT JOIN buildings b ON b.id = h.building_id LEFT JOIN grids g ON g.id = h.grid_id
WHERE h.code > :after AND (:prefix = '' OR starts_with(g.code, :prefix)) AND h.colour IS NOT NULL
  AND (h.colour_confirmed_at IS NULL OR h.colour_expires_on < :today OR h.colour_reason IS NULL)
ORDER BY h.code LIMIT :limit
"""


def get_colour(session: Session, household: str, today: date) -> dict[str, Any]:
    """Return a household's colour and what it stands on.

    Its ``state`` is ``none``, ``unconfirmed`` (brought by a file), ``expired``, ``without_reason`` or ``in_force``.

    Raises:
        NotFound: not visible.
    """
    return {key: value for key, value in _row(session, household, today).items() if key != "id"}


def set_colour(
    session: Session,
    household: str,
    colour: str | None,
    reason: str | None,
    expires_on: date | None,
    version: int,
    today: date,
) -> dict[str, Any]:
    """Confirm a household's colour, the same as before or another, or take it away (None).

    Args:
        session: a transaction of the account that confirms.
        household: code.
        colour: red, yellow, green or None.
        reason: why; needed for a colour.
        expires_on: the last day on which it holds, at most a year from today; half a year where absent.
        version: of the household, as it was read.
        today: the place's date.

    Raises:
        NotFound, Stale, Invalid: not visible; changed since it was read; no reason, or a day that is past or too far.
    """
    row = _row(session, household, today, lock=True)
    check_version(row["version"], version)
    faults = []
    if colour is not None and not reason:
        faults.append(Fault("body.reason", "定色须说明理由 / a colour needs a reason"))
    last = expires_on or today + timedelta(days=HOLDS_DAYS)
    if not today <= last <= today + timedelta(days=LONGEST_DAYS):
        faults.append(Fault("body.expires_on", "应为今天起一年之内 / expected a day within a year from today"))
    if faults:
        raise Invalid("三色信息有误 / the colour has faults", faults)
    session.execute(
        text(
            "UPDATE households SET colour = :colour, colour_reason = :reason, colour_expires_on = :last, "
            "colour_confirmed_by = CASE WHEN :given THEN linli_actor() END, "
            "colour_confirmed_at = CASE WHEN :given THEN clock_timestamp() END WHERE id = :id"
        ),
        {
            "colour": colour,
            "given": colour is not None,
            "reason": reason if colour is not None else None,
            "last": last if colour is not None else None,
            "id": row["id"],
        },
    )
    note(session, "household.colour", f"household:{household}")
    return get_colour(session, household, today)


def to_review(session: Session, wanted: Filter, today: date) -> dict[str, Any]:
    """Return a page of the households whose colour nobody has confirmed, has no reason, or has expired."""
    params = {"prefix": area_prefix(wanted.area), "after": wanted.cursor or "", "today": today}
    rows, more = page_of(session, _REVIEW, params, wanted.limit)
    if not rows:
        refuse_unknown_area(session, wanted.area)
    return {"items": [dict(row) for row in rows], "next": rows[-1]["code"] if more else None}


def _row(session: Session, household: str, today: date, *, lock: bool = False) -> dict[str, Any]:
    found = session.execute(
        text(_ONE + (" FOR UPDATE" if lock else "")), {"code": household, "today": today}
    ).mappings()
    row = found.one_or_none()
    if row is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    return dict(row)
