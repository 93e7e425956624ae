"""Residents within their households' files: shown masked, revealed one field at a time for a reason, corrected under If-Match.

Children under 14 are held more strictly (PIPL, article 31): their names and dates of birth are masked as well, a reveal needs one of a few purposes,
their ID numbers are for admins alone, and no search by name finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Denied, Fault, Invalid, NotFound
from gis.models.vocabulary import CARE_FLAGS, SEXES
from gis.secrecy.masks import mask_id_number, mask_name, mask_phone
from gis.services.features import check_version
from gis.store.auditing import note
from gis.store.vault import Vault, vault_of

CHILD_AGE = 14
"""Under this age a person is a child in the sense of the law."""
REVEALED = {
    "name": "姓名",
    "birth_date": "出生日期",
    "phone": "电话",
    "id_number": "证件号码",
    "guardian_phone": "监护人电话",
}
"""What may be asked for one by one."""
CHILD_PURPOSES = {
    "guardian_request": "监护人要求",
    "emergency": "紧急情况",
    "care_visit": "关爱走访",
    "legal_duty": "法定职责",
}
"""For what a child's field may be shown."""
LONGEST_REASON = 200

_COLUMNS = """r.id, r.key, h.code AS household, r.name, r.sex, r.birth_date, r.birth_year,
linli_age(r.birth_date, r.birth_year, :today) AS age, r.phone_sealed, r.id_number_sealed, r.care_flags, r.guardian_id,
CASE WHEN r.guardian_id IS NULL THEN r.guardian_name ELSE g.name END AS guardian_name, r.guardian_phone_sealed,
r.health_needs, r.moved_in_on, r.moved_out_on, r.version"""
_FROM = """FROM residents r JOIN households h ON h.id = r.household_id LEFT JOIN residents g ON g.id = r.guardian_id"""
_OF_HOUSEHOLD = text(
    f"SELECT {_COLUMNS} {_FROM} WHERE r.household_id = :household AND (r.moved_out_on IS NULL OR r.moved_out_on > :today) "
    "ORDER BY r.birth_year, r.id"
)
_FORMER = text(
    f"SELECT {_COLUMNS} {_FROM} WHERE r.household_id = :household AND r.moved_out_on <= :today ORDER BY r.moved_out_on DESC, r.id"
)
_ONE = text(f"SELECT {_COLUMNS} {_FROM} WHERE r.id = :id")
_ONE_LOCKED = text(f"SELECT {_COLUMNS} {_FROM} WHERE r.id = :id FOR UPDATE OF r")


def of_household(session: Session, household_id: int, today: date) -> list[dict[str, Any]]:
    """Return who lives in a household, oldest first, as the file shows them: protected fields masked."""
    vault = vault_of(session)
    rows = session.execute(_OF_HOUSEHOLD, {"household": household_id, "today": today}).mappings()
    return [shown(vault, dict(row)) for row in rows]


def former_of_household(session: Session, household_id: int, today: date) -> list[dict[str, Any]]:
    """Return who has moved out of a household to nowhere in this place, the last first: number, name, age, days."""
    vault = vault_of(session)
    rows = session.execute(_FORMER, {"household": household_id, "today": today}).mappings()
    keys = ("id", "name", "age", "child", "moved_in_on", "moved_out_on", "version")
    return [{key: person[key] for key in keys} for person in (shown(vault, dict(row)) for row in rows)]


def get_resident(session: Session, resident_id: int, today: date) -> dict[str, Any]:
    """Return one resident as the file shows them.

    Raises:
        NotFound: there is none, or the account may not know of them.
    """
    row = _row(session, resident_id, today)
    note(session, "household.read", f"household:{row['household']}", detail={"resident": resident_id})
    return shown(vault_of(session), row)


