"""一户一码: the code on a household's door. It is random, revocable, and carries nothing; only row security says to whom it opens."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict, NotFound
from gis.services.chiefs import own_building
from gis.store.auditing import note

_CODE = re.compile(r"[A-Z2-7]{26}")
_INSERT = text("INSERT INTO door_codes (household_id, code) VALUES (:household, :code) RETURNING issued_at")
_REVOKE = text(
    "UPDATE door_codes SET revoked_at = now() WHERE household_id = :household AND revoked_at IS NULL RETURNING id"
)


@dataclass(frozen=True)
class Door:
    """What a sheet shows of a door, so that the code comes to the right one: its address, and no name."""

    code: str
    compound: str | None
    building: str
    unit: str | None
    room: str | None
    household: str
    """Its opaque code, to know the card by where no room is known."""


def new_code() -> str:
    """Return 128 random bits in base32 (RFC 4648, without padding): 26 letters and digits that nobody mixes up."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")


def issue(session: Session, household: str) -> dict[str, Any]:
    """Give a household a new code; the one before opens nothing from now on.

    Raises:
        NotFound: not visible.
    """
    household_id = _household(session, household)
    session.execute(_REVOKE, {"household": household_id})
    code = new_code()
    issued: datetime = session.execute(_INSERT, {"household": household_id, "code": code}).scalar_one()
    note(session, "door_code.issue", f"household:{household}")
    return {"household": household, "code": code, "issued_at": issued}


def revoke(session: Session, household: str) -> None:
    """Take back a household's code.

    Raises:
        NotFound: not visible, or it has no code.
    """
    household_id = _household(session, household)
    if session.execute(_REVOKE, {"household": household_id}).first() is None:
        raise NotFound("这一户没有门牌码 / this household has no code")
    note(session, "door_code.revoke", f"household:{household}")


def in_force_since(session: Session, household: str) -> datetime | None:
    """Return since when the household has the code that it has; None without one, or where the account may not know."""
    since: datetime | None = session.scalar(
        text(
            "SELECT d.issued_at FROM door_codes d JOIN households h ON h.id = d.household_id WHERE h.code = :code AND d.revoked_at IS NULL"
        ),
        {"code": household},
    )
    return since


def issue_missing(session: Session, building: str) -> dict[str, int]:
    """Give a code to every household of a building that has none; return how many were ``issued`` and how many are ``in_force``.

    Raises:
        NotFound: the building is not in the account's grids.
    """
    building_id = own_building(session, building)
    missing = session.scalars(
        text(
            "SELECT h.id FROM households h WHERE h.building_id = :building AND NOT EXISTS "
            "(SELECT 1 FROM door_codes d WHERE d.household_id = h.id AND d.revoked_at IS NULL) ORDER BY h.id FOR UPDATE OF h"
        ),
        {"building": building_id},
    ).all()
    if missing:
        session.execute(
            text("INSERT INTO door_codes (household_id, code) VALUES (:household, :code)"),
            [{"household": household, "code": new_code()} for household in missing],
        )
    note(session, "door_code.issue", f"building:{building}", detail={"issued": len(missing)})
    return {"issued": len(missing), "in_force": len(_doors(session, building_id))}


def sheet(session: Session, building: str) -> list[Door]:
    """Return the doors of a building that have a code, in the order of units and rooms.

    Raises:
        NotFound, Conflict: the building is not in the account's grids; no code has been issued.
    """
    found = _doors(session, own_building(session, building))
    if not found:
        raise Conflict("这个楼栋还没有门牌码，请先发放 / no codes have been issued in this building: issue them first")
    note(session, "door_code.print", f"building:{building}", detail={"codes": len(found)})
    return found


def open_door(session: Session, given: str) -> str | None:
    """Return the household whose door has this code; None where there is none, it was revoked, or the account may not know of it.

    The three cannot be told apart: one query under row security answers them all.
    """
    code = given.strip().upper()
    if _CODE.fullmatch(code) is None:
        return None
    household: str | None = session.scalar(
        text(
            "SELECT h.code FROM door_codes d JOIN households h ON h.id = d.household_id WHERE d.code = :code AND d.revoked_at IS NULL"
        ),
        {"code": code},
    )
    return household


def _doors(session: Session, building_id: int) -> list[Door]:
    rows = session.execute(
        text(
            "SELECT d.code, c.name AS compound, coalesce(b.name, b.code) AS building, h.unit, h.room, h.code FROM door_codes d "
            "JOIN households h ON h.id = d.household_id JOIN buildings b ON b.id = h.building_id "
            "LEFT JOIN compounds c ON c.id = b.compound_id WHERE b.id = :building AND d.revoked_at IS NULL "
            "ORDER BY length(h.unit), h.unit, length(h.room), h.room, h.id"
        ),
        {"building": building_id},
    )
    return [Door(*row) for row in rows]


def _household(session: Session, code: str) -> int:
    found = session.scalar(text("SELECT id FROM households WHERE code = :code FOR UPDATE"), {"code": code})
    if found is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    return int(found)
