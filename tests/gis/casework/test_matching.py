"""Who is suggested first."""

from __future__ import annotations

from typing import Any

from gis.casework.matching import Candidate, ranked


def test_candidates_in_order() -> None:
    def one(key: str, **more: Any) -> Candidate:
        facts: dict[str, Any] = {"open": True, "walk_m": 100, "capacity": None, **more}
        return Candidate(source="resource", key=key, name=key, hours="24/7", **facts)

    all_ = [
        one("full", capacity=2, taken=2, walk_m=1),
        one("shut", open=False, walk_m=1),
        one("nowhere", walk_m=None),
        one("far", walk_m=900),
        one("near"),
        one("over", capacity=1, taken=5),
    ]
    assert [each.key for each in ranked(all_)] == ["near", "far", "nowhere", "shut", "full", "over"]
    assert [each.left for each in all_] == [0, None, None, None, None, 0]
    assert len(ranked(all_, most=2)) == 2
