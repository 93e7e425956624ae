from __future__ import annotations

from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn


def test_cells(client: TestClient, as_: SignIn, peopled: Store) -> None:
    with peopled.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO needs (household_id, service, opened_on) SELECT id, 'meal', '2026-03-01' FROM households "
                "WHERE code BETWEEN 'H001' AND 'H006'"
            )
        )

    def counts(query: str, role: str = "admin") -> list[int]:
        found = client.get(f"/api/needs/cells?{query}", headers=as_(role)).json()
        return [f["properties"]["count"] for f in found["features"] if f["properties"]["count"]]

    assert counts("service=meal") == [6]
    assert counts("service=health") == []
    assert counts("from=2026-03-01&to=2026-03-01") == [6]
    assert counts("from=2026-03-02") == []
    assert counts("to=2026-02-28") == []
    assert counts("service=meal", "screen") in ([5], [10])
    assert counts("from=2026-04-01", "screen") == counts("to=2026-02-28", "screen") == []


def test_planners_are_answered_in_whole_months_and_nested_sizes(client: TestClient, as_: SignIn) -> None:
    asked = "from=2026-02-11&to=2026-02-12&size_m="
    for size_m, used_m in ((50, 100), (100, 100), (101, 200), (500, 800), (5000, 6400)):
        found = client.get(f"/api/needs/cells?{asked}{size_m}", headers=as_("planner")).json()
        assert (found["from"], found["to"], found["size_m"]) == ("2026-02-01", "2026-02-28", used_m)
        own = client.get(f"/api/needs/cells?{asked}{size_m}", headers=as_("admin")).json()
        assert (own["from"], own["to"], own["size_m"]) == ("2026-02-11", "2026-02-12", size_m)


WRONG = [
    "from=yesterday",
    "from=2026-03-02&to=2026-03-01",
    "size_m=10",
    "size_m=99999",
    "size_m=nan",
    "service=x",
]


def test_every_parameter_has_bounds(client: TestClient, as_: SignIn) -> None:
    for wrong in WRONG:
        assert client.get(f"/api/needs/cells?{wrong}", headers=as_("planner")).status_code == 422
