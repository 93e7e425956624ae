from __future__ import annotations

import gzip
import math
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.settings import Settings
from gis.secrecy.keys import Keyring
from gis.store.session import Store
from gis.store.vault import GivenKeys
from tests.api.conftest import SignIn
from tests.conftest import KEY
from tests.gis.services.conftest import lonlat


def address(zoom: int, layer: str = "grids", x_m: float = 500) -> str:
    lon, lat = lonlat(x_m, 500)
    x = int((lon + 180) / 360 * 2**zoom)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom)
    return f"/tiles/{layer}/{zoom}/{x}/{y}"


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


def test_kept_tiles_answer_like_made_ones(client: TestClient, as_: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {**as_("planner"), "Accept-Encoding": "identity"}
    made = client.get(address(14), headers=headers)
    with monkeypatch.context() as blind:
        blind.setattr("gis.services.tiles.block", None)  # nothing can be made now
        kept = client.get(address(14), headers=headers)
        assert (kept.status_code, kept.content) == (200, made.content)
        ours = {name: value for name, value in kept.headers.items() if name != "x-request-id"}
        assert ours == {name: value for name, value in made.headers.items() if name != "x-request-id"}
        unchanged = client.get(address(14), headers={**headers, "If-None-Match": made.headers["etag"]})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", made.headers["etag"])
        assert client.get(address(14)).status_code == 401
        assert client.get(address(14), headers=as_("auditor")).status_code == 403


def test_a_large_tile_is_kept_packed_as_well(client: TestClient, as_: SignIn, peopled: Store) -> None:
    with peopled.owner_session() as session:
        session.execute(text("UPDATE grids SET name = repeat('很长的名字', 200) || code"))
    plain = client.get(address(14), headers={**as_("planner"), "Accept-Encoding": "identity"}).content
    for _ in range(2):
        with client.stream("GET", address(14), headers={**as_("planner"), "Accept-Encoding": "gzip"}) as answered:
            assert answered.headers["content-encoding"] == "gzip"
            assert {"Accept-Encoding", "Cookie", "Authorization"} <= {
                each.strip() for each in answered.headers["vary"].split(",")
            }
            assert gzip.decompress(b"".join(answered.iter_raw())) == plain


def test_a_change_shows_in_the_next_tile_here_and_soon_in_another_process(
    client: TestClient, as_: SignIn, peopled: Store, tmp_path: Path
) -> None:
    """The other process is another store and application on the same database; how soon is measured by benchmarks/tiles.py."""
    planner, admin = as_("planner"), as_("admin")
    elsewhere = Store(peopled.owner_url, peopled.service_url, keys=GivenKeys(Keyring((KEY,))))
    elsewhere.open_vault()
    try:
        with TestClient(create_app(elsewhere, Settings.load(data_dir=tmp_path / "other"))) as other:
            for where, code, name in (
                (address(16, "buildings", 100), "buildings/B1", "新楼名"),
                (address(14), "grids/539901001001001", "新格名"),
            ):
                for one in (client, other):
                    assert name.encode() not in one.get(where, headers=planner).content
                found = client.get(f"/api/{code}", headers=admin)
                feature = {**found.json(), "properties": {**found.json()["properties"], "name": name}}
                given = {**admin, "If-Match": found.headers["etag"]}
                assert client.put(f"/api/{code}", json=feature, headers=given).status_code == 200
                assert name.encode() in client.get(where, headers=planner).content, (
                    "whoever has changed it sees it at once"
                )
                until = time.monotonic() + 30
                while name.encode() not in other.get(where, headers=planner).content:
                    assert time.monotonic() < until
    finally:
        elsewhere.close()
