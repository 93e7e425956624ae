"""字段用途登记 of casework: why each column of events is kept. An event is about a place; its reporter and its notes are about people."""

from __future__ import annotations

from collections.abc import Mapping

from gis.models.purpose import RESIDENCE, SECURITY, SERVICE, WORKERS, Purpose, technical

DEALERS = "本网格的网格员、上报人、规划员、管理员 / workers of the grid, the reporter, planners, admins"
KEPT = "办结后按档案期限 / after closing as the archive rules say"
_OF_DISPUTES = "纠纷的内容不给规划员看 / of disputes, planners do not read it"


def _event(purpose: str, protection: str = "") -> Purpose:
    return Purpose(purpose, SERVICE, KEPT, DEALERS, protection=protection)


def _visit(purpose: str, *, sensitive: bool = False) -> Purpose:
    return Purpose(purpose, SERVICE, RESIDENCE, WORKERS, sensitive=sensitive)


def _listed(purpose: str) -> Purpose:
    return Purpose(
        purpose, SERVICE, RESIDENCE, WORKERS, protection="规划员只见五的倍数 / planners see multiples of five"
    )


_FLOW = _event("办理流程 / the flow")
_TIMES = _event("时限 / time limits")
_PLACE = _event("在何处 / where it is")

CASEWORK: Mapping[str, Mapping[str, Purpose]] = {
    "events": {
        "id": technical("事件编号 / number of the event", DEALERS),
        "kind": _FLOW,
        "title": _event("什么事，不应写姓名 / what it is; names do not belong here", _OF_DISPUTES),
        "severity": _TIMES,
        "state": _FLOW,
        "geometry": _PLACE,
        "lon": _PLACE,
        "lat": _PLACE,
        "grid_id": _PLACE,
        "reported_by": Purpose(
            "结果反馈给上报人 / telling the reporter the result", SECURITY, KEPT, "上报人本人 / the reporter"
        ),
        **dict.fromkeys(("reported_at", "reported_on", "warn_at", "due_at"), _TIMES),
        "assignee": _FLOW,
        **dict.fromkeys(("dispatched_at", "dispatched_in_time", "resolved_at", "resolved_in_time"), _TIMES),
        "reworks": _FLOW,
        "outcome": _event("满意度，不用于个人考核 / satisfaction; no appraisal of persons"),
        "merged_into": _FLOW,
        "follow_up_on": _event("纠纷的回访 / visit after a dispute"),
        "followed_up_on": _event("纠纷的回访 / visit after a dispute"),
        "version": technical("防止相互覆盖修改 / keeps changes from overwriting each other", DEALERS),
        "updated_at": technical("最近修改时间 / time of the last change", DEALERS),
    },
    "event_steps": {
        "id": technical("步骤编号 / number of the step"),
        "step_id": technical("重复提交只算一次 / sent twice, it is one"),
        "event_id": _FLOW,
        "at": _FLOW,
        "account": Purpose("谁办的，用于问责 / who took the step, for accountability", SECURITY, KEPT, DEALERS),
        "from_state": _FLOW,
        "to_state": _FLOW,
        "assignee": _FLOW,
        "note": _event("办理说明 / what was done", _OF_DISPUTES),
    },
    "visits": {
        "id": technical("走访编号 / number of the visit"),
        "household_id": _visit("走访了哪一户 / which household"),
        "visited_on": _visit("下次走访的时间 / when the next visit is due"),
        "outcome": _visit("是否见到 / whether somebody was met"),
        "missed": _visit("下次走访的时间 / when the next visit is due"),
        "unchanged": _visit("档案是否仍然属实 / whether the file is still true"),
        "note": _visit("走访所见 / what was found", sensitive=True),
        "visited_by": Purpose(
            "问责，不用于考勤或排名 / accountability; no attendance, no ranking", SECURITY, RESIDENCE, WORKERS
        ),
        "created_at": technical("记录时间 / when it was recorded"),
    },
    "project_needs": {
        "project_id": _listed("哪个项目回应 / which project answers it"),
        "need_id": _listed("哪项需求 / which need"),
        "linked_at": technical("关联时间 / when it was linked"),
    },
    "project_feedback": {
        "id": technical("反馈编号 / number of the feedback"),
        "project_id": _FLOW,
        "outcome": _event("满意度，不用于个人考核 / satisfaction; no appraisal of persons"),
        "summary": _event("办得怎样，不应写姓名 / what came of it; names do not belong here"),
        "given_on": _TIMES,
        "reworks": technical("属于项目的第几轮 / which round of the project it belongs to"),
        "account": Purpose("谁记录的，用于问责 / who recorded it, for accountability", SECURITY, KEPT, DEALERS),
    },
    "event_desks": {
        "event_id": _FLOW,
        "desk": _event("会办单位，不是个人 / desks that help; no persons"),
        "asked_at": _TIMES,
        "done_at": _TIMES,
    },
}
