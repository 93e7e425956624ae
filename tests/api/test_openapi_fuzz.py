"""Every operation of the interface's description with requests that schemathesis makes up, as every role: no fault of ours, nothing undescribed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gis.models.vocabulary import ROLES
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.secrets import seed as fill

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
LEFT_OUT = {
    ("GET", "/api/screen/changes"),  # never ends: tests/api/routes/test_screen.py
    ("POST", "/api/session"),  # locks the accounts of the test: tests/api/routes/test_session.py
    ("DELETE", "/api/session"),
}
EXAMPLES = 4
"""Of each operation that a role may call, for valid and for invalid requests alike; of those that it may not, one."""
SEED = 20261121


@pytest.fixture
def asked(peopled: Store) -> dict[str, str]:
    return fill(peopled)


def there(path: str, name: str, asked: dict[str, str]) -> str | None:
    """Return something that is there for a parameter of a path; made-up codes alone would meet nothing but 404."""
    noun = {
        "households": "household",
        "grids": "grid",
        "buildings": "building",
        "contacts": "contact",
        "chiefs": "chief",
    }
    kind = path.split("/")[2] if path.startswith("/api/") else ""
    if name == "resident":
        return asked["own.resident"]
    if kind == "stations":
        return "S1"
    if name in ("code", "contact", "chief") and kind in noun:
        return asked[f"own.{noun[kind]}"]
    return None


def send(client: TestClient, case: Case, headers: dict[str, str]) -> Any:
    given_headers = {name: str(value) for name, value in dict(case.headers or {}).items()}
    with suppress(AttributeError):  # a file that is no file cannot even be put into a request
        request = client.build_request(
            **case.as_transport_kwargs(headers={**given_headers, **headers}, base_url="http://testserver")
        )
        request.read()
        return client.send(request, follow_redirects=False)
    return None


def try_out(
    client: TestClient, headers: dict[str, str], operation: Any, mode: GenerationMode, most: int, asked: dict[str, str]
) -> tuple[int, dict[str, str]]:
    """Send at most so many requests of one operation; return how many, and what was wrong, by status."""
    called, faults = 0, {}

    @seed(SEED)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        nonlocal called
        called += 1
        for name in list(case.path_parameters or {}) if called % 2 else []:
            known = there(operation.path, name, asked)
            if known is not None:
                case.path_parameters[name] = known  # type: ignore[index]
        answered = send(client, case, headers)
        if answered is None:
            return
        try:
            case.validate_response(answered, checks=CHECKS)
        except BaseExceptionGroup as failures:
            told = "; ".join(f"{type(each).__name__}: {each}" for each in failures.exceptions)
            faults.setdefault(f"{operation.method.upper()} {operation.path} {answered.status_code}", told[:600])

    with suppress(Unsatisfiable, SkipTest):  # nothing invalid can be made of an operation without parameters
        ask()
    return called, faults


@pytest.mark.parametrize("role", sorted(ROLES))
def test_all_operations_answer_as_described(client: TestClient, as_: SignIn, asked: dict[str, str], role: str) -> None:
    headers = as_(role)
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json", headers=headers).json())
    faults: dict[str, str] = {}
    called = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) in LEFT_OUT:
            continue
        may = role in operation.definition.raw.get("x-roles", [])
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            more, wrong = try_out(client, headers, operation, mode, EXAMPLES if may else 1, asked)
            called, faults = called + more, faults | wrong
    assert not faults, "\n\n".join(f"{call}\n{fault}" for call, fault in faults.items())
    assert called > 90