def reveal(
    session: Session,
    household: str,
    resident_id: int,
    field: str,
    reason: str,
    purpose: str | None,
    today: date,
) -> dict[str, Any]:
    """Return one protected field in clear; who asked, for whom and why is noted.

    Args:
        session: a transaction of the account that asks.
        household: code of the household, as the caller knows it.
        resident_id: whose field.
        field: one of :data:`REVEALED`.
        reason: in the asker's words, 2 to 200 characters.
        purpose: one of :data:`CHILD_PURPOSES`; needed for a child.
        today: the place's date.

    Raises:
        NotFound, Invalid, Denied: not visible; something is missing; a child's ID number is for admins.
    """
    row = _row(session, resident_id, today)
    if row["household"] != household:
        raise _missing()
    faults = []
    if field not in REVEALED:
        faults.append(Fault("body.field", f"应为其中之一 / must be one of: {', '.join(REVEALED)}"))
    if not 2 <= len(reason.strip()) <= LONGEST_REASON:
        faults.append(
            Fault("body.reason", f"请说明原因(2–{LONGEST_REASON} 字) / say why, in 2 to {LONGEST_REASON} characters")
        )
    child = row["age"] < CHILD_AGE
    if purpose not in CHILD_PURPOSES and (child or purpose is not None):
        choices = ", ".join(f"{key} {label}" for key, label in CHILD_PURPOSES.items())
        faults.append(
            Fault("body.purpose", f"未满 14 岁，须注明用途 / under 14: a purpose is needed, one of: {choices}")
        )
    if faults:
        raise Invalid("无法显示 / cannot be shown", faults)
    if child and field == "id_number" and session.scalar(text("SELECT linli_role()")) == "worker":
        raise Denied("未满 14 岁者的证件号码只有管理员可以查看 / the ID number of a child under 14 is for admins alone")
    detail = {"field": field, "household": household, "child": child}
    if purpose is not None:
        detail["purpose"] = purpose
    note(session, "resident.reveal", f"resident:{resident_id}", detail=detail, reason=reason.strip())
    return {"resident": resident_id, "field": field, "value": in_clear(vault_of(session), row)[field]}


def correct(session: Session, resident_id: int, body: Mapping[str, Any], version: int, today: date) -> dict[str, Any]:
    """Correct what is stored of a resident; only the fields given change.

    Raises:
        NotFound, Stale, Invalid: not visible; changed since it was read; a field is wrong or may not be changed.
    """
    row = _row(session, resident_id, today, lock=True)
    check_version(row["version"], version)
    vault = vault_of(session)
    values = _checked(session, row, body, today)
    for name in ("phone", "id_number", "guardian_phone"):
        if name in values:
            readable = values.pop(name)
            values[f"{name}_sealed"] = vault.seal_one(f"residents.{name}_sealed", row["key"], readable)
            if name == "phone":
                values["phone_hash"] = vault.search.phone(readable)
            elif name == "id_number":
                values["id_number_hash"] = vault.search.id_number(readable)
    if values:
        changes = ", ".join(f"{name} = :{name}" for name in values)
        session.execute(text(f"UPDATE residents SET {changes} WHERE id = :id"), {**values, "id": resident_id})
        fields = sorted(body)
        note(
            session,
            "resident.change",
            f"resident:{resident_id}",
            detail={"fields": fields, "household": row["household"]},
        )
    return shown(vault, _row(session, resident_id, today))


