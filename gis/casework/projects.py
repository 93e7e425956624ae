"""五张清单: how a project goes from plan to close, as one table, and what a close still lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gis.errors import Conflict, Fault

STATES = {"planned": "拟办", "running": "在办", "done": "办成", "closed": "销号"}
STEPS: Mapping[str, tuple[str, ...]] = {
    "planned": ("running",),
    "running": ("done", "planned"),
    "done": ("closed", "running"),
    "closed": (),
}
"""From each state to each that may follow. done → running is rework: the residents are not content."""
OPEN = ("planned", "running", "done")
BUSY = ("planned", "running")
"""States in which a project takes up places of its resources."""
ROLES = {"lead": "牵头", "joint": "配合"}


@dataclass(frozen=True)
class Standing:
    """What a project has so far."""

    state: str
    has_lead: bool
    duties_open: int
    has_feedback: bool
    """Since it was last taken up again."""


def check_step(standing: Standing, wanted: str) -> None:
    """Refuse a step that is not in the table, or for which something is missing.

    Raises:
        Conflict: naming the states that may follow, or what is missing, each as a fault of its own.
    """
    legal = STEPS[standing.state]
    if wanted not in legal:
        choices = "、".join(f"{state} {STATES[state]}" for state in legal) or "无"
        raise Conflict(
            f"项目不能由 {standing.state}（{STATES[standing.state]}）到 {wanted}；可到：{choices} / "
            f"a project cannot go from {standing.state} to {wanted}; allowed from here: {', '.join(legal) or 'none'}"
        )
    lacking = missing(standing, wanted)
    if lacking:
        chinese = "；".join(fault.message.split(" / ")[0] for fault in lacking)
        english = "; ".join(fault.message.split(" / ")[1] for fault in lacking)
        raise Conflict(f"还缺：{chinese} / still missing: {english}", lacking)


def is_rework(state: str, wanted: str) -> bool:
    """Tell whether a step takes up again what was done: feedback of before counts no more for closing."""
    return (state, wanted) == ("done", "running")


def missing(standing: Standing, wanted: str) -> list[Fault]:
    """Return what a project lacks for a state."""
    faults = []
    if wanted in ("running", "closed") and not standing.has_lead:
        faults.append(Fault("duties", "牵头单位 / a desk or organisation that leads"))
    if wanted == "closed" and standing.duties_open:
        faults.append(
            Fault("duties", f"{standing.duties_open} 项责任未完成 / {standing.duties_open} duties are not done")
        )
    if wanted == "closed" and not standing.has_feedback:
        faults.append(Fault("feedback", "反馈 / feedback"))
    return faults
