"""What may be told of people as counts, so that nobody can be singled out: people are counted in fives.

Planners and screens compute on a published table. Every count of people at a unit (a site, a grid, a cell) is rounded once, to one of the two
neighbouring multiples of five (a multiple of five stays), by an offset 0–4 that belongs to the unit and the measure, is derived from the
place's secret and never changes: ``5 · ⌊(count + offset) / 5⌋``. Over the offsets this is unbiased (Cox 1987). Whatever is answered afterwards —
totals, areas, circles, scenarios before and after — is a sum of the table's figures, so that all answers add up and differ by multiples of five
however they are subtracted from each other. Suppressing single answers would not do: enough answers that each look harmless give everything
away together (Dinur & Nissim 2003).

What is guaranteed:

- A grid's figure is within 4 of the truth; an area's is the sum of its grids', without bias. A grid's sites are made to add up to it by moving whole
  fives among them, for which only published figures and numbers of households are looked at; so a single site may be told a five more or less, seldom two.
- A unit's figure depends on its own count and on published figures alone, never on the counts of others, and its offset stays. So all figures
  of a unit, of every day and however often asked, are made from count + offset: they tell that somebody came or went when a multiple of five is
  passed, but without the offset never which count it was. Rounding along one chain through all units is closer in sum, and so is fresh chance
  every day on average; but then a count that stays is rounded anew with others' comings and goings, or with the days, until it is known.
- No figure from 1 to 4 is ever told. 0 is told as "fewer than five" where anybody lives.

What is not: a figure of 5 or more says that somebody is there (except at a single site); and tables that cut the same needs differently (cells, months,
open ones by grid, open ones by area and service) are rounded each for itself.

Sources: L. Cox, A constructive procedure for unbiased controlled rounding, JASA 82 (1987) 520–524; A. Hundepool et al., Statistical Disclosure
Control, Wiley 2012, chapter 5 (threshold rule, rounding of frequency tables); I. Dinur, K. Nissim, Revealing information while preserving privacy,
PODS 2003; protecting the building blocks of all answers rather than the answers: J. Wooton, B. Fraser, A review of confidentiality protections for statistical
tables with special reference to the differencing problem, Australian Bureau of Statistics 1352.0.55.072, 2005, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

THRESHOLD = 5
"""The least count that is shown."""
BASE = 5
"""People are counted in these."""
_PARTS = 2**16


def offsets(key: bytes, measure: str, units: Sequence[str]) -> np.ndarray:
    """Return the secret offset of each unit for a measure, int64 (n,) from 0 to 4.

    Args:
        key: the place's secret, at most 64 bytes.
        measure: what is counted; other measures have other offsets.
        units: (n,) what names each unit for good.
    """
    return _chances(key, measure, units) % BASE


def rounded(counts: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return counts as multiples of five, each less than five away; multiples of five stay.

    Args:
        counts: int64 (n,), 0 or more.
        offset: int64 (n,), as of :func:`offsets`.
    """
    return BASE * ((np.asarray(counts, dtype=np.int64) + offset) // BASE)


def rounded_flow(counts: np.ndarray, chain: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return counts of successive times as multiples of five, so that every stretch of time is less than five away in sum.

    The running count of each chain is rounded, and its steps are given. What comes later changes nothing of what was before.

    Args:
        counts: int64 (n,), 0 or more; the rows of a chain stand together, in the order of time.
        chain: int64 (n,), which chain a row belongs to.
        offset: int64 (n,), as of :func:`offsets`, the same for all rows of a chain.
    """
    counts = np.asarray(counts, dtype=np.int64)
    if len(counts) == 0:
        return counts.copy()
    first = np.append(True, chain[1:] != chain[:-1])
    running = np.cumsum(counts)
    running -= np.repeat((running - counts)[first], np.diff(np.append(np.flatnonzero(first), len(counts))))
    after = (running + offset) // BASE
    return BASE * (after - np.where(first, 0, np.append(0, after[:-1])))


def published(
    key: bytes,
    measure: str,
    counts: np.ndarray,
    units: Sequence[str],
    group: np.ndarray,
    groups: Sequence[str],
    weight: np.ndarray | None = None,
    totals: np.ndarray | None = None,
) -> np.ndarray:
    """Return the published figures of units that belong to groups: the units of a group add up to the group's own rounded count.

    Args:
        key: the place's secret.
        measure: what is counted.
        counts: int64 (n,), 0 or more.
        units: (n,) what names each unit for good.
        group: int64 (n,), each unit's group, a position in ``groups``.
        groups: (m,) what names each group for good.
        weight: int64 (n,), public numbers (households) by which fives are given to units where these lack some; without: by their own figures.
        totals: int64 (m,), what the groups are published with already, multiples of five; without: their own counts are rounded.

    Returns:
        int64 (n,), multiples of five, 0 or more.
    """
    counts = np.asarray(counts, dtype=np.int64)
    if totals is None:
        totals = rounded(_summed(group, counts, len(groups)), offsets(key, measure, groups))
    parts = rounded(counts, offsets(key, f"part of {measure}", units))
    weight = parts + 1 if weight is None else np.asarray(weight, dtype=np.int64)
    return _reconciled(parts, group, totals, weight, _chances(key, f"start of {measure}", groups) % _PARTS)


def small(counts: np.ndarray, threshold: int = THRESHOLD) -> np.ndarray:
    """Return which exact counts must be hidden, as booleans: those from 1 to ``threshold`` − 1 (Hundepool et al. 2012, the threshold rule)."""
    return (counts > 0) & (counts < threshold)


def small_cells(counts: np.ndarray, households: np.ndarray, threshold: int = THRESHOLD) -> np.ndarray:
    """Return which cells must be hidden: a small count, or any count among too few households.

    Args:
        counts: how many are concerned in each cell.
        households: how many live there, the same length.
        threshold: the least number that is shown.
    """
    return small(counts, threshold) | ((counts > 0) & (households < threshold))


def shown(count: int, threshold: int = THRESHOLD) -> int | None:
    """Return an exact count, or None where it is small."""
    return None if 0 < count < threshold else count


def told(figure: int, households: int) -> int | None:
    """Return a published figure, or None where it stands for fewer than five: it is 0 and somebody lives there."""
    return None if figure == 0 and households > 0 else int(figure)


def _chances(key: bytes, measure: str, units: Sequence[str]) -> np.ndarray:
    """Return a number from 0 to 2^32 − 1 for each unit, by BLAKE2b (RFC 7693) keyed with the secret and the measure."""
    own = blake2b(measure.encode(), key=key, digest_size=32).digest()
    start = blake2b(key=own, digest_size=4)
    digests = bytearray()
    for unit in units:
        one = start.copy()
        one.update(unit.encode())
        digests += one.digest()
    return np.frombuffer(bytes(digests), dtype="<u4").astype(np.int64)


def _reconciled(
    parts: np.ndarray, group: np.ndarray, totals: np.ndarray, weight: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Move whole fives so that the parts of each group sum to its total: taken where there are some, given by weight.

    The fives are dealt out evenly along the running sum of the weights, from a ``start`` (in 1/65536) of the group's own.
    """
    order = np.argsort(group, kind="stable")
    parts, of, weight = parts[order], group[order], weight[order]
    lack = (totals - _summed(of, parts, len(totals))) // BASE
    share = np.where(lack[of] < 0, parts // BASE, np.maximum(weight, 0))
    share = np.where(_summed(of, share, len(totals))[of] == 0, 1, share)  # nobody to give by: all alike
    whole = _summed(of, share, len(totals))
    after = np.cumsum(share) - (np.cumsum(whole) - whole)[of]  # groups come in order
    each, all_shares, begin = np.abs(lack)[of], whole[of], start[of]

    def dealt(running: np.ndarray) -> np.ndarray:
        """How many fives have been dealt up to there."""
        turns, rest = np.divmod(each * running, all_shares)
        return turns + (rest * _PARTS + begin * all_shares) // (all_shares * _PARTS)

    found = np.empty_like(parts)
    found[order] = parts + BASE * np.sign(lack)[of] * (dealt(after) - dealt(after - share))
    return found


def _summed(group: np.ndarray, counts: np.ndarray, n_groups: int) -> np.ndarray:
    return np.bincount(group, weights=counts, minlength=n_groups).astype(np.int64)
