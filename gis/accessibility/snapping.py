"""From a home or a station to the street: the nearest point of an edge, how far along it that lies, and how far away it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import shapely

from gis.accessibility.coverage import NO_NETWORK, NO_POSITION, TOLERANCE_M, TOO_FAR
from gis.accessibility.graph import StreetGraph
from gis.accessibility.policy import WalkPolicy


@dataclass(frozen=True)
class Snapped:
    """Where n places join the street graph.

    Attributes:
        x_m, y_m: float64 (n,), the places themselves, metres.
        edge: int32 (n,), −1 where a place does not join.
        offset_m: float64 (n,), metres along the edge's shape; NaN where a place does not join.
        access_m: float64 (n,), metres from the place to the street, known up to the policy's ``network_reach_m``, NaN beyond.
        snap_x_m, snap_y_m: float64 (n,), the point on the street, NaN where a place does not join.
        u, v: int32 (n,), the nodes at the ends of the edge, −1 where a place does not join.
        to_u_m, to_v_m: float64 (n,), metres from the place itself to these nodes, NaN where it does not join.
        component: int32 (n,), the connected part of the network, −1 where a place does not join.
        reason: int8 (n,), why a place does not join, a code of `coverage.REASONS`, 0 where it does.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    edge: np.ndarray
    offset_m: np.ndarray
    access_m: np.ndarray
    snap_x_m: np.ndarray
    snap_y_m: np.ndarray
    u: np.ndarray
    v: np.ndarray
    to_u_m: np.ndarray
    to_v_m: np.ndarray
    component: np.ndarray
    reason: np.ndarray

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self.edge)

    @cached_property
    def joined(self) -> np.ndarray:
        """Which places join, by position in ascending order."""
        return np.flatnonzero(self.edge >= 0)

    @cached_property
    def here(self) -> Snapped:
        """Those that join; itself where all do."""
        return self if len(self.joined) == len(self) else self.take(self.joined)

    @cached_property
    def by_edge(self) -> tuple[np.ndarray, np.ndarray]:
        """The places ordered by their edge: positions, and the edges in that order."""
        order = np.argsort(self.edge, kind="stable")
        return order, self.edge[order]

    def take(self, chosen: np.ndarray) -> Snapped:
        """Return some of the places, by position or by a mask."""
        return Snapped(*(getattr(self, name)[chosen] for name in _COLUMNS))

    def followed_by(self, other: Snapped) -> Snapped:
        """Return these places and then others of the same graph."""
        return Snapped(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in _COLUMNS))


_COLUMNS = tuple(column.name for column in fields(Snapped))


def snap(graph: StreetGraph, x_m: np.ndarray, y_m: np.ndarray, policy: WalkPolicy | None = None) -> Snapped:
    """Join places to the nearest point of any edge, the straight way.

    Of several equally near segments the first in the graph's order is taken.

    Args:
        graph: the streets that the profile can walk on.
        x_m, y_m: float64 (n,), metres; NaN where there is no position.
        policy: gives ``snap_cap_m``, beyond which a place does not join, and ``network_reach_m``, beyond which there is said to be no
            network.

    Returns:
        The places joined, or the reason why not.
    """
    policy = policy or WalkPolicy()
    x_m, y_m = np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64)
    count = len(x_m)
    edge = np.full(count, -1, dtype=np.int32)
    offset_m, access_m, snap_x_m, snap_y_m = (np.full(count, np.nan) for _ in range(4))
    reason = np.full(count, NO_NETWORK, dtype=np.int8)
    placed = np.isfinite(x_m) & np.isfinite(y_m)
    reason[~placed] = NO_POSITION
    who, segment = _nearest_segments(graph, x_m, y_m, np.flatnonzero(placed))
    if len(who):
        foot_x, foot_y, along_m = _feet(graph, segment, x_m[who], y_m[who])
        away_m = np.hypot(x_m[who] - foot_x, y_m[who] - foot_y)
        order = np.lexsort((segment, away_m, who))
        best = order[np.concatenate([[True], np.diff(who[order]) != 0])]
        who, segment, away_m = who[best], segment[best], away_m[best]
        known = away_m <= policy.network_reach_m
        access_m[who[known]] = away_m[known]
        near = away_m <= policy.snap_cap_m + TOLERANCE_M
        reason[who[known]] = TOO_FAR
        reason[who[near]] = 0
        joined = who[near]
        edge[joined] = graph.segment_edge[segment[near]]
        offset_m[joined] = along_m[best][near]
        snap_x_m[joined], snap_y_m[joined] = foot_x[best][near], foot_y[best][near]
    u, v, to_u_m, to_v_m, component = _ends(graph, edge, offset_m, access_m)
    return Snapped(x_m, y_m, edge, offset_m, access_m, snap_x_m, snap_y_m, u, v, to_u_m, to_v_m, component, reason)


def _ends(
    graph: StreetGraph, edge: np.ndarray, offset_m: np.ndarray, access_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The nodes at both ends of each place's edge, the metres to them, and the connected part."""
    joined = edge >= 0
    u, v, component = (np.full(len(edge), -1, dtype=np.int32) for _ in range(3))
    to_u_m, to_v_m = np.full(len(edge), np.nan), np.full(len(edge), np.nan)
    own = edge[joined]
    u[joined], v[joined], component[joined] = graph.edge_u[own], graph.edge_v[own], graph.edge_component[own]
    to_u_m[joined] = access_m[joined] + offset_m[joined]
    to_v_m[joined] = access_m[joined] + (graph.edge_length_m[own] - offset_m[joined])
    return u, v, to_u_m, to_v_m, component


def _nearest_segments(
    graph: StreetGraph, x_m: np.ndarray, y_m: np.ndarray, who: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All nearest segments of each place, as pairs of the place's and the segment's position."""
    if graph.n_edges == 0 or len(who) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    points = shapely.points(x_m[who], y_m[who])
    pairs = graph.segment_tree.query_nearest(points, all_matches=True)  # a wide max_distance would make it slower
    return who[pairs[0]], pairs[1]


def _feet(
    graph: StreetGraph, segment: np.ndarray, x_m: np.ndarray, y_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest point of each segment, and how far along its edge it lies."""
    first = graph.segment_first[segment]
    ax, ay = graph.shape_x_m[first], graph.shape_y_m[first]
    dx, dy = graph.shape_x_m[first + 1] - ax, graph.shape_y_m[first + 1] - ay
    share = np.clip(((x_m - ax) * dx + (y_m - ay) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    begin_m, end_m = graph.shape_at_m[first], graph.shape_at_m[first + 1]
    return ax + share * dx, ay + share * dy, begin_m + share * (end_m - begin_m)
