"""迁入、迁出、区内迁移: nothing is deleted by moving; where somebody lived before is kept with its days."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.intake.kinds.residents import person_key
from gis.models.vocabulary import CARE_FLAGS
from gis.services.chiefs import own_building, own_grids_only
from gis.services.features import check_version
from gis.store.assigning import assign
from gis.store.auditing import note
from gis.store.locking import hold_grids
from gis.store.vault import vault_of

_MOST_ALIKE = 50
_RESIDENT = text(
    "SELECT r.id, r.household_id, h.code AS household, r.moved_in_on, r.moved_out_on, r.version "
    "FROM residents r JOIN households h ON h.id = r.household_id WHERE r.id = :id FOR UPDATE OF r"
)
_ARRIVE = text("UPDATE residents SET household_id = :household, moved_in_on = :on, moved_out_on = NULL WHERE id = :id")


def move_in(session: Session, household: str, body: dict[str, Any], today: date) -> tuple[dict[str, Any], bool]:
    """Enter that somebody moves into a household: a new person, or one who is on file and has moved out (``resident``).

    Args:
        session: a transaction of the account that enters.
        household: code.
        body: ``on`` (the first day, today where absent) and ``resident``, or ``birth_date`` or ``birth_year`` with ``name``, ``sex``,
            ``phone``, ``id_number`` and ``care_flags``; with ``entry``, a number of the caller's own choice, the same entry sent again finds
            whom it has made.
        today: the place's date.

    Returns:
        Where the person lives, and whether that was entered just now.

    Raises:
        NotFound, Invalid, Conflict: household or resident not visible; a field is wrong; the resident lives in a household.
    """
    household_id = _household(session, household)["id"]
    first = _day(body.get("on"), today)
    if body.get("resident") is not None:
        extra = sorted(key for key, value in body.items() if key not in ("on", "resident", "entry") and value)
        if extra:
            message = (
                "已在册居民只需编号；其他信息请在档案中修改 / give the number alone; the rest is corrected in the file"
            )
            raise Invalid(message, [Fault(f"body.{key}", message) for key in extra])
        person = _resident(session, body["resident"])
        if person["moved_out_on"] is None:
            raise Conflict("此人仍住在一户中，请用区内迁移 / this person lives in a household: move within instead")
        if first < person["moved_out_on"]:
            raise _too_early("body.on")
        _leave(session, person, person["moved_out_on"])
        resident_id = int(person["id"])
        session.execute(_ARRIVE, {"household": household_id, "on": first, "id": resident_id})
    else:
        found = _entered(session, body.get("entry"))
        if found is not None:
            return where(session, found), False
        resident_id = _new_person(session, household, household_id, body, first, today)
    note(session, "resident.move_in", f"resident:{resident_id}", detail={"household": household})
    return where(session, resident_id), True


def move_out(session: Session, resident: int, on: date | None, version: int, today: date) -> dict[str, Any]:
    """Enter from which day on a resident lives here no more. Of a household in which nobody lives any more the colour goes too.

    Raises:
        NotFound, Stale, Conflict, Invalid: not visible; changed since it was read; moved out already; a day that is to come or before moving in.
    """
    person = _checked(session, resident, version)
    last = _day(on, today)
    if person["moved_in_on"] is not None and last < person["moved_in_on"]:
        raise _too_early("body.on")
    session.execute(text("UPDATE residents SET moved_out_on = :on WHERE id = :id"), {"on": last, "id": resident})
    _forget_colour(session, person["household_id"])
    note(session, "resident.move_out", f"resident:{resident}", detail={"household": person["household"]})
    return where(session, resident)


def move_within(
    session: Session, resident: int, household: str, on: date | None, version: int, today: date
) -> dict[str, Any]:
    """Move a resident to another household of the place, which the account must see as well.

    Raises:
        NotFound, Stale, Conflict, Invalid: as for :func:`move_out`; the household is not visible, or is the resident's already.
    """
    person = _checked(session, resident, version)
    target = _household(session, household)
    if target["id"] == person["household_id"]:
        raise Conflict("此人已住在这一户 / this person lives in that household already")
    first = _day(on, today)
    if person["moved_in_on"] is not None and first < person["moved_in_on"]:
        raise _too_early("body.on")
    _leave(session, person, first)
    session.execute(_ARRIVE, {"household": target["id"], "on": first, "id": resident})
    _forget_colour(session, person["household_id"])
    detail = {"from": person["household"], "to": household}
    note(session, "resident.move", f"resident:{resident}", detail=detail)
    return where(session, resident)


def move_household(session: Session, household: str, body: dict[str, Any], version: int, today: date) -> dict[str, Any]:
    """Move a whole household to another door: ``building``, ``unit``, ``room``, ``on``; position and grid follow the building.

    Raises:
        NotFound, Stale, Invalid: household or building not in the account's grids; changed since it was read; a day that is to come.
    """
    hold_grids(session.connection())
    row = _household(session, household)
    check_version(row["version"], version)
    day = _day(body.get("on"), today)
    building = own_building(session, body["building"])
    since = session.scalar(
        text("SELECT max(until_on) FROM household_addresses WHERE household_id = :id"), {"id": row["id"]}
    )
    if since is not None and day < since:
        raise _too_early("body.on")
    session.execute(
        text(
            "INSERT INTO household_addresses (household_id, building_id, unit, room, from_on, until_on) "
            "SELECT id, building_id, unit, room, :since, :day FROM households WHERE id = :id"
        ),
        {"since": since, "day": day, "id": row["id"]},
    )
    session.execute(
        text(
            "UPDATE households h SET building_id = b.id, unit = :unit, room = :room, own_position = false, lon = b.lon, lat = b.lat, "
            "geometry = ST_SetSRID(ST_MakePoint(b.lon, b.lat), 4326) FROM buildings b WHERE b.id = :building AND h.id = :id"
        ),
        {"unit": body.get("unit"), "room": body.get("room"), "building": building, "id": row["id"]},
    )
    assign(session.connection(), np.array([row["id"]], dtype=np.int64))
    note(session, "household.move", f"household:{household}", detail={"building": body["building"]})
    found = session.execute(
        text(
            "SELECT h.code AS household, b.code AS building, h.unit, h.room, g.code AS grid, h.grid_reason, h.version "
            "FROM households h LEFT JOIN buildings b ON b.id = h.building_id LEFT JOIN grids g ON g.id = h.grid_id WHERE h.id = :id"
        ),
        {"id": row["id"]},
    ).mappings()
    return dict(found.one())


def own_buildings(session: Session) -> list[dict[str, Any]] | None:
    """Return the buildings that a worker's households may move to, by compound and name; None for those who are confined to no grid."""
    grids = own_grids_only(session)
    if grids is None:
        return None
    rows = session.execute(
        text(
            "SELECT b.code, b.name, c.name AS compound FROM buildings b LEFT JOIN compounds c ON c.id = b.compound_id "
            "WHERE b.grid_id = ANY(:grids) ORDER BY coalesce(c.name, ''), length(coalesce(b.name, b.code)), coalesce(b.name, b.code), b.code"
        ),
        {"grids": grids},
    )
    return [dict(row) for row in rows.mappings()]


