"""核对无变化: a file was looked at and found true. It says nothing of where and how long anybody was, and only the last time is kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.services.features import check_version
from gis.store.auditing import note

_LAST = text(
    "SELECT c.confirmed_by, c.confirmed_at, coalesce((SELECT max(y.id) FROM history y WHERE y.household_id = h.id), 0) AS version "
    "FROM households h LEFT JOIN household_confirmations c ON c.household_id = h.id WHERE h.id = :household"
)
_CONFIRM = text(
    "INSERT INTO household_confirmations (household_id, confirmed_by, confirmed_at) VALUES (:household, linli_actor(), clock_timestamp()) "
    "ON CONFLICT (household_id) DO UPDATE SET confirmed_by = excluded.confirmed_by, confirmed_at = excluded.confirmed_at"
)


def last_confirmation(session: Session, household_id: int) -> dict[str, Any]:
    """Return who found a household's file unchanged last and when (null: nobody yet).

    ``version`` is that of the whole file, people and contacts included: the number of its newest change, which a confirmation must name.
    """
    return dict(session.execute(_LAST, {"household": household_id}).mappings().one())


def get_confirmation(session: Session, household: str) -> dict[str, Any]:
    """Return the same for a household's code.

    Raises:
        NotFound: not visible.
    """
    return {"household": household, **last_confirmation(session, _id_of(session, household))}


def confirm(session: Session, household: str, version: int) -> dict[str, Any]:
    """Enter that the account has found the file as it stands true; the same once more changes nothing but the moment.

    Raises:
        NotFound, Stale: not visible; somebody has changed the file since it was read.
    """
    household_id = _id_of(session, household, lock=True)
    check_version(last_confirmation(session, household_id)["version"], version)
    session.execute(_CONFIRM, {"household": household_id})
    note(session, "household.confirm", f"household:{household}")
    return {"household": household, **last_confirmation(session, household_id)}


def confirm_visited(session: Session, household_id: int) -> None:
    """Enter the same in the course of a visit: the household is already locked, and what is found true is what stands now."""
    session.execute(_CONFIRM, {"household": household_id})


def _id_of(session: Session, household: str, *, lock: bool = False) -> int:
    found = session.scalar(
        text(f"SELECT id FROM households WHERE code = :code{' FOR UPDATE' if lock else ''}"), {"code": household}
    )
    if found is None:
        raise NotFound("没有这一户，或不在您的网格内 / no such household, or not in your grids")
    return int(found)
