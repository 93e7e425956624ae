"""Geometries as files write them: WKB and WKT, read as far as they can be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely


def read_wkb(written: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return geometries (n,), None where there is none or it cannot be read, and which cannot be read, bool (n,).

    Args:
        written: WKB as bytes (n,), None where there is none.
    """
    return _read(shapely.from_wkb, written)


def read_wkt(written: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return geometries and which cannot be read, as :func:`read_wkb`, from WKT text."""
    return _read(shapely.from_wkt, written)


def _read(parse: Callable[..., np.ndarray], written: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    try:
        shapes = np.atleast_1d(parse(written, on_invalid="ignore"))
    except NotImplementedError:  # one curve spoils the whole array: read them one by one
        shapes = np.empty(len(written), dtype=object)
        shapes[:] = [_read_one(parse, each) for each in written]
    present = np.array([each is not None for each in written], dtype=bool)
    return shapes, present & shapely.is_missing(shapes)


def _read_one(parse: Callable[..., shapely.Geometry | None], written: bytes | str | None) -> shapely.Geometry | None:
    try:
        return parse(written, on_invalid="ignore")
    except NotImplementedError:
        return None
