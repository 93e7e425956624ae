"""Whose token a call carries, and what another site can do with it: nothing."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from starlette.datastructures import Headers

from api.security import (
    COOKIE,
    check_origin,
    token_of,
)
from gis.errors import Denied
from gis.store.session import Store
from tests.api.conftest import PASSWORD, SignIn


@pytest.mark.parametrize(
    ("headers", "token", "by_cookie"),
    [
        ({"authorization": "Bearer abc"}, "abc", False),
        ({"authorization": "bearer  abc "}, "abc", False),
        ({"authorization": "Basic abc", "cookie": f"{COOKIE}=xyz"}, None, False),
        ({"authorization": "Bearer", "cookie": f"{COOKIE}=xyz"}, None, False),
        ({"cookie": f"other=1; {COOKIE}=xyz"}, "xyz", True),
        ({}, None, True),
    ],
)
def test_whose_token(headers: dict[str, str], token: str | None, by_cookie: bool) -> None:
    assert token_of(Headers(headers)) == (token, by_cookie)


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://here", "host": "here"}, False),
        ({"origin": "http://here:8000", "host": "here:8000"}, True),
        ({"origin": "http://evil", "host": "here:8000"}, False),
        ({"origin": "null", "host": "here"}, False),
        ({"host": "here"}, False),
        ({"host": "here", "x-requested-with": "linli"}, True),
        ({"origin": "http://evil", "host": "here", "x-requested-with": "linli"}, False),
    ],
)
def test_where_a_write_comes_from(headers: dict[str, str], passes: bool) -> None:
    if passes:
        check_origin(Headers(headers), needs_proof=True)
    else:
        with pytest.raises(Denied):
            check_origin(Headers(headers), needs_proof=True)


def test_a_cookie_alone_cannot_write(client: TestClient) -> None:
    client.post("/api/session", json={"username": "admin", "password": PASSWORD})
    assert client.get("/api/session").status_code == 200
    refused: list[dict[str, Any]] = [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
    for headers in refused:
        assert client.delete("/api/stations/S1", headers=headers).status_code == 403
    for headers in ({"Origin": "http://testserver"}, {"Sec-Fetch-Site": "same-origin"}):
        assert client.delete("/api/stations/S1", headers=headers).status_code == 428
    assert client.get("/api/stations/S1").status_code == 200


def test_another_sites_form_cannot_sign_anyone_in(client: TestClient) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answered = client.post("/api/session", json={"username": "admin", "password": PASSWORD}, headers=headers)
        assert answered.status_code == 403
        assert "set-cookie" not in answered.headers


def test_another_sites_link_reads_nothing_in_ones_name(client: TestClient, as_: SignIn, peopled: Store) -> None:
    """An export of one person is noted as made by whoever is signed in: following a stranger's link must not make one."""
    token = as_("worker")["Authorization"].split()[1]
    with peopled.owner_session() as session:
        number = session.scalar(
            text(
                "SELECT r.id FROM residents r JOIN households h ON h.id = r.household_id WHERE h.code = 'H001' ORDER BY r.birth_year LIMIT 1"
            )
        )
    path, cookie = f"/api/residents/{number}/export?request=legal_duty", {"Cookie": f"{COOKIE}={token}"}

    def exports() -> int:
        with peopled.owner_session() as session:
            return session.scalar(text("SELECT count(*) FROM audit_log WHERE action = 'resident.export'")) or 0

    for site in ("cross-site", "same-site"):
        answered = client.get(path, headers={**cookie, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"})
        assert (answered.status_code, exports()) == (403, 0)
        page = client.get("/worker", headers={**cookie, "Sec-Fetch-Site": site, "Accept": "text/html"})
        assert page.status_code == 200, "a colleague's link to a page is a link"
        assert page.headers["cross-origin-resource-policy"] == "same-origin"
    for headers in (
        {**cookie, "Sec-Fetch-Site": "same-origin"},
        {**cookie, "Sec-Fetch-Site": "none"},
        cookie,
        {**as_("worker"), "Sec-Fetch-Site": "cross-site"},
    ):
        assert client.get(path, headers=headers).status_code == 200
    assert exports() == 4
