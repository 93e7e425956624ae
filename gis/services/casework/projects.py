"""项目清单: open a project, change it, take it from plan to close; of the needs it answers, admins read the exact number, workers that of own grids."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.projects import STATES, STEPS, Standing, check_step, is_rework, missing
from gis.errors import Conflict, Denied, Fault, Invalid, NotFound
from gis.models.vocabulary import SERVICES
from gis.needs.disclosure import offsets, rounded, told
from gis.services.casework.resources import scope_of
from gis.services.features import area_prefix, check_version, page_of, refuse_unknown_area
from gis.services.snapshots import Snapshots
from gis.store.auditing import note
from gis.store.vault import vault_of

NEEDS_SEEN = """CASE WHEN linli_role() = 'worker' THEN (SELECT count(*) FROM project_needs n WHERE n.project_id = p.id)
            ELSE coalesce((SELECT n.needs FROM linli_project_needs() n WHERE n.project_id = p.id), 0) END"""
"""How many needs a project answers: for a worker those of own grids, of which he reads each."""
_SELECT = f"""
SELECT p.id, p.title, p.service, p.area, p.scope, p.lon, p.lat, p.state, p.starts_on, p.ends_on, p.closed_on, p.reworks, p.version,
       linli_leads(p.scope) AS leads, {NEEDS_SEEN} AS needs, linli_role() = 'worker' AS own
FROM projects p
"""
_LIST = f"""{_SELECT}
WHERE p.id > :after AND (CAST(:state AS text) IS NULL OR p.state = :state) AND (CAST(:service AS text) IS NULL OR p.service = :service)
  AND starts_with(p.scope, :prefix)
  AND (CAST(:need AS uuid) IS NULL OR p.id IN (SELECT project_id FROM project_needs WHERE need_id = :need))
