"""Secrets that were put into a place are looked for in everything that leaves it: none is found where it has no business."""

from __future__ import annotations

import io
import itertools
import re
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.answers import Json
from api.app import create_app
from api.security import allow
from api.settings import Settings
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.secrets import FOREIGN, HIDDEN, OWN, REJECTED, Search, disguises, seed
from tests.api.serving import Served, serving

ALL = {secret for each in HIDDEN.values() for secret in (*each.open, *each.sealed)} | {REJECTED}
SEALED = {secret for each in HIDDEN.values() for secret in each.sealed}
THEIRS = {*HIDDEN[FOREIGN].open, *HIDDEN[FOREIGN].sealed, REJECTED}
DOORS = {"OWNDOOR", "FOREIGNDOOR"}
UNSEEN = {
    "planner": ALL | DOORS,
    "screen": ALL | DOORS,
    "auditor": ALL | DOORS,
    "worker": THEIRS | SEALED | {"FOREIGNDOOR"},
    "admin": SEALED,
    "": ALL | DOORS,
}
"""What each role must never be shown; the empty one is nobody who has signed in."""
ASKED_FOR = re.compile(r"/reveal$|/residents/\d+/export$")
"""Where a protected field is shown in clear to whoever may ask for it."""
BROKEN = ("%00", "%E7%BB%9D")
BODIES: dict[str, list[Any]] = {
    "": [{}, [], {"x": "\x00"}],
    "/api/grids/locate": [{"points": [[102.7, 25.0]]}],
    "/api/coverage/scenario": [
        {"parameters": {"service": ["health"]}, "edits": [{"op": "close", "station": {"code": "S1"}}]}
    ],
    "/api/siting": [{"service": "meal", "count": 1}],
    "/api/households/search": [{"q": "欧阳"}, {"q": "13688880021"}, {"q": "上官琥珀函"}, {"q": "宇文幼童甲"}],
}
PAGES = (
    "/",
    "/maps/needs",
    "/maps/coverage",
    "/worker",
    "/screen",
    "/audit",
    "/login",
    "/openapi.json",
    "/api/openapi.json",
)
CHANGING = ("DELETE",)


@pytest.fixture
def seeded(peopled: Store) -> tuple[Store, dict[str, str]]:
    return peopled, seed(peopled)


@pytest.fixture
def served(seeded: tuple[Store, dict[str, str]]) -> Iterator[Served]:
    with serving(seeded[0], files_per_hour="0", reveals_per_hour="0") as running:
        yield running


