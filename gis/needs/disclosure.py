"""What may be shown of small counts, so that nobody can be singled out.

Primary suppression: a count from 1 to ``threshold`` − 1 is not shown (Hundepool et al., Statistical Disclosure Control, Wiley 2012,
section 4.2, the minimum-frequency rule). Zero is shown: it says that nobody is concerned. A count is also hidden where the households
that it could come from are fewer than the threshold, for then it speaks of a known few.
"""

from __future__ import annotations

import numpy as np

THRESHOLD = 5
"""The least count that is shown."""


def small(counts: np.ndarray, threshold: int = THRESHOLD) -> np.ndarray:
    """Return which counts must be hidden, as booleans.

    Args:
        counts: whole numbers, 0 or more.
        threshold: the least count that is shown.
    """
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
    """Return ``count``, or None where it is small."""
    return None if 0 < count < threshold else count
