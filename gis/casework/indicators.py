"""考核评价: what a screen shows of events, worked out from counts. Of places and kinds of desk, never of people: no ranking of staff.

On-time dispatch = dispatched in time ÷ dispatched; closure = closed ÷ reported; on-time closure = closed in time ÷ closed; rework = sent back
after resolving ÷ resolved; satisfaction = satisfied ÷ evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping

RATES: dict[str, tuple[str, str, str]] = {
    "on_time_dispatch": ("dispatched_in_time", "dispatched", "按时分流率"),
    "closure": ("closed", "reported", "办结率"),
    "on_time_closure": ("closed_in_time", "closed", "按时办结率"),
    "rework": ("reworked", "resolved", "返工率"),
    "satisfaction": ("satisfied", "evaluated", "满意率"),
}
COUNTS = tuple(dict.fromkeys(name for part, whole, _ in RATES.values() for name in (part, whole)))


def rates(counts: Mapping[str, int]) -> dict[str, float | None]:
    """Return each rate from 0 to 1, four digits; None where nothing is in the denominator."""
    return {
        name: round(counts.get(part, 0) / counts[whole], 4) if counts.get(whole) else None
        for name, (part, whole, _) in RATES.items()
    }
