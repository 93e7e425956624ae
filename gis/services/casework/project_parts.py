"""What belongs to a project: the needs it answers, the resources it takes, who is responsible for what, and what came of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.projects import BUSY
from gis.errors import Conflict, Fault, Invalid, NotFound
from gis.models.vocabulary import SERVICES
from gis.services.casework.projects import held, seen, still_open
from gis.services.casework.resources import suggested
from gis.services.features import check_version
from gis.services.snapshots import Snapshots
from gis.store.auditing import note

_ANOTHER = Fault("body.id", "请换一个编号 / choose another id")


def needs_of(session: Session, identity: UUID) -> list[dict[str, Any]]:
    """Return the needs of a project that the account may see: a worker's are those of own grids."""
    seen(session, identity)
    rows = (
        session.execute(
            text(
                "SELECT n.id, h.code AS household, g.code AS grid, n.service, n.opened_on, n.closed_on FROM project_needs p JOIN needs n ON n.id = p.need_id "
                "JOIN households h ON h.id = n.household_id LEFT JOIN grids g ON g.id = h.grid_id WHERE p.project_id = :id ORDER BY n.opened_on, n.id"
            ),
            {"id": identity},
        )
        .mappings()
        .all()
    )
    note(session, "need.list", f"project:{identity}", detail={"found": len(rows)})
    return [{**row, "label": SERVICES.get(row["service"], row["service"])} for row in rows]


def link_need(session: Session, identity: UUID, need: UUID) -> bool:
    """Have a project answer a need; return whether it did not before.

    Raises:
        NotFound, Conflict: the project or the need is not visible; the project is closed.
    """
    still_open(held(session, identity))
    _check_need(session, need)
    new = session.scalar(
        text(
            "INSERT INTO project_needs (project_id, need_id) VALUES (:project, :need) ON CONFLICT DO NOTHING RETURNING true"
        ),
        {"project": identity, "need": need},
    )
    if new:
        note(session, "project.link", f"project:{identity}", detail={"need": str(need)})
    return bool(new)


def unlink_need(session: Session, identity: UUID, need: UUID) -> None:
    """Take a need out of a project.

    Raises:
        NotFound, Conflict: not linked, or not visible; the project is closed.
    """
    still_open(held(session, identity))
    if not session.scalar(
        text("DELETE FROM project_needs WHERE project_id = :project AND need_id = :need RETURNING true"),
        {"project": identity, "need": need},
    ):
        raise NotFound("项目没有关联这个需求 / the project is not linked to this need")
    note(session, "project.unlink", f"project:{identity}", detail={"need": str(need)})


def take(session: Session, snapshots: Snapshots, identity: UUID, body: dict[str, Any]) -> bool:
    """Have a project take places of a resource or a station; return whether it did not before.

    Args:
        session: a transaction of the account.
        snapshots: the caches.
        identity: the project.
        body: ``resource`` (id) or ``station`` (code), ``places``, ``id`` (of the caller's choice).

    Raises:
        NotFound, Denied, Invalid: not visible; not the account's to change; no such resource or station.
        Conflict: not planned or running; another kind of service; not offered any more; too few places left (naming how many).
    """
    row = held(session, identity, leading=True)
    resource, station = _source(session, body)
    if body.get("id"):
        same = session.execute(
            text("SELECT project_id, resource_id, station_id, places FROM project_resources WHERE id = :id"),
            {"id": body["id"]},
        ).one_or_none()
        if same is not None:
            if tuple(same) != (identity, resource, station, body["places"]):
                raise Conflict("这个编号已用于另一项占用 / this id belongs to something else that is taken", [_ANOTHER])
            return False
    if row["state"] not in BUSY:
        raise Conflict("只有拟办或在办的项目可以占用资源 / only a project that is planned or runs may take resources")
    _check_places(session, row["service"], resource, station, body["places"])
    made = session.scalar(
        text(
            "INSERT INTO project_resources (id, project_id, resource_id, station_id, places) VALUES (:id, :project, :resource, :station, :places) "
            "ON CONFLICT DO NOTHING RETURNING true"
        ),
        {
            "id": body.get("id") or uuid4(),
            "project": identity,
            "resource": resource,
            "station": station,
            "places": body["places"],
        },
    )
    if not made:
        raise Conflict("项目已占用该资源，请先释放 / the project has taken of it already: release that first")
    return True


