"""五张清单 as a workbook, one sheet each: needs, resources, projects, responsibility, feedback. No names; of needs, planners get figures in fives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Any

import numpy as np
from openpyxl import Workbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.flow import OUTCOMES
from gis.casework.projects import ROLES, STATES
from gis.models.vocabulary import SERVICES
from gis.needs.disclosure import told
from gis.services.casework.projects import NEEDS_SEEN, count_told
from gis.services.indicators import grid_counts
from gis.services.needs import open_by_service
from gis.services.snapshots import Snapshots
from gis.services.spreadsheet import add_sheet
from gis.store.auditing import note

_FEW = "少于 5 / fewer than 5"
_OWN_NEEDS = """
SELECT n.id, h.code, g.code AS grid, n.service, n.opened_on, n.closed_on,
       (SELECT string_agg(p.title, '；' ORDER BY p.title) FROM project_needs l JOIN projects p ON p.id = l.project_id WHERE l.need_id = n.id) AS projects
FROM needs n JOIN households h ON h.id = n.household_id LEFT JOIN grids g ON g.id = h.grid_id ORDER BY n.opened_on DESC, n.created_at DESC, n.id
"""
_RESOURCES = """
SELECT r.id, r.organisation, r.service, r.area, r.hours, r.capacity,
       coalesce((SELECT t.places FROM linli_places_taken() t WHERE t.resource_id = r.id), 0) AS taken, r.active FROM resources r ORDER BY r.organisation, r.id
"""
_PROJECTS = f"""
SELECT p.id, p.title, p.service, p.area, p.state, p.starts_on, p.ends_on, p.closed_on,
       {NEEDS_SEEN} AS needs,
       (SELECT string_agg(coalesce(s.name, r.organisation), '；' ORDER BY t.id) FROM project_resources t LEFT JOIN resources r ON r.id = t.resource_id
        LEFT JOIN stations s ON s.id = t.station_id WHERE t.project_id = p.id) AS resources
FROM projects p ORDER BY p.title, p.id
"""
_DUTIES = """
SELECT p.title, coalesce(k.name, d.party) AS party, d.role, d.task, d.due_on, d.done_on FROM project_duties d JOIN projects p ON p.id = d.project_id
LEFT JOIN desks k ON k.code = d.party ORDER BY p.title, p.id, d.role DESC, d.id
"""
_FEEDBACK = """
SELECT p.title, f.given_on, f.outcome, f.summary FROM project_feedback f JOIN projects p ON p.id = f.project_id ORDER BY p.title, p.id, f.given_on, f.id
"""


def export_lists(session: Session, snapshots: Snapshots, today: date, *, role: str, exact: bool) -> bytes:
    """Return the five lists as an XLSX file of what the account may see.

    Args:
        session: a transaction of the account.
        snapshots: the caches.
        today: the place's date.
        role: a worker gets the needs of own grids (by household code), everybody else how many are open of each service.
        exact: whether the account may read exact numbers of needs.
    """
    book = Workbook(write_only=True)
    heads: tuple[str, ...]
    if role == "worker":
        needs, heads = (
            list(_own_needs(session)),
            ("需求编号", "户编码", "网格", "服务事项", "提出日期", "办结日期", "项目"),
        )
    else:
        needs, heads = list(_needs_by_service(session, snapshots, today, exact=exact)), ("服务事项", "未办结需求")
    counts = {
        "需求清单": add_sheet(book, "需求清单", heads, needs),
        "资源清单": add_sheet(
            book,
            "资源清单",
            ("资源编号", "单位", "服务事项", "区域", "开放时间", "名额", "已占用", "提供中"),
            _resources(session),
        ),
        "项目清单": add_sheet(
            book,
            "项目清单",
            ("项目编号", "项目", "服务事项", "区域", "状态", "开始", "结束", "销号", "关联需求", "资源"),
            _projects(session, exact=exact or role == "worker"),
        ),
        "责任清单": add_sheet(book, "责任清单", ("项目", "单位", "角色", "任务", "期限", "完成"), _duties(session)),
        "反馈清单": add_sheet(book, "反馈清单", ("项目", "日期", "评价", "反馈"), _feedback(session)),
    }
    target = BytesIO()
    book.save(target)
    note(session, "lists.export", detail={"rows": counts})
    return target.getvalue()


def _needs_by_service(session: Session, snapshots: Snapshots, today: date, *, exact: bool) -> Iterator[tuple[Any, ...]]:
    total = int(grid_counts(session, snapshots, today, exact=exact)["needs_open"].sum())
    everywhere = np.ones(len(snapshots.grids(session).codes) + 1, dtype=bool)
    for service, n in open_by_service(session, snapshots, everywhere, today, total=None if exact else total).items():
        figure = n if exact else told(n, 1)
        yield SERVICES.get(service, service), _FEW if figure is None else figure


def _own_needs(session: Session) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(text(_OWN_NEEDS)):
        yield (
            row.id,
            row.code,
            row.grid,
            SERVICES.get(row.service, row.service),
            row.opened_on,
            row.closed_on,
            row.projects,
        )


def _resources(session: Session) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(text(_RESOURCES)):
        service = SERVICES.get(row.service, row.service)
        yield (
            row.id,
            row.organisation,
            service,
            row.area,
            row.hours,
            row.capacity,
            int(row.taken),
            "是" if row.active else "否",
        )


def _projects(session: Session, *, exact: bool) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(text(_PROJECTS)):
        needs = count_told(session, row.id, row.needs, exact=exact)
        service, state = SERVICES.get(row.service, row.service), STATES[row.state]
        dates = (row.starts_on, row.ends_on, row.closed_on)
        yield row.id, row.title, service, row.area, state, *dates, _FEW if needs is None else needs, row.resources


def _duties(session: Session) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(text(_DUTIES)):
        yield row.title, row.party, ROLES[row.role], row.task, row.due_on, row.done_on


def _feedback(session: Session) -> Iterator[tuple[Any, ...]]:
    for row in session.execute(text(_FEEDBACK)):
        yield row.title, row.given_on, OUTCOMES[row.outcome], row.summary
