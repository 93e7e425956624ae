"""三色管理: how often a household is visited by its colour, who is due, and in which order to walk the round.

No check-in: a visit says that and how it went, not where the visitor was or for how long.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

INTERVALS_DAYS: Mapping[str, int] = MappingProxyType({"red": 7, "yellow": 30, "green": 90})
"""A place's policy to begin with; each place sets its own."""
OUTCOMES = {"met": "见到", "phoned": "电话联系", "absent": "家中无人", "declined": "不便"}
"""What a visit may end with; a place may use other words."""
MISSED = ("absent", "declined")
"""A visit that ends so was tried, and the household stays due."""


def round_order(distance_m: np.ndarray, start: int | None = None) -> list[int]:
    """Return the order in which to walk to every stop, a short way though not proven the shortest.

    The nearest stop next, then crossings undone (2-opt, Croes 1958) until no exchange shortens the way.

    Args:
        distance_m: float64 (n, n), metres between stops, symmetric; NaN or infinite where there is no way: such a stop comes late.
        start: the stop to begin at; None: any, the best of all begins is taken for up to 12 stops, else the first.

    Returns:
        Each of the n stops once; the start, where given, first.
    """
    n = len(distance_m)
    if n == 0:
        return []
    far = np.nanmax(np.where(np.isfinite(distance_m), distance_m, 0.0)) * n + 1.0
    cost = np.where(np.isfinite(distance_m), distance_m, far)
    begins = [start] if start is not None else range(n) if n <= 12 else [0]
    orders = [_shorten(_nearest_next(cost, begin), cost, fixed=start is not None) for begin in begins]
    return min(orders, key=lambda order: (length_m(order, cost), order))


def length_m(order: list[int], distance_m: np.ndarray) -> float:
    """Return the length of a way through the stops in an order."""
    return float(sum(distance_m[a, b] for a, b in itertools.pairwise(order)))


def _nearest_next(cost: np.ndarray, begin: int) -> list[int]:
    order, left = [begin], set(range(len(cost))) - {begin}
    while left:
        here = order[-1]
        following = min(left, key=lambda stop: (cost[here, stop], stop))
        order.append(following)
        left.remove(following)
    return order


def _shorten(order: list[int], cost: np.ndarray, *, fixed: bool) -> list[int]:
    """Turn stretches round as long as that shortens the open way; a fixed begin stays."""
    n, better = len(order), True
    while better:
        better = False
        for i in range(1 if fixed else 0, n - 1):
            for j in range(i + 1, n):
                before = cost[order[i - 1], order[i]] if i else 0.0
                after = cost[order[j], order[j + 1]] if j + 1 < n else 0.0
                turned = (cost[order[i - 1], order[j]] if i else 0.0) + (
                    cost[order[i], order[j + 1]] if j + 1 < n else 0.0
                )
                if turned + 1e-9 < before + after:
                    order[i : j + 1] = order[i : j + 1][::-1]
                    better = True
    return order
