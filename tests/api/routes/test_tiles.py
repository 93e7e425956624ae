from __future__ import annotations

import math

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn
from tests.gis.services.conftest import lonlat


def address(zoom: int) -> str:
    lon, lat = lonlat(500, 500)
    x = int((lon + 180) / 360 * 2**zoom)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom)
    return f"/tiles/grids/{zoom}/{x}/{y}"


def test_a_tile_and_its_tag(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    answered = client.get(address(14), headers=headers)
    assert answered.status_code == 200
    assert answered.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert answered.headers["cache-control"] == "private, no-cache"
    assert "一网格".encode() in answered.content
    again = client.get(address(14), headers={**headers, "If-None-Match": answered.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_tiles_that_are_not(client: TestClient, as_: SignIn) -> None:
    headers = as_("planner")
    assert client.get("/tiles/nothing/0/0/0", headers=headers).status_code == 404
    for wrong in ("1/2/0", "1/0/2", "23/0/0", "-1/0/0", "a/0/0"):
        assert client.get(f"/tiles/grids/{wrong}", headers=headers).status_code == 422, wrong
    assert client.get("/tiles/households/0/0/0", headers=headers).status_code == 404
