"""A short kill campaign; ``make torture`` runs the long one."""

from __future__ import annotations

from tests.torture.campaign import run

KILLS, SEED = 9, 20


def test_nothing_is_lost_whatever_is_killed() -> None:
    said: list[str] = []
    outcome = run(KILLS, SEED, said.append)
    assert outcome.wrong == [], outcome.report()
    assert outcome.kills.total() == KILLS
    assert outcome.imports["whole"] > 2
    assert min(outcome.compared[each] for each in ("snapshots", "files and their rows", "assignments")) >= KILLS