def release(session: Session, identity: UUID, link: UUID) -> None:
    """Give back what a project has taken.

    Raises:
        NotFound, Denied, Conflict: nothing such; not the account's to change; the project is closed.
    """
    still_open(held(session, identity, leading=True))
    if not session.scalar(
        text("DELETE FROM project_resources WHERE id = :id AND project_id = :project RETURNING true"),
        {"id": link, "project": identity},
    ):
        raise NotFound("项目没有占用这项资源 / the project has not taken this")


def add_duty(session: Session, identity: UUID, body: dict[str, Any]) -> bool:
    """Make a desk or an organisation responsible for something; return whether it was not before.

    Raises:
        NotFound, Denied: the project is not visible; not the account's to change.
        Conflict: closed; the id belongs to another duty; there is a lead already (naming it).
    """
    row = held(session, identity, leading=True)
    made = body.get("id") or uuid4()
    values = {**body, "id": made, "project": identity}
    same = session.execute(
        text("SELECT project_id, party, role, task, due_on FROM project_duties WHERE id = :id"), {"id": made}
    ).one_or_none()
    if same is not None:
        if tuple(same) != (identity, body["party"], body["role"], body["task"], body.get("due_on")):
            raise Conflict("这个编号已用于另一责任 / this id belongs to another duty", [_ANOTHER])
        return False
    still_open(row)
    lead = session.scalar(
        text("SELECT party FROM project_duties WHERE project_id = :project AND role = 'lead'"), values
    )
    if body["role"] == "lead" and lead is not None:
        raise Conflict(
            f"已有牵头单位 {lead} / {lead} leads already", [Fault("body.role", "只有一家牵头 / only one leads")]
        )
    new = session.scalar(
        text(
            "INSERT INTO project_duties (id, project_id, party, role, task, due_on) VALUES (:id, :project, :party, :role, :task, :due_on) "
            "ON CONFLICT (id) DO NOTHING RETURNING true"
        ),
        values,
    )
    if not new:
        raise Conflict("这个编号已用于另一责任 / this id belongs to another duty", [_ANOTHER])
    return True


def change_duty(session: Session, duty: UUID, body: dict[str, Any], version: int, today: date) -> UUID:
    """Change a duty, or say that it is done (or not); return its project.

    Raises:
        NotFound, Denied, Stale, Conflict: not visible; not the account's to change; changed since it was read; the project is closed.
    """
    project = session.scalar(text("SELECT project_id FROM project_duties WHERE id = :id"), {"id": duty})
    if project is None:
        raise NotFound("没有这项责任，或不在您的网格内 / no such duty, or not in your grids")
    still_open(held(session, project, leading=True))
    stored = session.execute(
        text("SELECT version, done_on FROM project_duties WHERE id = :id FOR UPDATE"), {"id": duty}
    ).one()
    check_version(stored.version, version)
    values = {name: value for name, value in body.items() if name != "done"}
    if "done" in body:
        values["done_on"] = (stored.done_on or today) if body["done"] else None
    if values:
        assigned = ", ".join(f"{name} = :{name}" for name in values)
        session.execute(text(f"UPDATE project_duties SET {assigned} WHERE id = :id_"), {**values, "id_": duty})
    return UUID(str(project))


