from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn

TAGLESS = {("patch", "/api/households/{code}"), ("delete", "/api/households/{code}/door-code")}
"""A PATCH changes only what it sends, and a code is revoked whatever it was: neither insists on a tag."""
UNTAGGED = ("/api/account/",)
"""One's own account: nobody else changes it, and the password is asked for anew."""


def test_every_operation_is_described(client: TestClient, as_: SignIn) -> None:
    document = client.get("/openapi.json", headers=as_("planner")).json()
    assert document["openapi"].startswith("3.")
    assert client.get("/api/openapi.json", headers=as_("screen")).json() == document
    assert set(document["components"]["securitySchemes"]) == {"bearer", "cookie"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            assert " / " in operation["summary"], name
            assert operation["description"], name
            assert ("roles:" in operation["description"]) == bool(operation["security"]), name
            success = [status for status in operation["responses"] if status.startswith("2")]
            assert success, name
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"], f"{name} {status}"
            if operation["security"]:
                assert {"401", "403"} <= operation["responses"].keys(), name
            if path.startswith(UNTAGGED):
                continue
            if method in ("put", "patch") or (method == "delete" and "{code}" in path):
                expected = set() if (method, path) in TAGLESS else {"412", "428"}
                expected |= {"404"} if "{" in path else set()
                assert expected <= operation["responses"].keys(), name


def test_every_answer_and_parameter_says_what_it_is(client: TestClient, as_: SignIn) -> None:
    document = client.get("/openapi.json", headers=as_("planner")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            for status, answer in operation["responses"].items():
                if status not in ("200", "201", "202"):
                    continue
                [(media, content)] = list(answer["content"].items())[-1:]
                assert content.get("schema") or content.get("example"), f"{name} {status} {media}"
            body = operation.get("requestBody")
            if body is not None:
                [content] = body["content"].values()
                assert "schema" in content or "example" in content, name


ODD = (
    "",
    "a",
    "-1",
    "0",
    "1e309",
    "NaN",
    "9" * 400,
    "\x00",
    "\ud7ff🙂",
    "' OR 1=1 --",
    "%",
    "../..",
    "<script>",
    "null",
    "2026-02-30",
)
BODIES: tuple[Any, ...] = (
    None,
    [],
    {},
    "x",
    5,
    {"type": "Feature", "geometry": {}, "properties": {"code": "\x00"}},
    {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": ["a", None]},
        "properties": {"code": "c", "name": "n", "kind": "k"},
    },
    {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": []},
        "properties": {"code": {}, "name": []},
    },
    {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [1e308, 1]},
        "properties": {"services": [{}, 5, {"kind": []}]},
    },
    {"points": [[1, 2, 3]]},
    {"points": [[], {}]},
    {"colour": [], "unit": {}},
    {"username": "x" * 10_000, "password": []},
)


def test_nothing_odd_makes_the_service_fail(client: TestClient, as_: SignIn) -> None:
    """Every parameter of every operation with odd values, and every body: refused, or answered, but never a 500."""
    headers = {**as_("admin"), "If-Match": '"1"'}
    document = client.get("/openapi.json", headers=headers).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path in ("/api/screen/changes", "/api/session"):
                continue
            parameters = operation.get("parameters", [])
            usual = {p["name"]: "1" for p in parameters if p["in"] == "path"}
            for odd in (p for p in parameters if p["in"] in ("path", "query")):
                for value in ODD:
                    if odd["in"] == "path" and value in ("", "../.."):
                        continue
                    named = {**usual, odd["name"]: value} if odd["in"] == "path" else usual
                    address = path.format_map({name: quote(given, safe="") for name, given in named.items()})
                    query = {odd["name"]: value} if odd["in"] == "query" else {}
                    answered = client.request(method, address, params=query, headers=headers)
                    assert answered.status_code < 500, f"{method} {address} {query} {answered.text}"
            if "requestBody" in operation:
                for body in BODIES:
                    answered = client.request(method, path.format_map(usual), json=body, headers=headers)
                    assert answered.status_code < 500, f"{method} {path} {body} {answered.text}"
