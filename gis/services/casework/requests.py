"""需求 and 呼声回应: what a household asks for, who can offer it, how it ended, and the public reply to a resident's request."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict, Fault, NotFound
from gis.models.vocabulary import SERVICES
from gis.services.casework.resources import suggested
from gis.services.features import check_version, page_of
from gis.services.snapshots import Snapshots
from gis.store.auditing import note

REPEAT_DAYS = 365
"""A need of the same kind within so many days before is shown as a repeat."""
_SAME = ("household", "service", "origin")
_SELECT = """
SELECT n.id, h.code AS household, g.code AS grid, n.service, n.note, n.origin, n.opened_on, n.closed_on, n.result, n.public_reply, n.replied_on,
       n.version, n.created_at, h.lon, h.lat,
       (SELECT count(*) FROM needs o WHERE o.household_id = n.household_id AND o.service = n.service AND o.id <> n.id
        AND o.opened_on BETWEEN n.opened_on - :days AND n.opened_on AND (o.opened_on, o.created_at, o.id) < (n.opened_on, n.created_at, n.id)) AS repeats
FROM needs n JOIN households h ON h.id = n.household_id LEFT JOIN grids g ON g.id = h.grid_id
"""
_LIST = f"""{_SELECT}
WHERE (CAST(:grid AS text) IS NULL OR g.code = :grid) AND (CAST(:service AS text) IS NULL OR n.service = :service)
  AND (NOT :open OR n.closed_on IS NULL) AND (NOT :closed OR n.closed_on IS NOT NULL)
  AND (CAST(:after AS date) IS NULL OR (n.opened_on, n.created_at, n.id) < (:after, :after_at, CAST(:after_id AS uuid)))
