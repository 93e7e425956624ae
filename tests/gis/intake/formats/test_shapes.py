"""WKB and WKT."""

from __future__ import annotations

import struct

import numpy as np
import shapely

from gis.intake.formats.shapes import read_wkb, read_wkt


def test_what_can_be_read_is_and_the_rest_is_told_apart() -> None:
    arc = struct.pack("<BII", 1, 8, 3) + struct.pack("<6d", 102, 25, 102.1, 25.1, 102.2, 25)
    point = shapely.to_wkb(shapely.Point(1, 2))
    for written in ([point, None, b"", point[:7]], [point, None, b"", arc]):
        shapes, unreadable = read_wkb(np.array(written, dtype=object))
        assert shapes[0] == shapely.Point(1, 2)
        assert shapely.is_missing(shapes).tolist() == [False, True, True, True]
        assert unreadable.tolist() == [False, False, True, True]


def test_wkt() -> None:
    shapes, unreadable = read_wkt(
        np.array(["POINT (1 2)", None, "POINT (", "CIRCULARSTRING (0 0, 1 1, 2 0)"], dtype=object)
    )
    assert shapes[0] == shapely.Point(1, 2)
    assert unreadable.tolist() == [False, False, True, True]
    assert read_wkt(np.array([], dtype=object))[0].shape == (0,)
