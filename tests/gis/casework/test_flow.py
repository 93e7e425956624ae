"""The table of the flow: every state can be reached, every event can end, and what is not in the table is refused by name."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gis.casework.flow import DISPUTE_STATES, OPEN, STATES, STEPS, WAITING, WORKING, check_step, label
from gis.casework.indicators import rates
from gis.casework.limits import DEFAULTS, KINDS, SEVERITIES, due
from gis.casework.worktime import read_calendar
from gis.errors import Conflict


def reached_from(state: str) -> set[str]:
    seen, todo = {state}, [state]
    while todo:
        for following in STEPS[todo.pop()]:
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return seen


def test_the_table_is_closed_and_every_state_is_reached() -> None:
    assert set(STEPS) == set(STATES) == set(DISPUTE_STATES)
    assert {state for steps in STEPS.values() for state in steps} <= set(STATES)
    assert reached_from("reported") == set(STATES)
    for state in OPEN:
        assert "evaluated" in reached_from(state)
    assert set(OPEN) == set(WAITING) | set(WORKING)


@pytest.mark.parametrize("current", sorted(STATES))
@pytest.mark.parametrize("wanted", sorted(STATES))
def test_a_step_is_legal_exactly_where_the_table_has_it(current: str, wanted: str) -> None:
    if wanted in STEPS[current]:
        check_step(current, wanted)
        return
    with pytest.raises(Conflict) as refused:
        check_step(current, wanted)
    for state in STEPS[current]:
        assert state in refused.value.detail


def test_disputes_have_their_own_words() -> None:
    assert label("evaluated") == "已评价"
    assert label("evaluated", "dispute") == "已销号"


def test_limits_exist_for_all_and_a_graver_event_is_never_slower() -> None:
    assert set(DEFAULTS) == {(kind, severity) for kind in KINDS for severity in SEVERITIES}
    for kind in KINDS:
        waits = [DEFAULTS[kind, severity].dispatch_min for severity in ("minor", "ordinary", "prominent", "major")]
        assert waits == sorted(waits, reverse=True)


def test_a_limit_runs_in_working_time_or_round_the_clock() -> None:
    friday = datetime(2026, 11, 20, 17, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    working = due(friday, 120, read_calendar(), round_the_clock=False)
    assert working.due_at == friday + timedelta(days=2, hours=17)  # Monday 10:00
    assert working.warn_at == friday + timedelta(days=2, hours=16, minutes=30)
    always = due(friday, 120, read_calendar(), round_the_clock=True)
    assert always.due_at == friday + timedelta(hours=2)
    assert always.warn_at == friday + timedelta(minutes=90)


def test_rates() -> None:
    counts = {"reported": 1065, "closed": 1045, "closed_in_time": 1000, "dispatched": 0, "resolved": 10, "reworked": 1}
    found = rates(counts)
    assert found["closure"] == 0.9812
    assert found["on_time_closure"] == 0.9569
    assert found["rework"] == 0.1
    assert found["on_time_dispatch"] is None and found["satisfaction"] is None
