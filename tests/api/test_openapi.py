from __future__ import annotations

from fastapi.testclient import TestClient

from tests.api.conftest import SignIn


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
            if method in ("put", "patch") or (method == "delete" and "{code}" in path):
                assert {"404", "412", "428"} <= operation["responses"].keys(), name


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