ORDER BY p.id LIMIT :limit
"""
_HIDDEN = ("scope", "leads", "own")
_SAME = ("title", "service", "area", "lon", "lat", "starts_on", "ends_on")
_NIL = UUID(int=0)


def open_project(
    session: Session, snapshots: Snapshots, body: dict[str, Any], *, exact: bool
) -> tuple[dict[str, Any], bool]:
    """Open a project; a worker's is of an own grid.

    Args:
        session: a transaction of the account that opens it.
        snapshots: the caches.
        body: ``title``, ``service``, ``area`` (code of an area or grid), ``lon``, ``lat``, ``starts_on``, ``ends_on``, ``id`` (of the
            caller's choice: the same project again finds what it made).
        exact: whether the account may read exact numbers of needs.

    Returns:
        The project, and whether it was made just now.

    Raises:
        Invalid, NotFound, Conflict: no such area; not the worker's; the id belongs to another project.
    """
    values = {**body, "id": body.get("id") or uuid4(), "scope": scope_of(session, snapshots, body["area"])}
    _check(values)
    _lead(session, values["scope"])
    new = session.scalar(
        text(
            "INSERT INTO projects (id, title, service, area, scope, lon, lat, starts_on, ends_on) VALUES "
            "(:id, :title, :service, :area, :scope, :lon, :lat, :starts_on, :ends_on) ON CONFLICT (id) DO NOTHING RETURNING true"
        ),
        values,
    )
    row = _row(session, values["id"])
    if row is None or (row["version"] == 1 and any(row[name] != values[name] for name in _SAME)):
        raise Conflict(
            "这个编号已用于另一项目 / this id belongs to another project",
            [Fault("body.id", "请换一个编号 / choose another id")],
        )
    return get_project(session, values["id"], exact=exact), bool(new)


def get_project(session: Session, identity: UUID, *, exact: bool) -> dict[str, Any]:
    """Return a project with its resources, duties, feedback, the states that may follow and what a close still lacks.

    Raises:
        NotFound: there is none, or the account may not know of it.
    """
    row = seen(session, identity)
    given = {"id": identity}
    resources = session.execute(
        text(
            "SELECT t.id, t.resource_id AS resource, s.code AS station, coalesce(s.name, r.organisation) AS name, t.places FROM project_resources t "
            "LEFT JOIN resources r ON r.id = t.resource_id LEFT JOIN stations s ON s.id = t.station_id WHERE t.project_id = :id ORDER BY t.id"
        ),
        given,
    ).mappings()
    duties = session.execute(
        text(
            "SELECT d.id, d.party, coalesce(k.name, d.party) AS party_name, d.role, d.task, d.due_on, d.done_on, d.version FROM project_duties d "
            "LEFT JOIN desks k ON k.code = d.party WHERE d.project_id = :id ORDER BY d.role DESC, d.id"
        ),
        given,
    ).mappings()
    feedback = session.execute(
        text(
            "SELECT id, outcome, summary, given_on, reworks = :reworks AS counts FROM project_feedback WHERE project_id = :id ORDER BY reworks, given_on, id"
        ),
        {**given, "reworks": row["reworks"]},
    ).mappings()
    return {
        **_shown(session, row, exact=exact),
        "allowed": list(STEPS[row["state"]]),
        "missing": [fault.message for fault in missing(standing(session, row), "closed")]
        if row["state"] != "closed"
        else [],
        "resources": [dict(one) for one in resources],
        "duties": [dict(one) for one in duties],
        "feedback": [dict(one) for one in feedback],
    }


def list_projects(
    session: Session, wanted: dict[str, Any], limit: int, after: UUID | None, *, exact: bool
) -> dict[str, Any]:
    """Return a page of projects: ``items`` and ``next``.

    Args:
        session: a transaction.
        wanted: ``state``, ``service``, ``area`` (inside it), ``need`` (those that answer it, for whoever may know of it).
        limit: items of a page.
        after: the last one of the page before.
        exact: whether the account may read exact numbers of needs.
    """
    params = {
        **{name: wanted.get(name) for name in ("state", "service", "need")},
        "prefix": area_prefix(wanted.get("area")),
        "after": after or _NIL,
    }
    rows, more = page_of(session, _LIST, params, limit)
    if not rows:
        refuse_unknown_area(session, wanted.get("area"))
    return {"items": [_shown(session, row, exact=exact) for row in rows], "next": str(rows[-1]["id"]) if more else None}


def change_project(
    session: Session, snapshots: Snapshots, identity: UUID, body: dict[str, Any], version: int, *, exact: bool
) -> dict[str, Any]:
    """Change what a project is; not its state.

    Raises:
        NotFound, Denied, Stale, Invalid: not visible; not the worker's; changed since it was read; a field is wrong.
        Conflict: closed; or its service is to be another, and it has taken places of the one that it has.
    """
    row = held(session, identity, leading=True)
    check_version(row["version"], version)
    still_open(row)
    values = dict(body)
    if values.get("service", row["service"]) != row["service"]:
        _refuse_taken(session, identity)
    if "area" in values:
        values["scope"] = scope_of(session, snapshots, values["area"])
        _lead(session, values["scope"])
    _check({**row, **values})
    if values:
        assigned = ", ".join(f"{name} = :{name}" for name in values)
        session.execute(text(f"UPDATE projects SET {assigned} WHERE id = :id_"), {**values, "id_": identity})
    return get_project(session, identity, exact=exact)


def step(
    session: Session, identity: UUID, wanted: str, version: int | None, today: date, *, exact: bool
) -> dict[str, Any]:
    """Take a project to its next state.

    Args:
        session: a transaction of the account that acts.
        identity: the project.
        wanted: the state.
        version: the version that the caller has read; None: whatever is stored.
        today: the place's date.
        exact: whether the account may read exact numbers of needs.

    Raises:
        NotFound, Denied, Stale: not visible; not the worker's; changed since it was read.
        Conflict: not a step that may follow (naming those that may), or something is missing (naming it).
    """
    row = held(session, identity, leading=True)
    if version is not None:
        check_version(row["version"], version)
    check_step(standing(session, row), wanted)
    session.execute(
        text("UPDATE projects SET state = :state, closed_on = :closed, reworks = reworks + :again WHERE id = :id"),
        {
            "state": wanted,
            "closed": today if wanted == "closed" else None,
            "id": identity,
            "again": int(is_rework(row["state"], wanted)),
        },
    )
    note(session, "project.step", f"project:{identity}", detail={"from": row["state"], "to": wanted})
    return get_project(session, identity, exact=exact)


def seen(session: Session, identity: UUID) -> Any:
    """Return a project's row.

    Raises:
        NotFound: there is none, or the account may not know of it.
    """
    row = _row(session, identity)
    if row is None:
        raise NotFound("没有这个项目，或不在您的网格内 / no such project, or not in your grids")
    return row


def held(session: Session, identity: UUID, *, leading: bool = False) -> Any:
    """Return a project's row, and keep others from writing to it until the transaction ends.

    Raises:
        NotFound, Denied: not visible; ``leading`` and not the account's to change.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": f"project {identity}"})
    row = seen(session, identity)
    if leading and not row["leads"]:
        raise Denied(
            "这个项目超出您的网格，由规划员办理 / this project reaches beyond your grids: a planner deals with it"
        )
    return row


def still_open(row: Any) -> None:
    """Refuse to change a project that is closed."""
    if row["state"] == "closed":
        raise Conflict(
            f"项目已于 {row['closed_on']} 销号，不能再改 / the project was closed on {row['closed_on']} and stays as it is"
        )


def standing(session: Session, row: Any) -> Standing:
    """Return what a project has so far."""
    found = session.execute(
        text(
            "SELECT EXISTS (SELECT FROM project_duties WHERE project_id = :id AND role = 'lead') AS has_lead, "
            "(SELECT count(*) FROM project_duties WHERE project_id = :id AND done_on IS NULL) AS duties_open, "
            "EXISTS (SELECT FROM project_feedback WHERE project_id = :id AND reworks = :reworks) AS has_feedback"
        ),
        {"id": row["id"], "reworks": row["reworks"]},
    ).one()
    return Standing(row["state"], found.has_lead, found.duties_open, found.has_feedback)


def count_told(session: Session, identity: UUID, count: int, *, exact: bool) -> int | None:
    """Return how many needs a project answers, as it may be told: in fives, None for fewer than five."""
    if exact:
        return count
    own = offsets(vault_of(session).rounding, "needs of projects", [str(identity)])
    return told(int(rounded(np.array([count]), own)[0]), 1)


def _shown(session: Session, row: Any, *, exact: bool) -> dict[str, Any]:
    values = {name: value for name, value in row.items() if name not in _HIDDEN}
    return {
        **values,
        "label": SERVICES.get(row["service"], row["service"]),
        "state_label": STATES[row["state"]],
        "needs": count_told(session, row["id"], row["needs"], exact=exact or row["own"]),
        "may_change": row["leads"],
    }


def _row(session: Session, identity: UUID) -> Any:
    return session.execute(text(f"{_SELECT} WHERE p.id = :id"), {"id": identity}).mappings().one_or_none()


def _lead(session: Session, scope: str) -> None:
    if not session.scalar(text("SELECT linli_leads(:scope)"), {"scope": scope}):
        message = "网格员只能在自己的网格立项 / a worker's projects are of own grids"
        raise NotFound(message, [Fault("body.area", message)])


def _refuse_taken(session: Session, identity: UUID) -> None:
    """Refuse another service for a project that has taken places: they are of the service that it has."""
    taken = text("SELECT EXISTS (SELECT FROM project_resources WHERE project_id = :id)")
    if session.scalar(taken, {"id": identity}):
        message = "项目已占用资源，请先释放再改服务事项 / the project has taken resources: release them before changing its service"
        raise Conflict(message, [Fault("body.service", message)])


def _check(values: dict[str, Any]) -> None:
    faults = []
    if (values.get("lon") is None) != (values.get("lat") is None):
        faults.append(Fault("body.lon", "经度和纬度须同时填写 / longitude and latitude go together"))
    if values.get("starts_on") and values.get("ends_on") and values["ends_on"] < values["starts_on"]:
        faults.append(Fault("body.ends_on", "结束早于开始 / ends before it begins"))
    if faults:
        raise Invalid("项目信息有误 / the project has faults", faults)