def values(name: str, path: str, asked: dict[str, str], import_id: str) -> list[str]:
    """Return what to put into a parameter of a path: own, foreign, and broken."""
    nouns = {
        "households": "household",
        "buildings": "building",
        "grids": "grid",
        "residents": "resident",
        "contacts": "contact",
        "chiefs": "chief",
        "needs": "need",
        "events": "event",
    }
    noun = next((each for word, each in nouns.items() if path.startswith(f"/api/{word}/")), "")
    if name == "import_id":
        return [import_id, str(uuid4())]
    if name == "link":
        return ["1", "2"]
    plausible = [
        asked[f"{whose}.{kind}"]
        for whose in ("own", "foreign")
        for kind in (noun, "child")
        if noun and (kind == noun or noun == "resident")
    ]
    return [*(plausible or ["S1"]), *BROKEN]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def requests_of(
    document: dict[str, Any], asked: dict[str, str], import_id: str, role: str
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give every request that the walk makes: each operation with plausible and broken parameters and bodies, each page, many tiles."""
    for method, path, operation in operations(document):
        if path in ("/api/screen/changes", "/api/session", "/tiles/{layer}/{z}/{x}/{y}") or (
            method in CHANGING and role in ("admin", "worker")
        ):
            continue
        names = [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]
        choices = [values(name, path, asked, import_id) for name in names]
        queries: list[dict[str, str]] = [{}]
        for each in operation.get("parameters", []):
            if each["in"] == "query":
                # What an auditor looks for is itself noted, so it comes back in the log: only what is no secret is asked of it.
                sought = "谁" if path.startswith("/api/audit") else "上官琥珀函"
                queries += [{each["name"]: given} for given in (asked["foreign.grid"], sought)]
        bodies = [None] if "requestBody" not in operation else BODIES.get(path, []) + BODIES[""]
        if path.endswith("/reveal"):
            bodies += [
                {"resident": int(asked[f"{whose}.{who}"]), "field": field, "reason": "查查看", "purpose": "care_visit"}
                for whose in ("own", "foreign")
                for who in ("resident", "child")
                for field in ("phone", "name")
            ]
        for chosen in itertools.product(*choices):
            address = path.format_map(dict(zip(names, chosen, strict=True)))
            for query in queries if chosen == tuple(each[0] for each in choices) else queries[:1]:
                for body in bodies:
                    more = {} if body is None else {"json": body}
                    yield method, address, {"params": query, **more}
    for page in (
        *PAGES,
        f"/d/{asked['own.door']}",
        f"/d/{asked['foreign.door']}",
        f"/files/{OWN}",
        f"/files/{FOREIGN}",
        "/files/nothing",
    ):
        yield "GET", page, {"headers": {"Accept": "text/html"}}
    for layer in ("grids", "buildings", "streets", "stations", "base", "households", "residents", "needs"):
        for z, x, y in ((0, 0, 0), (8, 200, 110), (13, 6430, 3504), (14, 12861, 7008), (16, 51446, 28034)):
            yield "GET", f"/tiles/{layer}/{z}/{x}/{y}", {}


def walk(
    client: httpx.Client,
    role: str,
    document: dict[str, Any],
    asked: dict[str, str],
    import_id: str,
    headers: dict[str, str],
) -> tuple[set[str], int]:
    """Make every request as a role; return which secrets came back, with where, and how many answers were searched."""
    search = Search(UNSEEN[role])
    leaks, count = set(), 0
    for method, address, more in requests_of(document, asked, import_id, role):
        client.cookies.clear()
        answered = client.request(
            method,
            address,
            **{**more, "headers": {**headers, "If-Match": '"1"', **more.get("headers", {})}},
            follow_redirects=False,
        )
        count += 1
        mine = role in ("admin", "worker") and ASKED_FOR.search(address) and answered.status_code == 200
        left = "\n".join(f"{name}: {value}" for name, value in answered.headers.items()).encode()
        for found in search.found_in(answered.content) | search.found_in(left):
            if mine and (found in HIDDEN[OWN].sealed or role == "admin"):
                continue
            if found in f"{address}{more}" and (
                answered.status_code >= 300 or found in answered.headers.get("link", "")
            ):
                continue  # a refusal, a way to the login page or to the next page may repeat what was asked for
            leaks.add(f"{role} {method} {address} {answered.status_code}: {found}")
    return leaks, count


def submit_rejected(client: httpx.Client, headers: dict[str, str]) -> str:
    """Send in a file of which a row with a secret name is rejected."""
    content = f"household,birth_year,name\nNOSUCH,1950,{REJECTED}\n".encode("gb18030")
    sent = client.post(
        "/api/imports?kind=residents", files={"file": ("residents.csv", io.BytesIO(content))}, headers=headers
    )
    assert sent.status_code == 202, sent.text
    import_id = str(sent.json()["id"])
    for _ in range(600):
        state = client.get(f"/api/imports/{import_id}", headers=headers).json()
        if state["state"] not in ("queued", "running"):
            break
        time.sleep(0.1)
    assert state["rejected"] == 1, state
    return import_id


def test_no_secret_leaves_the_house(seeded: tuple[Store, dict[str, str]], served: Served, as_: SignIn) -> None:
    """Every operation, page, tile, stream, header, error and log line, as every role and as nobody."""
    store, asked = seeded
    with httpx.Client(base_url=served.base, timeout=60) as client:
        admin = as_("admin")
        import_id = submit_rejected(client, admin)
        rejected = client.get(f"/api/imports/{import_id}/rejected", headers=admin)
        assert Search([REJECTED]).found_in(rejected.content) == {REJECTED}  # the search does find what an admin may see
        document = client.get("/openapi.json", headers=admin).json()
        leaks, searched = set(), 0
        for role in UNSEEN:
            found, count = walk(client, role, document, asked, import_id, as_(role) if role else {})
            leaks |= found
            searched += count
            leaks |= {
                f"{role} stream: {each}"
                for each in Search(UNSEEN[role]).found_in(streamed(client, store, as_(role) if role else {}))
            }
        assert leaks == set()
        assert searched > 2000
        sheet = client.get("/api/buildings/B1/door-sheet", headers=admin)
        assert sheet.headers["content-type"] == "application/pdf"
        assert Search(ALL).found_in(sheet.content) == set()
        own = client.get(f"/files/{OWN}", headers=as_("worker"))
        assert Search(HIDDEN[OWN].open[:1]).found_in(own.content) == {HIDDEN[OWN].open[0]}  # its own worker does see it
    logged = served.logged()
    assert logged.count(b"request") > searched // 2
    assert Search(ALL | DOORS).found_in(logged) == set()
    assert Search(ALL | DOORS | {OWN, FOREIGN}).found_in(re.sub(rb"request_id\S+", b"", logged)) == set()


def streamed(client: httpx.Client, store: Store, headers: dict[str, str]) -> bytes:
    """Return what the live stream says of a change of personal data."""
    with client.stream("GET", "/api/screen/changes", headers=headers, timeout=20) as answer:
        said = b""
        if answer.status_code != 200:
            return answer.read()
        for chunk in answer.iter_bytes():
            if not said:
                with store.owner_session() as session:
                    session.execute(
                        text("UPDATE households SET colour_reason = colour_reason WHERE code = :code"), {"code": OWN}
                    )
            said += chunk
            if b"households" in said:
                break
    return said


def test_the_log_keeps_nothing_of_what_was_asked(
    seeded: tuple[Store, dict[str, str]], served: Served, as_: SignIn
) -> None:
    """A name typed into an address, a number in a body, a wrong password: none of it is written down."""
    secret, phone, password = HIDDEN[OWN].open[0], HIDDEN[OWN].sealed[0], "typed-by-mistake-99"
    with httpx.Client(base_url=served.base, timeout=60) as client:
        for role in ("worker", "planner", "admin"):
            headers = as_(role)
            client.get("/api/households", params={"q": secret}, headers=headers)
            client.get(f"/files/{secret}", headers=headers)
            client.get(f"/d/{secret}", headers=headers)
            client.get(f"/{secret}", headers=headers)
            client.post("/api/households/search", json={"q": phone, secret: [phone]}, headers=headers)
            client.post("/api/households/search", content=f'{{"q": "{phone}'.encode(), headers=headers)
        client.post("/api/session", json={"username": secret, "password": password})
        client.get("/api/grids", headers={"Authorization": f"Bearer {password}", "Cookie": f"x={password}"})
    assert Search([secret, phone, password]).found_in(served.logged()) == set()


@pytest.fixture
def leaking(seeded: tuple[Store, dict[str, str]]) -> tuple[TestClient, dict[str, str], list[bytes]]:
    """Give the service with one more route, which gives away what it is told to."""
    app: FastAPI = create_app(seeded[0], Settings.load())
    leaked: list[bytes] = []

    def leak() -> Json:
        return Json({"said": [each.decode("latin-1") for each in leaked]})

    app.router.routes.append(
        APIRoute("/api/grids/leak", leak, methods=["GET"], dependencies=[allow("planner")], summary="泄露 / leak")
    )
    app.router.routes.insert(0, app.router.routes.pop())
    return TestClient(app, raise_server_exceptions=False), seeded[1], leaked


def test_a_leak_would_be_found(leaking: Any, as_: SignIn) -> None:
    """The walk itself is tried: one route of a test's own gives a foreign name away, and it is found."""
    client, asked, leaked = leaking
    with client:
        document = client.get("/openapi.json", headers=as_("planner")).json()
        only = {
            **document,
            "paths": {path: each for path, each in document["paths"].items() if path == "/api/grids/leak"},
        }
        assert walk(client, "planner", only, asked, str(uuid4()), as_("planner"))[0] == set()
        leaked.append(quoted := HIDDEN[FOREIGN].sealed[0].encode())
        found, _ = walk(client, "planner", only, asked, str(uuid4()), as_("planner"))
    assert found == {f"planner GET /api/grids/leak 200: {quoted.decode()}"}


@pytest.mark.parametrize("secret", [HIDDEN[OWN].open[0], HIDDEN[OWN].sealed[0]])
def test_every_disguise_is_seen_through(secret: str) -> None:
    import gzip

    search = Search([secret])
    for disguised in disguises(secret):
        if len(disguised) > 5:
            for content in (disguised, b"before " + disguised + b" after", gzip.compress(b"x" + disguised)):
                assert search.found_in(content) == {secret}, disguised
    assert search.found_in(b"nothing of the kind 135****0011") == set()
