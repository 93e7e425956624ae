"""Sign-in through OpenID Connect: with a real provider's process, and with one that lies in every way that matters."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from sqlalchemy import text

from api import oidc
from api.app import create_app
from api.security import COOKIE
from api.settings import Settings
from gis.services import second_factor
from gis.services.accounts import find_account, link_identity, set_disabled
from gis.store.session import Store
from tests.api.provider import CLIENT, SECRET, Liar, serving, signed_with_the_public_key, unsigned

BROWSER = {"accept": "text/html"}


@pytest.fixture
def liar() -> Iterator[Liar]:
    told = Liar()
    with serving(told):
        yield told


def configured(store: Store, issuer: str, **more: Any) -> FastAPI:
    return create_app(
        store, Settings.load(oidc_issuer=issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET, **more)
    )


@pytest.fixture
def browser(peopled: Store, liar: Liar) -> Iterator[TestClient]:
    """Give a browser in front of a service that knows the provider; its subject s-1 is the planner."""
    with peopled.owner_session() as session:
        link_identity(session, "planner", liar.issuer, "s-1")
    app = configured(peopled, liar.issuer)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as opened:
        yield opened


def went_there(browser: TestClient, liar: Liar, path: str = "/login/oidc") -> str:
    begun = browser.get(path, headers=BROWSER)
    assert begun.status_code == 303, begun.text
    assert begun.headers["location"].startswith(f"{liar.issuer}/authorize?")
    return liar.authorize(begun.headers["location"])


def came_back(browser: TestClient, address: str) -> httpx.Response:
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}", headers=BROWSER)


def refused(browser: TestClient, answer: httpx.Response, peopled: Store, why: str) -> None:
    assert answer.status_code == 401
    assert COOKIE not in browser.cookies
    assert "统一身份认证未通过" in answer.text
    assert why not in answer.text
    with peopled.owner_session() as session:
        noted = session.scalars(
            text("SELECT detail FROM audit_log WHERE action = 'session.refuse' ORDER BY id DESC")
        ).first()
    assert noted is not None
    assert why in json.loads(noted)["why"]


def test_the_way_there_and_back(browser: TestClient, liar: Liar, peopled: Store) -> None:
    page = browser.get("/login?next=/maps/needs", headers=BROWSER).text
    assert 'href="/login/oidc?next=%2Fmaps%2Fneeds"' in page
    begun = browser.get("/login/oidc?next=/maps/needs", headers=BROWSER)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://testserver/login/oidc/callback"
    assert len(asked["state"]) >= 43 and len(asked["nonce"]) >= 43
    cookie = begun.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/login/oidc" in cookie
    assert asked["state"] not in cookie and asked["nonce"] not in cookie
    ended = came_back(browser, liar.authorize(begun.headers["location"]))
    assert ended.status_code == 303
    assert ended.headers["location"] == "/login?signed=1&next=%2Fmaps%2Fneeds"
    assert browser.get("/api/session").json()["username"] == "planner"
    assert browser.get(ended.headers["location"]).headers["location"] == "/maps/needs"
    assert browser.get("/api/account").json()["method"] == "oidc"
    with peopled.owner_session() as session:
        detail = session.scalars(text("SELECT detail FROM audit_log WHERE action = 'session.open'")).one()
    assert json.loads(detail) == {"method": "oidc", "second_factor": None}


def test_without_a_provider_there_is_no_button_and_no_way(client: TestClient) -> None:
    assert "/login/oidc" not in client.get("/login").text
    for path in ("/login/oidc", "/login/oidc/callback?code=x&state=y"):
        assert client.get(path, follow_redirects=False).status_code == 404


def test_the_answer_belongs_to_the_browser_that_asked(browser: TestClient, liar: Liar, peopled: Store) -> None:
    """Else an attacker could have somebody signed in as himself, or take over what somebody else has begun."""
    address = went_there(browser, liar)
    browser.cookies.clear()
    refused(browser, came_back(browser, address), peopled, "cookie")
    went_there(browser, liar)
    refused(browser, came_back(browser, address), peopled, "state")
    address = went_there(browser, liar)
    refused(browser, came_back(browser, address.replace("state=", "state=x")), peopled, "state")
    assert came_back(browser, address).status_code == 401, "one begun sign-in ends once, badly or well"


def test_an_answer_works_once(browser: TestClient, liar: Liar) -> None:
    address = went_there(browser, liar)
    kept = browser.cookies[oidc.COOKIE]
    assert came_back(browser, address).status_code == 303
    browser.cookies.clear()
    browser.cookies.set(oidc.COOKIE, kept, path="/login/oidc")
    assert came_back(browser, address).status_code == 401, "the provider takes a code once"


def test_a_cookie_of_ours_cannot_be_made_or_bent(browser: TestClient, liar: Liar, peopled: Store) -> None:
    for forged in ("", "AAAA", "x" * 300, json.dumps({"state": "s"})):
        browser.cookies.set(oidc.COOKIE, forged, path="/login/oidc")
        refused(browser, browser.get("/login/oidc/callback?code=x&state=s", headers=BROWSER), peopled, "cookie")


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.pop(name) and None


LIES: list[tuple[str, Callable[[Liar], None]]] = [
    ("nonce of another", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(nonce="of-another"))),
    ("no nonce", lambda liar: setattr(liar, "bend_claims", drop("nonce"))),
    ("for another client", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(aud="somebody"))),
    ("for several, none of us", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(aud=["a", "b"]))),
    ("for us, given to another", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(azp="somebody"))),
    ("no audience", lambda liar: setattr(liar, "bend_claims", drop("aud"))),
    ("of another issuer", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(iss="https://evil.example"))),
    ("expired", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(exp=time.time() - 3600, iat=1))),
    ("without end", lambda liar: setattr(liar, "bend_claims", drop("exp"))),
    ("not yet", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(nbf=time.time() + 3600))),
    ("nobody", lambda liar: setattr(liar, "bend_claims", drop("sub"))),
    ("a number for a subject", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(sub=1))),
    ("an endless subject", lambda liar: setattr(liar, "bend_claims", lambda c: c.update(sub="s" * 256))),
    ("unsigned", lambda liar: setattr(liar, "bend_token", unsigned)),
    ("signed with the public key", lambda liar: setattr(liar, "bend_token", signed_with_the_public_key(liar))),
    ("signature cut off", lambda liar: setattr(liar, "bend_token", lambda token: token.rsplit(".", 1)[0] + ".")),
    ("no token", lambda liar: setattr(liar, "bend_token", lambda token: "nonsense")),
    (
        "claims put in afterwards",
        lambda liar: setattr(
            liar, "bend_token", lambda t: ".".join([t.split(".")[0], "eyJzdWIiOiJzLTEifQ", t.split(".")[2]])
        ),
    ),
    (
        "another key under the same name",
        lambda liar: setattr(liar, "published", [RSAKey.generate_key(2048, {"kid": "one"})]),
    ),
    (
        "another key under another name",
        lambda liar: setattr(liar, "published", [RSAKey.generate_key(2048, {"kid": "two"})]),
    ),
]


@pytest.mark.parametrize("lie", [lie for _, lie in LIES], ids=[name for name, _ in LIES])
def test_lies_are_found_out(browser: TestClient, liar: Liar, peopled: Store, lie: Callable[[Liar], None]) -> None:
    lie(liar)
    refused(browser, came_back(browser, went_there(browser, liar)), peopled, "ID token")


def test_a_code_bound_to_another_verifier_is_refused_there(browser: TestClient, liar: Liar, peopled: Store) -> None:
    """The provider sees our verifier: a code that was caught on its way is worth nothing."""
    address = went_there(browser, liar)
    for asked in liar.codes.values():
        asked["code_challenge"] = "of-another"
    refused(browser, came_back(browser, address), peopled, "code refused with 400")


def test_an_error_or_another_issuer_in_the_answer(browser: TestClient, liar: Liar, peopled: Store) -> None:
    denied = came_back(browser, went_there(browser, liar).replace("code=", "error=access_denied&x="))
    refused(browser, denied, peopled, "without a code")
    mixed = went_there(browser, liar).replace("iss=http", "iss=https")
    refused(browser, came_back(browser, mixed), peopled, "iss")


def test_a_begun_sign_in_grows_old(liar: Liar, peopled: Store) -> None:
    app = configured(peopled, liar.issuer)
    provider = app.state.office.provider
    late = 0.0
    provider._clock = lambda: time.time() + late
    address, cookie = provider.begin("", "http://testserver/login/oidc/callback")
    query = dict(part.split("=") for part in urlsplit(liar.authorize(address)).query.split("&"))
    query["iss"] = liar.issuer
    late = oidc.BEGUN_LASTS_S + 1
    with pytest.raises(oidc.NotProven) as caught:
        provider.finish(query, cookie)
    assert caught.value.why == "too late"


def test_a_provider_that_changes_its_keys_is_understood(
    browser: TestClient, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert came_back(browser, went_there(browser, liar)).status_code == 303
    liar.key = RSAKey.generate_key(2048, {"kid": "two"})
    browser.cookies.clear()
    assert came_back(browser, went_there(browser, liar)).status_code == 401, "keys are not fetched at every attempt"
    monkeypatch.setattr(oidc, "_KEYS_AGAIN_S", -1.0)
    browser.cookies.clear()
    assert came_back(browser, went_there(browser, liar)).status_code == 303
    assert liar.asked.count("/keys") == 2


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_no_other_host_is_ever_asked(browser: TestClient, liar: Liar, endpoint: str) -> None:
    liar.bend_description = lambda found: found.update({endpoint: "http://elsewhere.example/x"})
    answer = browser.get("/login/oidc", headers=BROWSER)
    assert answer.status_code == 503
    assert endpoint in answer.text
    assert oidc.COOKIE not in browser.cookies


def test_a_provider_that_is_another_or_away(browser: TestClient, liar: Liar, peopled: Store) -> None:
    liar.bend_description = lambda found: found.update(issuer="http://other.example")
    assert browser.get("/login/oidc", headers=BROWSER).status_code == 503
    with TestClient(configured(peopled, "http://127.0.0.1:9"), raise_server_exceptions=False) as client:
        assert client.get("/login/oidc", headers=BROWSER).status_code == 503
        assert client.get("/login").status_code == 200, "who has a password still gets in"


def test_no_account_is_made_and_a_disabled_one_stays_out(browser: TestClient, liar: Liar, peopled: Store) -> None:
    liar.subject = "somebody-else"
    liar.more = {"preferred_username": "admin"}
    answer = came_back(browser, went_there(browser, liar))
    assert answer.status_code == 401
    assert "没有关联的账号" in answer.text
    liar.subject = "s-1"
    with peopled.owner_session() as session:
        assert session.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 5
        set_disabled(session, "planner", True)
    assert came_back(browser, went_there(browser, liar)).status_code == 401
    assert COOKIE not in browser.cookies


def test_by_a_claim_once_and_then_by_the_subject(peopled: Store, liar: Liar) -> None:
    app = configured(peopled, liar.issuer, oidc_claim="preferred_username")
    with TestClient(app, follow_redirects=False) as browser:
        liar.more = {"preferred_username": "planner"}
        assert came_back(browser, went_there(browser, liar)).status_code == 303
        assert browser.get("/api/session").json()["username"] == "planner"
        browser.cookies.clear()
        liar.subject = "a-namesake"
        assert came_back(browser, went_there(browser, liar)).status_code == 401, "the name is another subject's already"
        liar.subject, liar.more = "s-1", {"preferred_username": "admin"}
        assert came_back(browser, went_there(browser, liar)).status_code == 303
        assert browser.get("/api/session").json()["username"] == "planner", "a new name there is no new account here"


def test_an_address_of_mail_counts_when_it_is_verified(peopled: Store, liar: Liar) -> None:
    with peopled.owner_session() as session:
        session.execute(text("UPDATE accounts SET name = 'p@example.cn' WHERE name = 'planner'"))
    app = configured(peopled, liar.issuer, oidc_claim="email")
    with TestClient(app, follow_redirects=False) as browser:
        for verified, status in ((False, 401), ("true", 401), (True, 303)):
            liar.more = {"email": "p@example.cn", "email_verified": verified}
            assert came_back(browser, went_there(browser, liar)).status_code == status


def test_our_own_second_factor_is_asked_for_unless_several_were_seen_there(
    browser: TestClient, liar: Liar, peopled: Store
) -> None:
    office = browser.app.state.office  # type: ignore[attr-defined]
    with peopled.owner_session() as session:
        account = find_account(session, "planner")
        totp = pyotp.TOTP(second_factor.begin(session, account).secret)
        now = office.sessions.now()
        second_factor.confirm(session, account, totp.at(now, counter_offset=-1), now)
    ended = came_back(browser, went_there(browser, liar))
    assert browser.get(ended.headers["location"]).headers["location"] == "/account"
    assert browser.get("/api/grids").json()["needs"] == "code"
    proof = {"X-Requested-With": "linli"}
    assert browser.post("/api/account/second-factor", json={}, headers=proof).status_code == 403
    assert browser.post("/api/session/code", json={"code": "000000"}, headers=proof).status_code == 401
    assert browser.post("/api/session/code", json={"code": totp.now()}, headers=proof).status_code == 204
    assert browser.get("/api/grids").status_code == 200
    browser.cookies.clear()
    liar.more = {"amr": ["pwd", "otp"]}
    came_back(browser, went_there(browser, liar))
    assert browser.get("/api/grids").status_code == 200


@pytest.fixture(scope="module")
def real_provider() -> Iterator[str]:
    """Start a provider that is not ours in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "oidc_provider_mock",
        "--port",
        str(port),
        "--require-nonce",
        "true",
        "--user",
        "wang",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                found = httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()
                break
            except (httpx.TransportError, ValueError):
                assert process.poll() is None and time.monotonic() < deadline, "the provider did not start"
                time.sleep(0.2)
        yield found["issuer"]
    finally:
        process.terminate()
        process.wait(30)


def test_with_a_real_provider(real_provider: str, peopled: Store) -> None:
    with peopled.owner_session() as session:
        link_identity(session, "worker", real_provider, "wang")
    with TestClient(configured(peopled, real_provider), follow_redirects=False) as browser:
        begun = browser.get("/login/oidc", headers=BROWSER)
        agreed = httpx.post(begun.headers["location"], data={"sub": "wang"}, trust_env=False)
        assert agreed.status_code == 302
        ended = came_back(browser, agreed.headers["location"])
        assert ended.status_code == 303, ended.text
        assert browser.get("/api/session").json()["username"] == "worker"
        browser.cookies.clear()
        begun = browser.get("/login/oidc", headers=BROWSER)
        agreed = httpx.post(begun.headers["location"], data={"sub": "nobody-here"}, trust_env=False)
        assert came_back(browser, agreed.headers["location"]).status_code == 401