def give_feedback(session: Session, identity: UUID, body: dict[str, Any], today: date) -> bool:
    """Note what came of a project; return whether it was not noted before.

    Raises:
        NotFound, Conflict: the project is not visible; it has not begun, or is closed; the id belongs to another feedback.
    """
    row = held(session, identity)
    made = body.get("id") or uuid4()
    same = session.execute(
        text("SELECT project_id, outcome, summary FROM project_feedback WHERE id = :id"), {"id": made}
    ).one_or_none()
    if same is not None:
        if tuple(same) != (identity, body["outcome"], body["summary"]):
            raise Conflict("这个编号已用于另一反馈 / this id belongs to another feedback", [_ANOTHER])
        return False
    still_open(row)
    if row["state"] == "planned":
        raise Conflict("项目尚未开始，还不能反馈 / the project has not begun: there is nothing to give feedback of")
    new = session.scalar(
        text(
            "INSERT INTO project_feedback (id, project_id, outcome, summary, given_on, account, reworks) "
            "VALUES (:id, :project, :outcome, :summary, :on, linli_actor(), :reworks) ON CONFLICT (id) DO NOTHING RETURNING true"
        ),
        {**body, "id": made, "project": identity, "on": today, "reworks": row["reworks"]},
    )
    if not new:
        raise Conflict("这个编号已用于另一反馈 / this id belongs to another feedback", [_ANOTHER])
    return True


def offers_for_project(
    session: Session, snapshots: Snapshots, identity: UUID, now: datetime, places: int
) -> list[dict[str, Any]]:
    """Return who can offer what a project needs."""
    row = seen(session, identity)
    return suggested(session, snapshots, row["service"], row["scope"], (row["lon"], row["lat"]), now, places)


def _check_need(session: Session, need: UUID) -> None:
    if not session.scalar(text("SELECT true FROM needs WHERE id = :id"), {"id": need}):
        raise _no_need()


def _no_need() -> NotFound:
    return NotFound("没有这个需求，或不在您的网格内 / no such need, or not in your grids")


def _source(session: Session, body: dict[str, Any]) -> tuple[UUID | None, int | None]:
    """Return the ids of the resource or the station meant."""
    if (body.get("resource") is None) == (body.get("station") is None):
        message = "请写明资源或站点之一 / name either a resource or a station"
        raise Invalid(message, [Fault("body.resource", message)])
    if body.get("resource") is not None:
        found = session.scalar(text("SELECT id FROM resources WHERE id = :id"), {"id": body["resource"]})
        if found is None:
            raise NotFound("没有这项资源 / no such resource")
        return UUID(str(found)), None
    station = session.scalar(text("SELECT id FROM stations WHERE code = :code"), {"code": body["station"]})
    if station is None:
        raise NotFound(f"没有编码为 {body['station']} 的站点 / no station has code {body['station']}")
    return None, int(station)


def _check_places(session: Session, service: str, resource: UUID | None, station: int | None, places: int) -> None:
    """Refuse what is not offered, or more places than are left; whoever else would take some waits."""
    ids = {"resource": resource, "station": station}
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:source, 0))"),
        {"source": f"places of {resource or station}"},
    )
    offered = session.execute(
        text(
            "SELECT capacity FROM resources WHERE id = :resource AND service = :service AND active UNION ALL "
            "SELECT CASE WHEN bool_or(capacity IS NULL) THEN NULL ELSE max(capacity) END FROM station_services "
            "WHERE station_id = :station AND kind = :service HAVING count(*) > 0"
        ),
        {**ids, "service": service},
    ).one_or_none()
    if offered is None:
        label = SERVICES.get(service, service)
        raise Conflict(f"它不提供{label}，或已停止提供 / it does not offer {service}, or no longer")
    if offered.capacity is None:
        return
    taken = session.scalar(
        text(
            "SELECT coalesce(sum(places), 0) FROM linli_places_taken() "
            "WHERE resource_id = :resource OR (station_id = :station AND service = :service)"
        ),
        {**ids, "service": service},
    )
    left = max(0, offered.capacity - int(taken))
    if places > left:
        raise Conflict(
            f"只剩 {left} 个名额 / only {left} places are left",
            [Fault("body.places", f"不超过 {left} / at most {left}")],
        )
