"""The other half of the matrix: what a role may call in general, a worker may not call on another's grid; every such operation of the description."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.api.secrets import seed

NOUNS = {"households": "household", "residents": "resident", "contacts": "contact", "chiefs": "chief"}
ABOUT_BUILDINGS = ("/chiefs", "/door-codes", "/door-sheet")
"""Buildings are for everyone to see; who looks after them and the codes on their doors are not."""
TABLES = (
    "households",
    "residents",
    "needs",
    "contacts",
    "household_contacts",
    "building_chiefs",
    "door_codes",
    "household_confirmations",
)


def bodies(asked: dict[str, str], path: str) -> list[dict[str, Any] | None]:
    """Return a body that would do if the household were one's own; without one every refusal would be of the form alone."""
    ends = {
        "/reveal": {"reason": "看看而已"}
        if "households" not in path
        else {"resident": int(asked["foreign.resident"]), "field": "phone", "reason": "看看而已"},
        "/colour": {"colour": "red", "reason": "看看而已"},
        "/move-out": {},
        "/end": {"valid_to": "2026-02-02"},
        "/residents": {"birth_year": 1950},
        "/contacts": {"contact": asked["own.contact"]},
        "/chiefs": {"name": "某人"},
        "/health-needs": {"health_needs": ["measuring"]},
    }
    if path.endswith("/move"):
        return [{"building": "B1"} if "households" in path else {"household": "H001"}]
    for end, body in ends.items():
        if path.endswith(end):
            return [body]
    return [{"name": "某人"}] if any(noun in path for noun in ("residents", "contacts", "chiefs")) else [{"room": "9"}]


def state(store: Store) -> dict[str, str | None]:
    """Return a digest of every personal table."""
    with store.owner_session() as session:
        return {
            table: session.scalar(text(f"SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t"))
            for table in TABLES
        }


@pytest.mark.parametrize("whose", ["foreign", "own"])
def test_every_personal_operation_on_ones_own_grid_and_on_anothers(
    client: TestClient, as_: SignIn, peopled: Store, whose: str
) -> None:
    asked = seed(peopled)
    headers = as_("worker")
    document = client.get("/openapi.json", headers=headers).json()
    before = state(peopled)
    seen: dict[str, int] = {}
    for path, operations in document["paths"].items():
        noun = NOUNS.get(f"{path}//".split("/")[2]) or (
            "building" if path.startswith("/api/buildings/") and path.endswith(ABOUT_BUILDINGS) else None
        )
        if noun is None or "{" not in path:
            continue
        address = path.replace("{link}", "1" if whose == "own" else "2")
        for name in ("code", "resident", "contact", "chief"):
            address = address.replace(f"{{{name}}}", asked[f"{whose}.{noun}"])
        for method, operation in operations.items():
            if "worker" not in operation["x-roles"] or (whose == "own" and method != "get"):
                continue
            for body in bodies(asked, path) if "requestBody" in operation else [None]:
                answered = client.request(method, address, headers={**headers, "If-Match": '"1"'}, json=body)
                seen[f"{method} {path}"] = answered.status_code
    assert len(seen) > (25 if whose == "foreign" else 9)
    if whose == "foreign":
        assert {call: status for call, status in seen.items() if status != 404} == {}
        assert state(peopled) == before
    else:
        assert {call: status for call, status in seen.items() if status not in (200, 409)} == {}
