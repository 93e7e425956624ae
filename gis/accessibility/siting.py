"""Where the next stations should stand: the maximal covering location problem, solved exactly, with the greedy answer beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array, csr_array, hstack, vstack

_OPTIMAL_GAP = 1e-9


@dataclass(frozen=True)
class Choice:
    """Some candidates, by position in ascending order, and the weight that they newly cover."""

    chosen: np.ndarray
    covered: float


@dataclass(frozen=True)
class Siting:
    """The answer.

    Attributes:
        best: the best choice found, never worse than the greedy one.
        greedy: what adding the best next candidate, one by one, gives.
        uncovered: the weight that the existing stations leave uncovered.
        bound: no choice covers more than this.
        gap: (bound − covered) / bound, 0 when the best choice is proven.
        optimal: whether it is proven that no choice covers more.
    """

    best: Choice
    greedy: Choice
    uncovered: float
    bound: float
    gap: float
    optimal: bool


def choose_sites(
    site: np.ndarray,
    candidate: np.ndarray,
    n_candidates: int,
    weight: np.ndarray,
    covered: np.ndarray,
    new_stations: int,
    time_limit_s: float = 10.0,
) -> Siting:
    """Choose the candidates that cover the most people whom the existing stations do not cover.

    The maximal covering location problem (R. Church, C. ReVelle, The maximal covering location problem, Papers of the Regional Science
    Association 32 (1974) 101–118), existing stations fixed, as a mixed-integer programme for HiGHS. Fewer than ``new_stations`` are
    chosen when more would cover nobody.

    Args:
        site, candidate: int (p,), which candidate would cover which site.
        n_candidates: m.
        weight: float64 (n,), people at each site, weighted as the caller likes; not negative.
        covered: bool (n,), sites that existing stations cover.
        new_stations: how many to add, at least 1.
        time_limit_s: when it is over, the best choice so far is returned with its bound.

    Returns:
        The best choice, the greedy one, and how good the best is proven to be.

    Raises:
        ValueError: no new station is asked for, a weight is negative, or the time limit is not positive.
    """
    weight = np.asarray(weight, dtype=np.float64)
    if new_stations < 1:
        raise ValueError("新站点数至少为 1 / at least one new station")
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("权重须为非负数 / weights must be finite and not negative")
    if not time_limit_s > 0:
        raise ValueError("时限须大于 0 / the time limit must be more than 0")
    open_weight = np.where(covered, 0.0, weight)
    uncovered = float(open_weight.sum())
    useful = open_weight[site] > 0
    reach = csr_array(
        (np.ones(int(useful.sum())), (site[useful], candidate[useful])), shape=(len(weight), n_candidates)
    )
    reach.data[:] = 1.0  # the same pair given twice counts once
    demand, reach = _merge_alike(open_weight, reach)
    greedy, greedy_bound = _greedy(demand, reach, new_stations)
    if len(demand) == 0 or len(greedy.chosen) < new_stations or greedy.covered >= greedy_bound * (1 - _OPTIMAL_GAP):
        # Everyone that any candidate can reach is reached, or the greedy answer meets its own bound.
        return Siting(greedy, greedy, uncovered, greedy.covered, 0.0, True)
    exact, bound = _solve(demand, reach, new_stations, time_limit_s)
    best = exact if exact is not None and exact.covered >= greedy.covered else greedy
    bound = max(min(bound, greedy_bound), best.covered)
    gap = (bound - best.covered) / bound if bound > 0 else 0.0
    optimal = gap <= _OPTIMAL_GAP
    return Siting(best, greedy, uncovered, bound, 0.0 if optimal else gap, optimal)


def _merge_alike(weight: np.ndarray, reach: csr_array) -> tuple[np.ndarray, csr_array]:
    """Sites that the same candidates cover become one with their weights added; sites that none covers are dropped."""
    reach.sort_indices()
    counts = np.diff(reach.indptr)
    groups: dict[bytes, int] = {}
    rows: list[int] = []
    group = np.full(len(weight), -1)
    for row in np.flatnonzero(counts).tolist():
        key = reach.indices[reach.indptr[row] : reach.indptr[row + 1]].tobytes()
        number = groups.setdefault(key, len(rows))
        if number == len(rows):
            rows.append(row)
        group[row] = number
    merged = np.bincount(group[group >= 0], weights=weight[group >= 0], minlength=len(rows))
    return merged, csr_array(reach[np.array(rows, dtype=np.int64)])


def _greedy(weight: np.ndarray, reach: csr_array, new_stations: int) -> tuple[Choice, float]:
    """Add the candidate with the greatest gain until no place is left or nobody is gained.

    Returns the choice and a bound for every choice: what is covered at some stage, and the greatest gains that are possible from there, as many
    as there are new stations (coverage has diminishing returns: G. Nemhauser, L. Wolsey, M. Fisher,
    Mathematical Programming 14 (1978) 265–294).
    """
    columns = csc_array(reach)
    left = weight.copy()
    gain = reach.T @ left
    chosen: list[int] = []
    covered = 0.0
    bound = np.inf
    for _ in range(new_stations):
        best = int(np.argmax(gain)) if len(gain) else 0
        most = np.sort(gain)[::-1][:new_stations].sum()
        bound = min(bound, covered + float(most))
        if len(gain) == 0 or gain[best] <= 0:
            break
        rows = columns.indices[columns.indptr[best] : columns.indptr[best + 1]]
        newly = rows[left[rows] > 0]
        covered += float(left[newly].sum())
        lost = np.zeros_like(left)
        lost[newly] = left[newly]
        left[newly] = 0.0
        gain = gain - reach[newly].T @ lost[newly]
        gain[best] = 0.0
        gain[gain < 1e-9 * max(1.0, float(weight.max(initial=0.0)))] = 0.0
        chosen.append(best)
    most = np.sort(gain)[::-1][:new_stations].sum() if len(gain) else 0.0
    picked = np.sort(np.array(chosen, dtype=np.int64))
    total = _weight_covered(weight, reach, picked)
    return Choice(picked, total), max(total, min(bound, total + float(most)))


def _solve(weight: np.ndarray, reach: csr_array, new_stations: int, time_limit_s: float) -> tuple[Choice | None, float]:
    """The exact programme: open y (0 or 1), covered z (0 to 1) with z ≤ Σ y; z is whole of itself once y is."""
    n_sites, n_candidates = reach.shape
    cost = np.concatenate([np.zeros(n_candidates), -weight])
    covered_by = hstack(
        [-reach, csr_array((np.ones(n_sites), (range(n_sites), range(n_sites))), shape=(n_sites, n_sites))]
    )
    budget = csr_array(
        (np.ones(n_candidates), (np.zeros(n_candidates, dtype=int), np.arange(n_candidates))),
        shape=(1, n_candidates + n_sites),
    )
    upper = np.concatenate([np.zeros(n_sites), [float(new_stations)]])
    result = milp(
        cost,
        constraints=LinearConstraint(vstack([covered_by, budget], format="csc"), -np.inf, upper),
        bounds=Bounds(0.0, 1.0),
        integrality=np.concatenate([np.ones(n_candidates), np.zeros(n_sites)]),
        options={"time_limit": time_limit_s, "mip_rel_gap": 0.0},
    )
    dual = result.get("mip_dual_bound")
    bound = -float(dual) if dual is not None and np.isfinite(dual) else float(weight.sum())
    if result.x is None:
        return None, bound
    chosen = np.flatnonzero(result.x[:n_candidates] > 0.5)
    return Choice(chosen, _weight_covered(weight, reach, chosen)), bound


def _weight_covered(weight: np.ndarray, reach: csr_array, chosen: np.ndarray) -> float:
    is_open = np.zeros(reach.shape[1])
    is_open[chosen] = 1.0
    return float(weight[(reach @ is_open) > 0].sum())