def is_own_building(session: Session, code: str) -> bool:
    """Tell whether a building is one that the account looks after; a household with a position of its own may be of another's building."""
    try:
        own_building(session, code)
    except NotFound:
        return False
    return True


def where(session: Session, resident: int) -> dict[str, Any]:
    """Return in which household a resident lives, or lived last.

    Raises:
        NotFound: not visible.
    """
    person = _resident(session, resident)
    keys = ("household", "moved_in_on", "moved_out_on", "version")
    return {"resident": person["id"], **{key: person[key] for key in keys}}


def residencies(session: Session, resident: int) -> list[dict[str, Any]]:
    """Return where a resident has lived, the newest first; ``household`` is null for one that the account may not know of.

    Raises:
        NotFound: not visible.
    """
    person = _resident(session, resident)
    now = {"household": person["household"], "from_on": person["moved_in_on"], "until_on": person["moved_out_on"]}
    before = session.execute(
        text(
            "SELECT h.code AS household, r.from_on, r.until_on FROM residencies r LEFT JOIN households h ON h.id = r.household_id "
            "WHERE r.resident_id = :id ORDER BY r.until_on DESC, r.id DESC"
        ),
        {"id": resident},
    ).mappings()
    note(session, "resident.read", f"resident:{resident}", detail={"part": "residencies"})
    return [now, *(dict(row) for row in before)]


def addresses(session: Session, household: str) -> list[dict[str, Any]]:
    """Return the doors at which a household has lived, the newest first.

    Raises:
        NotFound: not visible.
    """
    row = _household(session, household)
    before = session.execute(
        text(
            "SELECT b.code AS building, a.unit, a.room, a.from_on, a.until_on FROM household_addresses a "
            "LEFT JOIN buildings b ON b.id = a.building_id WHERE a.household_id = :id ORDER BY a.until_on DESC, a.id DESC"
        ),
        {"id": row["id"]},
    ).mappings()
    past = [dict(each) for each in before]
    now = {
        "building": row["building"],
        "unit": row["unit"],
        "room": row["room"],
        "from_on": past[0]["until_on"] if past else None,
        "until_on": None,
    }
    return [now, *past]


