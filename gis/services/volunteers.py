"""What building chiefs and contacts have in common: a name, a sealed phone that is shown for a reason, days in office."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound
from gis.secrecy.masks import mask_phone
from gis.store.auditing import note
from gis.store.vault import vault_of

Table = Literal["building_chiefs", "contacts"]
NOUNS = {"building_chiefs": "chief", "contacts": "contact"}


def seal_phone(session: Session, table: Table, row: UUID, phone: str | None) -> bytes | None:
    """Return a phone sealed for a row."""
    return vault_of(session).seal_one(f"{table}.phone_sealed", str(row), phone)


def masked_phone(session: Session, table: Table, row: UUID, sealed: bytes | None) -> str | None:
    """Return the phone of a row as lists show it."""
    return mask_phone(vault_of(session).open_one(f"{table}.phone_sealed", str(row), sealed))


def reveal_phone(session: Session, table: Table, row: UUID, reason: str) -> dict[str, Any]:
    """Return the phone of a chief or contact in clear; who asked and why is noted.

    Raises:
        NotFound, Invalid: not visible; no reason.
    """
    found = session.execute(
        text(f"SELECT phone_sealed FROM {table} WHERE id = :id"),
        {"id": row},
    ).one_or_none()
    if found is None:
        raise missing()
    if len(reason.strip()) < 2:
        raise Invalid("请说明原因 / say why", [Fault("body.reason", "至少 2 字 / at least 2 characters")])
    note(session, f"{NOUNS[table]}.reveal", f"{NOUNS[table]}:{row}", reason=reason.strip())
    return {"id": row, "phone": vault_of(session).open_one(f"{table}.phone_sealed", str(row), found.phone_sealed)}


def check_days(first: date, last: date | None, where: str = "body.valid_to") -> None:
    """Refuse a time in office that ends before it begins."""
    if last is not None and last < first:
        message = "结束日期早于开始日期 / the last day is before the first"
        raise Invalid(message, [Fault(where, message)])


def missing() -> NotFound:
    """Return the error for somebody whom the account may not know of."""
    return NotFound("没有这个人，或不在您的网格内 / no such person, or not in your grids")
