"""How far it is to walk between single places: on the streets where they are known, else in a straight line with a detour."""

from __future__ import annotations

import numpy as np
from sqlalchemy.orm import Session

from gis.accessibility.snapping import snap
from gis.accessibility.walking import walk_pairs
from gis.services.network import has_streets, network
from gis.services.snapshots import Snapshots

DETOUR = 1.3
"""How many times longer than a straight line a walk is taken to be, where no street is known."""
FARTHEST_M = 10_000.0


def walks_m(session: Session, snapshots: Snapshots, origins: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the metres to walk from each origin to each target.

    Args:
        session: a transaction.
        snapshots: the caches.
        origins: float64 (o, 2), lon and lat.
        targets: float64 (t, 2), lon and lat.

    Returns:
        float64 (o, t); between places that no street joins, the straight line with a detour.
    """
    if not len(origins) or not len(targets):
        return np.zeros((len(origins), len(targets)))
    metric = snapshots.metric(session)
    from_x_m, from_y_m = metric.to_m(origins[:, 0], origins[:, 1])
    to_x_m, to_y_m = metric.to_m(targets[:, 0], targets[:, 1])
    found = np.hypot(from_x_m[:, None] - to_x_m[None, :], from_y_m[:, None] - to_y_m[None, :]) * DETOUR
    if has_streets(session, snapshots):
        graph, policy = network(session, snapshots, "adult").graph, snapshots.policy
        to, origin = snap(graph, to_x_m, to_y_m, policy), snap(graph, from_x_m, from_y_m, policy)
        pairs = walk_pairs(graph, to, origin, FARTHEST_M)
        found[pairs.station, pairs.home] = pairs.distance_m
    return found