def _new_person(
    session: Session, household: str, household_id: int, body: dict[str, Any], first: date, today: date
) -> int:
    born: date | None = body.get("birth_date")
    said: int | None = body.get("birth_year")
    year: int = born.year if born is not None else said or 0
    faults = []
    if not year:
        faults.append(Fault("body.birth_date", "须有出生日期或出生年份 / a date or year of birth is needed"))
    elif said is not None and said != year:
        faults.append(Fault("body.birth_year", "与出生日期不符 / contradicts the date of birth"))
    elif not 1850 <= year <= today.year or (born is not None and born > today):
        faults.append(Fault("body.birth_date", "应为 1850 年以来的日期 / expected a past date since 1850"))
    flags = body.get("care_flags") or []
    if any(flag not in CARE_FLAGS for flag in flags):
        faults.append(Fault("body.care_flags", f"可用 / expected some of: {', '.join(CARE_FLAGS)}"))
    if faults:
        raise Invalid("居民信息有误 / the resident has faults", faults)
    vault = vault_of(session)
    values = {
        "household": household_id,
        "birth_date": born,
        "birth_year": year,
        "sex": body.get("sex"),
        "name": body.get("name"),
        "phone_hash": vault.search.phone(body.get("phone")),
        "id_number_hash": vault.search.id_number(body.get("id_number")),
        "flags": [flag for flag in CARE_FLAGS if flag in flags],
        "on": first,
        "entry": body.get("entry"),
    }
    for occurrence in range(1 if body.get("id_number") else _MOST_ALIKE):
        key = person_key(
            vault, household, body.get("id_number"), body.get("name"), born, year, body.get("sex"), occurrence
        )
        made = session.scalar(
            text(
                "INSERT INTO residents (key, household_id, birth_date, birth_year, sex, name, phone_sealed, phone_hash, "
                "id_number_sealed, id_number_hash, care_flags, moved_in_on, entry_id) VALUES (:key, :household, :birth_date, :birth_year, :sex, "
                ":name, :phone, :phone_hash, :id_number, :id_number_hash, :flags, :on, :entry) ON CONFLICT (key) DO NOTHING RETURNING id"
            ),
            {
                **values,
                "key": key,
                "phone": vault.seal_one("residents.phone_sealed", key, body.get("phone")),
                "id_number": vault.seal_one("residents.id_number_sealed", key, body.get("id_number")),
            },
        )
        if made is not None:
            return int(made)
    raise Conflict("此人已登记在这一户 / this person has been entered in this household already")


def _entered(session: Session, entry: UUID | None) -> int | None:
    """Return whom an entry that was sent before has made."""
    if entry is None:
        return None
    found: int | None = session.scalar(text("SELECT id FROM residents WHERE entry_id = :entry"), {"entry": entry})
    return found


def _leave(session: Session, person: Any, until: date) -> None:
    session.execute(
        text(
            "INSERT INTO residencies (resident_id, household_id, from_on, until_on) VALUES (:resident, :household, :since, :until)"
        ),
        {
            "resident": person["id"],
            "household": person["household_id"],
            "since": person["moved_in_on"],
            "until": until,
        },
    )


def _forget_colour(session: Session, household_id: int) -> None:
    """Take the colour from a household in which nobody lives any more: it spoke of those who have left."""
    session.execute(
        text(
            "UPDATE households SET colour = NULL WHERE id = :id AND colour IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM residents WHERE household_id = :id AND moved_out_on IS NULL)"
        ),
        {"id": household_id},
    )


def _checked(session: Session, resident: int, version: int) -> Any:
    person = _resident(session, resident)
    check_version(person["version"], version)
    if person["moved_out_on"] is not None:
        raise Conflict("此人已迁出 / this person has moved out already")
    return person


def _day(given: date | None, today: date) -> date:
    if given is not None and given > today:
        message = "日期不能晚于今天 / the day must not be to come"
        raise Invalid(message, [Fault("body.on", message)])
    return given or today


def _too_early(field: str) -> Invalid:
    message = "早于上一次迁移 / before the move that came last"
    return Invalid(message, [Fault(field, message)])


def _resident(session: Session, resident: int) -> Any:
    person = session.execute(_RESIDENT, {"id": resident}).mappings().one_or_none()
    if person is None:
        raise NotFound("没有这位居民，或不在您的网格内 / no such resident, or not in your grids")
    return person


def _household(session: Session, code: str) -> Any:
    row = session.execute(
        text(
            "SELECT h.id, h.version, b.code AS building, h.unit, h.room FROM households h "
            "LEFT JOIN buildings b ON b.id = h.building_id WHERE h.code = :code FOR UPDATE OF h"
        ),
        {"code": code},
    ).mappings()
    found = row.one_or_none()
    if found is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    return found
