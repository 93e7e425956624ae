"""健康服务需求: the kinds of help that somebody's health asks for; no diagnosis has a place here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid, NotFound
from gis.models.vocabulary import HEALTH_NEEDS
from gis.services.features import check_version
from gis.store.auditing import note


def get_health_needs(session: Session, resident: int) -> dict[str, Any]:
    """Return the kinds of help that a resident's health asks for.

    Raises:
        NotFound: not visible.
    """
    row = session.execute(
        text("SELECT health_needs, version FROM residents WHERE id = :id"), {"id": resident}
    ).one_or_none()
    if row is None:
        raise _no_resident()
    note(session, "resident.read", f"resident:{resident}", detail={"part": "health_needs"})
    return _needs_shown(resident, row.health_needs, row.version)


def set_health_needs(session: Session, resident: int, kinds: list[str], version: int) -> dict[str, Any]:
    """Replace the kinds of help that a resident's health asks for; nothing but the vocabulary is taken, so no diagnosis can be written.

    Raises:
        NotFound, Stale, Invalid: not visible; changed since it was read; a word that is no kind.
    """
    row = session.execute(
        text("SELECT version FROM residents WHERE id = :id FOR UPDATE"), {"id": resident}
    ).one_or_none()
    if row is None:
        raise _no_resident()
    check_version(row.version, version)
    if any(kind not in HEALTH_NEEDS for kind in kinds):
        choices = ", ".join(f"{key} {label}" for key, label in HEALTH_NEEDS.items())
        raise Invalid(
            "健康服务需求有误 / wrong kind of help",
            [Fault("body.health_needs", f"只记需要的帮助，不记病情 / kinds of help only, no diagnosis: {choices}")],
        )
    wanted = [kind for kind in HEALTH_NEEDS if kind in kinds]
    changed = session.execute(
        text("UPDATE residents SET health_needs = :needs WHERE id = :id RETURNING version"),
        {"needs": wanted, "id": resident},
    ).scalar_one()
    note(session, "resident.change", f"resident:{resident}", detail={"fields": ["health_needs"]})
    return _needs_shown(resident, wanted, changed)


def _needs_shown(resident: int, kinds: list[str], version: int) -> dict[str, Any]:
    named = [{"kind": kind, "name": HEALTH_NEEDS[kind]} for kind in kinds]
    return {"resident": resident, "health_needs": named, "version": version}


def _no_resident() -> NotFound:
    return NotFound("没有这位居民，或不在您的网格内 / no such resident, or not in your grids")
