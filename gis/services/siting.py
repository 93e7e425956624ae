"""Where next: the sites at which new stations would cover the most people whom the existing ones leave out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.accessibility.siting import Choice, choose_sites
from gis.accessibility.snapping import snap
from gis.accessibility.walking import walk_pairs
from gis.errors import Fault, Invalid
from gis.services.coverage import CoverageQuery, cover, describe, resolve, sites_in_area
from gis.services.network import network, snapped_homes
from gis.services.snapshots import Snapshots

MOST_CANDIDATES = 5_000
_MOST_KINDS = 40
_KINDS = text(
    "SELECT kind FROM buildings WHERE kind IS NOT NULL GROUP BY kind ORDER BY count(*) DESC, kind LIMIT :most"
)
GROUPS = ("households", "residents", "elders_60", "children_12")


@dataclass(frozen=True)
class Wanted:
    """What is asked: how many new stations, where they may stand, and whom to count by how much.

    ``points`` are (n, 2) degrees, or None for buildings: all of them, or those of ``building_kind``.
    """

    new_stations: int
    weights: dict[str, float]
    points: np.ndarray | None = None
    building_kind: str | None = None
    time_limit_s: float = 10.0


def choose(session: Session, snapshots: Snapshots, query: CoverageQuery, wanted: Wanted, today: date) -> dict[str, Any]:
    """Choose sites for new stations of one service; existing ones stay (maximal covering location problem, exact by HiGHS).

    Everybody walks at the profile's speed, as an adult where it is ``own``.

    Returns:
        ``chosen`` and ``greedy``: each the sites (code or number, name, lon, lat) and ``covered``, the weight newly covered; ``uncovered``
        before, ``bound`` that no choice exceeds, ``gap`` (0 when proven), ``optimal``.

    Raises:
        Invalid: not one service, no candidate, or too many.
    """
    query = resolve(session, snapshots, query)
    if len(query.services) != 1:
        message = "请只选一项服务 / choose exactly one service"
        raise Invalid(message, [Fault("service", message)])
    profile = "adult" if query.profile == "own" else query.profile
    query = replace(query, profile=profile)
    demand = snapshots.sites(session, today, exact=query.exact).demand
    covered = cover(session, snapshots, query, today, snapshots.stations(session)).households
    weight = sum((getattr(demand, name) * value for name, value in wanted.weights.items()), np.zeros(len(demand)))
    weight = np.where(sites_in_area(session, snapshots, query, today), weight, 0.0)
    names, lon, lat = _candidates(session, wanted)
    site, candidate = _within_reach(session, snapshots, query, np.column_stack([lon, lat]), today)
    found = choose_sites(site, candidate, len(names), weight, covered, wanted.new_stations, wanted.time_limit_s)

    def told(choice: Choice) -> dict[str, Any]:
        places = [{**names[i], "lon": float(lon[i]), "lat": float(lat[i])} for i in choice.chosen]
        return {"sites": places, "covered": round(choice.covered, 6)}

    return {
        "parameters": describe(query),
        "candidates": len(names),
        "chosen": told(found.best),
        "greedy": told(found.greedy),
        "uncovered": round(found.uncovered, 6),
        "bound": round(found.bound, 6),
        "gap": round(found.gap, 6),
        "optimal": found.optimal,
    }


def building_kinds(session: Session, snapshots: Snapshots) -> tuple[str, ...]:
    """Return the kinds of buildings that new stations may be sited among, the most frequent first."""

    def load(loading: Session) -> tuple[str, ...]:
        rows = loading.execute(_KINDS, {"most": _MOST_KINDS})
        return tuple(row[0] for row in rows)

    found: tuple[str, ...] = snapshots.remember(session, ("building kinds",), ("buildings",), load)
    return found


def _candidates(session: Session, wanted: Wanted) -> tuple[list[dict[str, Any]], np.ndarray, np.ndarray]:
    """Return what each candidate is called, and where it is in degrees."""
    if wanted.points is not None:
        names: list[dict[str, Any]] = [{"number": number} for number in range(len(wanted.points))]
        lon, lat = wanted.points[:, 0], wanted.points[:, 1]
    else:
        rows = session.execute(
            text(
                "SELECT code, name, lon, lat FROM buildings WHERE CAST(:kind AS text) IS NULL OR kind = :kind "
                "ORDER BY code"
            ),
            {"kind": wanted.building_kind},
        ).all()
        names = [{"code": row[0], "name": row[1]} for row in rows]
        lon, lat = (
            np.array([row[2] for row in rows], dtype=float),
            np.array([row[3] for row in rows], dtype=float),
        )
    if not names:
        raise _fault("没有候选地点 / there is no candidate")
    if len(names) > MOST_CANDIDATES:
        raise _fault(
            f"候选地点 {len(names)} 个，最多 {MOST_CANDIDATES}；请按类别或坐标缩小 / {len(names)} candidates, at most "
            f"{MOST_CANDIDATES}: narrow them by kind or give points"
        )
    return names, lon, lat


def _within_reach(
    session: Session, snapshots: Snapshots, query: CoverageQuery, lonlat: np.ndarray, today: date
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of sites and candidates within the minutes."""
    x_m, y_m = snapshots.metric(session).to_m(lonlat[:, 0], lonlat[:, 1])
    if query.method == "walk":
        net = network(session, snapshots, query.profile)
        joined = snap(net.graph, x_m, y_m, snapshots.policy)
        homes = snapped_homes(session, snapshots, net, today)
        pairs = walk_pairs(net.graph, homes, joined, snapshots.policy.walk_distance_m(query.minutes, query.profile))
        return pairs.home, pairs.station
    demand = snapshots.sites(session, today).demand
    placed = np.flatnonzero(demand.placed)
    if not len(placed):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    tree = cKDTree(np.column_stack([demand.x_m[placed], demand.y_m[placed]]))
    near = tree.query_ball_point(
        np.column_stack([x_m, y_m]), snapshots.policy.buffer_radius_m(query.minutes, query.profile)
    )
    candidate = np.repeat(np.arange(len(near)), [len(found) for found in near])
    return placed[np.concatenate([np.array(found, dtype=np.int64) for found in near])], candidate


def _fault(message: str) -> Invalid:
    return Invalid(message, [Fault("candidates", message)])
