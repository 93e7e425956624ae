from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from gis.services.outline import all_grids, outline, own_grids
from gis.services.snapshots import Snapshots
from gis.store.session import Store
from tests.gis.services.conftest import G1, G2, lonlat


def test_the_place_in_a_few_words(session: Session) -> None:
    found = outline(session, Snapshots(), with_needs=True)
    assert found.place == "甲区"
    assert found.bounds is not None
    corners = [lonlat(x, y) for x, y in ((0, 0), (3000, 0), (0, 1000), (3000, 1000))]
    west, south = (min(corner[i] for corner in corners) for i in (0, 1))
    east, north = (max(corner[i] for corner in corners) for i in (0, 1))
    assert found.bounds == pytest.approx((west, south, east, north), abs=1e-9)
    kinds = [kind for kind, _ in found.services]
    assert {"meal", "health", "day_care"} <= set(kinds)
    assert kinds.index("meal") < kinds.index("day_care") < kinds.index("health")
    assert dict(found.services)["meal"] == "助餐"
    assert found.measures[0]["key"] == "households"


def test_every_grid_and_own_grids(session: Session) -> None:
    snapshots = Snapshots()
    assert all_grids(session, snapshots) == [{"code": G1, "name": "一网格"}, {"code": G2, "name": "二网格"}]
    assert own_grids(session, snapshots, 999_999) == []


def test_an_empty_place_has_no_extent(store: Store) -> None:
    with store.session(None) as empty:
        found = outline(empty, Snapshots(), with_needs=False)
    assert (found.place, found.bounds, found.services, found.months) == ("", None, [], None)