ORDER BY n.opened_on DESC, n.created_at DESC, n.id DESC LIMIT :limit
"""


def open_need(
    session: Session, snapshots: Snapshots, body: dict[str, Any], now: datetime
) -> tuple[dict[str, Any], bool]:
    """Open a need of a household.

    Args:
        session: a transaction of the account that opens it.
        snapshots: the caches.
        body: ``household``, ``service``, ``note``, ``origin`` (``worker`` or ``request``: the resident asked), ``id`` (of the caller's choice:
            the same need again finds what it made).
        now: the present moment, with the place's zone.

    Returns:
        The need with who can offer it, and whether it was made just now.

    Raises:
        NotFound, Conflict: no such household for this account; the id belongs to another need.
    """
    household = session.scalar(text("SELECT id FROM households WHERE code = :code"), {"code": body["household"]})
    if household is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    made = body.get("id") or uuid4()
    new = session.scalar(
        text(
            "INSERT INTO needs (id, household_id, service, note, origin, opened_on) VALUES (:id, :household, :service, :note, :origin, :on) "
            "ON CONFLICT (id) DO NOTHING RETURNING true"
        ),
        {
            "id": made,
            "household": household,
            "service": body["service"],
            "note": body.get("note"),
            "origin": body.get("origin") or "worker",
            "on": now.date(),
        },
    )
    row = _row(session, made)
    if (
        row is None
        or any(row[name] != body.get(name, "worker") for name in _SAME)
        or (row["version"] == 1 and row["note"] != body.get("note"))
    ):
        raise Conflict(
            "这个编号已用于另一需求 / this id belongs to another need",
            [Fault("body.id", "请换一个编号 / choose another id")],
        )
    if new:
        note(session, "need.open", f"household:{body['household']}", detail={"service": body["service"]})
    return _with_offers(session, snapshots, row, now), bool(new)


def get_need(session: Session, snapshots: Snapshots, identity: UUID, now: datetime) -> dict[str, Any]:
    """Return a need with who can offer it, as :func:`gis.services.casework.resources.suggested` has it.

    Raises:
        NotFound: there is none, or the account may not know of it.
    """
    row = _row(session, identity)
    if row is None:
        raise _missing()
    note(session, "household.read", f"household:{row['household']}", detail={"part": "need"})
    return _with_offers(session, snapshots, row, now)


def close_need(
    session: Session, snapshots: Snapshots, identity: UUID, body: dict[str, Any], version: int | None, now: datetime
) -> dict[str, Any]:
    """Close a need with its result; closed with the same result again, nothing changes.

    Args:
        session: a transaction of the account that closes it.
        snapshots: the caches.
        identity: the need.
        body: ``result`` and, for a resident's request, ``public_reply`` (names nobody).
        version: the version that the caller has read; None: whatever is stored.
        now: the present moment, with the place's zone.

    Raises:
        NotFound, Stale, Conflict: not visible; changed since; closed before with another result.
    """
    stored = session.execute(
        text("SELECT closed_on, result, version FROM needs WHERE id = :id FOR UPDATE"), {"id": identity}
    ).one_or_none()
    if stored is None:
        raise _missing()
    if stored.closed_on is None:
        if version is not None:
            check_version(stored.version, version)
        reply = body.get("public_reply")
        session.execute(
            text(
                "UPDATE needs SET closed_on = greatest(:on, opened_on), result = :result, public_reply = :reply, replied_on = :replied WHERE id = :id"
            ),
            {
                "id": identity,
                "on": now.date(),
                "result": body.get("result"),
                "reply": reply,
                "replied": now.date() if reply else None,
            },
        )
    elif body.get("result") is not None and body["result"] != stored.result:
        raise Conflict(f"该需求已于 {stored.closed_on} 办结 / this need was closed on {stored.closed_on}")
    row = _row(session, identity)
    assert row is not None
    if stored.closed_on is None:
        note(session, "need.close", f"household:{row['household']}", detail={"service": row["service"]})
    return _with_offers(session, snapshots, row, now)


def list_needs(
    session: Session, wanted: dict[str, Any], limit: int, after: tuple[date, datetime, UUID] | None
) -> dict[str, Any]:
    """Return a page of needs that the account may see, the newest first: ``items`` and ``next``.

    Args:
        session: a transaction of the account.
        wanted: ``grid``, ``service``, ``state`` (open, closed or None).
        limit: items of a page.
        after: day, moment of entry and id of the last need of the page before.
    """
    params = {
        "grid": wanted.get("grid"),
        "service": wanted.get("service"),
        "open": wanted.get("state") == "open",
        "closed": wanted.get("state") == "closed",
        "after": after[0] if after else None,
        "after_at": after[1] if after else None,
        "after_id": after[2] if after else None,
        "days": REPEAT_DAYS,
    }
    rows, more = page_of(session, _LIST, params, limit)
    note(session, "need.list", detail={"found": len(rows)})
    return {
        "items": [_shown(row) for row in rows],
        "next": f"{rows[-1]['opened_on'].isoformat()}~{rows[-1]['created_at'].isoformat()}~{rows[-1]['id']}"
        if more
        else None,
    }


def of_household(session: Session, household: str) -> list[dict[str, Any]]:
    """Return a household's needs, those that are open first, then the newest; its file was read, and the caller notes that."""
    rows = session.execute(
        text(
            f"{_SELECT} WHERE h.code = :household ORDER BY n.closed_on IS NOT NULL, n.opened_on DESC, n.created_at DESC, n.id"
        ),
        {"household": household, "days": REPEAT_DAYS},
    ).mappings()
    return [_shown(row) for row in rows]


def replies(session: Session, today: date, days: int) -> list[dict[str, Any]]:
    """呼声回应: Return what was publicly replied to residents' requests of late; nothing of who asked or where."""
    rows = session.execute(
        text("SELECT service, public_reply, replied_on FROM linli_public_replies(:since)"),
        {"since": today - timedelta(days=days)},
    ).mappings()
    return [{**row, "label": SERVICES.get(row["service"], row["service"])} for row in rows]


def _with_offers(session: Session, snapshots: Snapshots, row: Any, now: datetime) -> dict[str, Any]:
    shown = _shown(row)
    if row["closed_on"] is not None:
        return {**shown, "offers": []}
    return {
        **shown,
        "offers": suggested(session, snapshots, row["service"], row["grid"] or "", (row["lon"], row["lat"]), now),
    }


def _shown(row: Any) -> dict[str, Any]:
    values = {name: value for name, value in row.items() if name not in ("lon", "lat", "created_at")}
    return {
        **values,
        "label": SERVICES.get(row["service"], row["service"]),
        "state": "open" if row["closed_on"] is None else "closed",
    }


def _row(session: Session, identity: UUID) -> Any:
    return (
        session.execute(text(f"{_SELECT} WHERE n.id = :id"), {"id": identity, "days": REPEAT_DAYS})
        .mappings()
        .one_or_none()
    )


def _missing() -> NotFound:
    return NotFound("没有这个需求，或不在您的网格内 / no such need, or not in your grids")
