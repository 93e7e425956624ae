"""吹哨报到: the flow of an event as one table. Whatever is not in it is no step.

派遣 dispatch goes down to a desk, 请办 escalate goes up to the desk of the area above; a desk to which it does not belong returns it.
Disputes go the same way; mediation calls its stations 发现 find, 登记 register, 解决 resolve, 销号 close (四个一), and comes by again after.
"""

from __future__ import annotations

from collections.abc import Mapping

from gis.errors import Conflict, Fault

STATES = {
    "reported": "已上报",
    "dispatched": "已分流",
    "handling": "处置中",
    "returned": "已退回",
    "escalated": "已请办",
    "resolved": "已办结",
    "evaluated": "已评价",
    "merged": "已并案",
}
DISPUTE_STATES = {
    **STATES,
    "reported": "已发现",
    "dispatched": "已登记",
    "handling": "调解中",
    "resolved": "已解决",
    "evaluated": "已销号",
}
"""四个一: what mediation calls the same states."""

STEPS: Mapping[str, tuple[str, ...]] = {
    "reported": ("dispatched", "escalated", "merged"),
    "dispatched": ("handling", "returned", "escalated", "merged"),
    "handling": ("resolved", "returned", "escalated"),
    "returned": ("dispatched", "escalated", "merged"),
    "escalated": ("dispatched", "returned"),
    "resolved": ("evaluated", "handling"),
    "evaluated": (),
    "merged": (),
}
"""From each state to each that may follow. resolved → handling is rework: the reporter is not content."""

OPEN = tuple(state for state in STATES if state not in ("resolved", "evaluated", "merged"))
"""States in which somebody still has to do something about the matter itself."""
WAITING = ("reported", "returned", "escalated")
"""States that wait for a dispatcher; the dispatch limit runs in them."""
WORKING = ("dispatched", "handling")
"""States that wait for the desk; the handling limit runs in them."""

OUTCOMES = {"satisfied": "满意", "neutral": "一般", "dissatisfied": "不满意"}


def label(state: str, kind: str = "") -> str:
    """Return what a state is called, for an event of a kind."""
    return (DISPUTE_STATES if kind == "dispute" else STATES)[state]


def check_step(current: str, wanted: str) -> None:
    """Refuse a step that is not in the table.

    Raises:
        Conflict: naming the states that may follow.
    """
    legal = STEPS[current]
    if wanted in legal:
        return
    if not legal:
        raise Conflict(
            f"{current}（{STATES[current]}）是终态，不能再变更 / {current} is final; no state may follow: []"
        )
    choices = "、".join(f"{state} {STATES[state]}" for state in legal)
    faults = [Fault("body.to", f"{STATES[state]} / {state}") for state in legal]
    raise Conflict(
        f"不能由 {current}（{STATES[current]}）到 {wanted}；可到：{choices} / not from {current} to {wanted}; allowed from here: {', '.join(legal)}",
        faults,
    )
