"""Resident identity numbers that cannot be right: by their check digit, or against the date of birth beside them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LENGTH = 18
# GB 11643-1999, after ISO 7064 MOD 11-2: weights of the first 17 digits, and the check sign of each remainder.
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_CHECKS = np.frombuffer(b"10X98765432", np.uint8)


def doubtful(numbers: pa.Array, birth_date: np.ndarray, birth_year: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return which numbers have a wrong check digit, and which contradict the birth beside them; bool (n,) each.

    Other papers than the 18-digit number are not looked at.

    Args:
        numbers: text (n,), null where there is none.
        birth_date: datetime64[D] (n,), NaT where not known.
        birth_year: int64 (n,), null where not known.
    """
    wrong, contradicts = np.zeros(len(numbers), dtype=bool), np.zeros(len(numbers), dtype=bool)
    looks = pc.and_(pc.equal(pc.binary_length(numbers), LENGTH), pc.match_substring_regex(numbers, r"^\d{17}[\dXx]$"))
    at = np.flatnonzero(pc.fill_null(looks, False).to_numpy(zero_copy_only=False))
    if len(at) == 0:
        return wrong, contradicts
    signs = np.frombuffer("".join(numbers.take(pa.array(at)).to_pylist()).upper().encode(), np.uint8)
    signs = signs.reshape(-1, LENGTH)
    digits = signs.astype(np.int64) - ord("0")
    wrong[at] = _CHECKS[digits[:, :17] @ _WEIGHTS % 11] != signs[:, 17]
    said = digits[:, 6:14] @ (10 ** np.arange(7, -1, -1))
    days = birth_date[at].astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    date = years * 10_000 + (months.astype(np.int64) % 12 + 1) * 100 + (days - months).astype(np.int64) + 1
    year = np.asarray(pc.fill_null(birth_year, -1))[at]
    contradicts[at] = np.where(np.isnat(days), (year >= 0) & (said // 10_000 != year), said != date)
    return wrong, contradicts & ~wrong