def shown(vault: Vault, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resident as a file shows them: phone and ID number masked, and for a child all that singles out."""
    clear = in_clear(vault, row)
    child = row["age"] < CHILD_AGE
    guardian = None
    if clear["guardian_name"] or clear["guardian_phone"]:
        guardian = {
            "resident": row["guardian_id"],
            "name": clear["guardian_name"],
            "phone": mask_phone(clear["guardian_phone"]),
        }
    return {
        "id": row["id"],
        "name": mask_name(clear["name"]) if child else clear["name"],
        "sex": row["sex"],
        "age": row["age"],
        "birth_date": None if child else clear["birth_date"],
        "birth_year": None if child else clear["birth_year"],
        "child": child,
        "phone": _hidden(clear["phone"]) if child else mask_phone(clear["phone"]),
        "id_number": _hidden(clear["id_number"]) if child else mask_id_number(clear["id_number"]),
        "care_flags": row["care_flags"],
        "guardian": guardian,
        "health_needs": row["health_needs"],
        "moved_in_on": row["moved_in_on"],
        "moved_out_on": row["moved_out_on"],
        "version": row["version"],
    }


def in_clear(vault: Vault, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that is stored of a resident in clear: for a reveal and for the person's own export."""
    key = row["key"]
    sealed = {
        name: vault.open_one(f"residents.{name}_sealed", key, row[f"{name}_sealed"])
        for name in ("phone", "id_number", "guardian_phone")
    }
    birth_date = row["birth_date"]
    return {
        "name": row["name"],
        "sex": row["sex"],
        "birth_date": birth_date.isoformat() if birth_date is not None else None,
        "birth_year": row["birth_year"],
        **sealed,
        "care_flags": row["care_flags"],
        "guardian_id": row["guardian_id"],
        "guardian_name": row["guardian_name"],
        "health_needs": row["health_needs"],
        "moved_in_on": row["moved_in_on"],
        "moved_out_on": row["moved_out_on"],
    }


def find_row(session: Session, resident_id: int, today: date, *, lock: bool = False) -> Mapping[str, Any]:
    """Return the stored row of a resident, with the household's code and the age.

    Raises:
        NotFound: there is none, or the account may not know of them.
    """
    return _row(session, resident_id, today, lock=lock)


def _row(session: Session, resident_id: int, today: date, *, lock: bool = False) -> Mapping[str, Any]:
    row = session.execute(_ONE_LOCKED if lock else _ONE, {"id": resident_id, "today": today}).mappings().one_or_none()
    if row is None:
        raise _missing()
    return dict(row)


def _checked(session: Session, row: Mapping[str, Any], body: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return the columns to change.

    Raises:
        Invalid: one fault for each wrong field.
    """
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name, given in body.items():
        if name in ("birth_date", "birth_year"):
            continue
        if name not in _CHECKS:
            faults.append(
                Fault(f"body.{name}", f"不能修改 / may not be changed; you may change: {', '.join(CORRECTED)}")
            )
            continue
        right, message = _CHECKS[name]
        if (given is not None and not right(given)) or (given is None and name == "care_flags"):
            faults.append(Fault(f"body.{name}", message))
        values[name] = given.strip() or None if isinstance(given, str) else given
    if "birth_date" in body or "birth_year" in body:
        _check_birth(row, body, today, values, faults)
    if values.get("guardian_id") is not None and not any(f.where == "body.guardian_id" for f in faults):
        found = session.scalar(text("SELECT id FROM residents WHERE id = :id"), {"id": values["guardian_id"]})
        if found is None or found == row["id"]:
            faults.append(Fault("body.guardian_id", "没有这位居民，或就是本人 / no such resident, or the same person"))
    if faults:
        raise Invalid("居民信息有误 / the resident has faults", faults)
    if "care_flags" in values:
        values["care_flags"] = [flag for flag in CARE_FLAGS if flag in values["care_flags"]]
    return values


def _check_birth(
    row: Mapping[str, Any],
    body: Mapping[str, Any],
    today: date,
    values: dict[str, Any],
    faults: list[Fault],
) -> None:
    given, year = body.get("birth_date", row["birth_date"]), body.get("birth_year")
    born: date | None = None
    try:
        born = date.fromisoformat(given) if isinstance(given, str) else given
        if born is not None and (not isinstance(born, date) or not date(1850, 1, 1) <= born <= today):
            raise ValueError
    except ValueError:
        faults.append(Fault("body.birth_date", "应为 1850 年以来的日期 YYYY-MM-DD / expected a past date YYYY-MM-DD"))
        return
    if year is None:
        year = born.year if born is not None else row["birth_year"]
    elif "birth_date" not in body and born is not None and year != born.year:
        born = None
    whole = isinstance(year, int) and not isinstance(year, bool)
    if not whole or not 1850 <= year <= today.year or (born is not None and year != born.year):
        message = (
            "应为不晚于今年且与出生日期相符的年份 / expected a year that is past and agrees with the date of birth"
        )
        faults.append(Fault("body.birth_year", message))
    values["birth_date"], values["birth_year"] = born, year


def _text(longest: int) -> tuple[Any, str]:
    return (
        lambda given: isinstance(given, str) and len(given) <= longest and "\x00" not in given,
        f"最多 {longest} 字 / text of at most {longest} characters",
    )


def _number(fewest_digits: int) -> tuple[Any, str]:
    return (
        lambda given: (
            isinstance(given, str)
            and len(given) <= 40
            and (given.strip() == "" or sum(c.isdigit() for c in given) >= fewest_digits)
            and all(c.isascii() and (c.isalnum() or c in "+-() ") for c in given)
        ),
        f"至少 {fewest_digits} 位数字 / at least {fewest_digits} digits",
    )


_CHECKS: dict[str, tuple[Any, str]] = {
    "name": _text(100),
    "sex": (lambda given: given in SEXES, "应为 male 或 female / expected male or female"),
    "phone": _number(5),
    "id_number": _number(6),
    "care_flags": (
        lambda given: isinstance(given, list) and all(isinstance(f, str) and f in CARE_FLAGS for f in given),
        f"应为列表，可用 / expected a list of: {', '.join(CARE_FLAGS)}",
    ),
    "guardian_id": (
        lambda given: isinstance(given, int) and not isinstance(given, bool) and 0 < given < 2**63,
        "应为居民编号 / expected the id of a resident",
    ),
    "guardian_name": _text(100),
    "guardian_phone": _number(5),
}
CORRECTED = (*_CHECKS, "birth_date", "birth_year")
"""The fields that :func:`correct` takes."""


def _hidden(value: str | None) -> str | None:
    return None if value is None else "*" * len(value)


def _missing() -> NotFound:
    return NotFound("没有这位居民，或不在您的网格内 / no such resident, or not in your grids")
