from __future__ import annotations

import gzip

import numpy as np
import pytest
from fastapi.testclient import TestClient
from scipy.interpolate import RegularGridInterpolator
from sqlalchemy import text

from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1


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


@pytest.mark.parametrize("role", ["admin", "planner"])
def test_arrays_say_what_the_squares_say(client: TestClient, as_: SignIn, asked: Store, role: str) -> None:
    squares = client.get("/api/needs/cells?size_m=100", headers=as_(role)).json()
    arrays = client.get("/api/needs/cells?size_m=100&form=columns", headers=as_(role)).json()
    for name in ("size_m", "from", "to", "threshold", "people_in", "total"):
        assert arrays[name] == squares[name]
    facts = [feature["properties"] for feature in squares["features"]]
    assert len(facts) > 1
    assert arrays["count"] == [each["count"] for each in facts]
    assert [n is None for n in arrays["count"]] == [each["suppressed"] for each in facts]
    assert arrays["households"] == [each["households"] for each in facts]
    lattice = arrays["lattice"]
    columns, rows = np.cumsum(arrays["column"]), np.cumsum(arrays["row"])
    nodes = [np.arange(len(lattice["lat"])), np.arange(len(lattice["lat"][0]))]
    for axis, name in enumerate(("lon", "lat")):
        between = RegularGridInterpolator(nodes, np.array(lattice[name]))
        for corner, (right, up) in enumerate(((0, 0), (1, 0), (1, 1), (0, 1))):
            told = between(np.stack([rows + up, columns + right], axis=1) / lattice["every"])
            drawn = [feature["geometry"]["coordinates"][0][corner][axis] for feature in squares["features"]]
            assert told == pytest.approx(drawn, abs=1e-6)


WRONG = [
    "form=x",
    "from=yesterday",
    "from=2026-03-02&to=2026-03-01",
    "size_m=10",
    "size_m=99999",
    "size_m=nan",
    "service=x",
]


def test_every_parameter_has_bounds(client: TestClient, as_: SignIn) -> None:
    for wrong in WRONG:
        for kind in ("cells",) if "form" in wrong else ("cells", "grids", "hotspots"):
            assert client.get(f"/api/needs/{kind}?{wrong}", headers=as_("planner")).status_code == 422


NAMED = [
    ("cells?colour=blue", "query.colour"),
    ("grids?colour=red&colour=", "query.colour"),
    ("hotspots?age=61", "query.age"),
    ("grids?age=80-", "query.age"),
    ("cells?service=haircut", "query.service"),
    ("grids?from=2026-03-02&to=2026-03-01", "query.from"),
    ("grids?measure=households", "query.measure"),
    ("grids?measure=rate&k=99", "query.k"),
    ("grids?measure=rate&scheme=jenks", "query.scheme"),
    ("hotspots?by=areas", "query.by"),
    ("hotspots?measure=z", "query.measure"),
]


def test_what_is_wrong_is_named(client: TestClient, as_: SignIn) -> None:
    for path, field in NAMED:
        answered = client.get(f"/api/needs/{path}", headers=as_("planner"))
        assert answered.status_code == 422, path
        assert [fault["where"] for fault in answered.json()["errors"]] == [field]


@pytest.fixture
def asked(peopled: Store) -> Store:
    """Give B1 six needs and B2 seven, of eight red households; in B1 lives a child of 6 and two elders of 76 in each, in B2 one elder."""
    with peopled.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO needs (household_id, service, opened_on) SELECT id, 'meal', '2026-03-01' FROM households "
                "WHERE code BETWEEN 'H001' AND 'H006' OR code BETWEEN 'H007' AND 'H013' OR code = 'H900'"
            )
        )
        session.execute(text("UPDATE households SET colour = 'red' WHERE code BETWEEN 'H007' AND 'H014'"))
    return peopled


def test_grids_are_counted_with_their_rate(client: TestClient, as_: SignIn, asked: Store) -> None:
    found = client.get("/api/needs/grids?from=2026-03-01", headers=as_("admin")).json()
    one, two = found["grids"]
    assert one == {
        "code": G1,
        "name": "一网格",
        "count": 6,
        "households": 6,
        "rate": 100.0,
        "suppressed": False,
    }
    assert (two["count"], two["households"], two["rate"]) == (7, 15, 46.67)
    assert (found["total"], found["outside"], found["people_in"]) == (14, None, 1)
    own = client.get("/api/needs/grids", headers=as_("planner")).json()
    assert {row["count"] for row in own["grids"]} <= {5, 10}
    assert own["outside"] is None and own["people_in"] == 5
    assert own["grids"][0]["rate"] == round(own["grids"][0]["count"] * 100 / 6, 2)


CHOSEN = [
    ("colour=red", [0, 7]),
    ("colour=green", [6, 0]),
    ("colour=red&colour=green", [6, 7]),
    ("colour=yellow", [0, 0]),
    ("age=0-12", [6, 0]),
    ("age=60-79", [6, 7]),
    ("age=80%2B", [0, 0]),
    ("age=80+&age=0-12", [6, 0]),
    ("age=0-12&colour=red", [0, 0]),
    ("service=health", [0, 0]),
    ("to=2026-02-28", [0, 0]),
]


def test_filters_choose_households(client: TestClient, as_: SignIn, asked: Store) -> None:
    for query, counts in CHOSEN:
        found = client.get(f"/api/needs/grids?{query}", headers=as_("admin")).json()
        assert [row["count"] for row in found["grids"]] == counts, query
        assert client.get(f"/api/needs/cells?{query}", headers=as_("admin")).json()["total"] == sum(counts)
        fives = client.get(f"/api/needs/grids?{query}", headers=as_("planner")).json()["grids"]
        for row, n in zip(fives, counts, strict=True):
            assert (row["count"] or 0) in ((0, 5, 10) if n else (0,))
            assert row["suppressed"] == (row["count"] is None)


def test_ages_are_those_of_the_day_of_the_need(client: TestClient, as_: SignIn, asked: Store) -> None:
    """Who is born in 1950 was 59 in 2009, and a child of 2020 was not there."""
    with asked.owner_session() as session:
        session.execute(text("UPDATE needs SET opened_on = '2009-05-01'"))
    for age, count in (("13-59", 6), ("60-79", 0), ("0-12", 0)):
        found = client.get(f"/api/needs/grids?age={age}", headers=as_("admin")).json()
        assert found["grids"][0]["count"] == count


def test_classes_of_a_measure_are_given_with_it(client: TestClient, as_: SignIn, asked: Store) -> None:
    found = client.get("/api/needs/grids?measure=rate&scheme=equal&k=3", headers=as_("admin")).json()
    assert (found["measure"], found["scheme"]) == ("rate", "equal")
    assert (found["breaks"][0], found["breaks"][-1]) == (46.67, 100)
    assert len(found["colours"]) == len(found["counts"]) == 3 and sum(found["counts"]) == 2
    none = client.get("/api/needs/grids?measure=count&service=health", headers=as_("admin")).json()
    assert none["breaks"] == [] and none["no_data"] == 2, "zero is in no class"


def test_too_few_grids_are_not_tested(client: TestClient, as_: SignIn, asked: Store) -> None:
    found = client.get("/api/needs/hotspots?measure=count", headers=as_("planner")).json()
    assert (found["by"], found["measure"], found["tested"], found["hot"], found["cold"]) == (
        "grids",
        "count",
        0,
        0,
        0,
    )
    assert found["least"] == 30 and all(row["spot"] is None and row["z"] is None for row in found["grids"])
    cells = client.get("/api/needs/hotspots?by=cells", headers=as_("planner")).json()
    assert cells["type"] == "FeatureCollection" and cells["features"][0]["properties"]["spot"] is None


def test_what_a_map_is_drawn_from_does_not_grow_with_households(client: TestClient, as_: SignIn, asked: Store) -> None:
    """Twenty times as many households and needs at the same places: the page and its data stay as large as they were."""

    def sizes() -> list[int]:
        paths = ("/maps/needs", "/api/needs/cells?form=columns", "/api/grids/measures?measure=households")
        answers = [client.get(path, headers=as_("planner")).raise_for_status().content for path in paths]
        return [len(gzip.compress(answer)) for answer in answers]

    few = sizes()
    with asked.owner_session() as session:
        before = session.scalar(text("SELECT count(*) FROM households"))
        session.execute(
            text(
                "INSERT INTO households (code, building_id, own_position, lon, lat, geometry, grid_id, grid_reason) "
                "SELECT code || '-' || n, building_id, own_position, lon, lat, geometry, grid_id, grid_reason "
                "FROM households CROSS JOIN generate_series(1, 19) n"
            )
        )
        session.execute(
            text(
                "INSERT INTO needs (household_id, service, opened_on) "
                "SELECT id, 'meal', '2026-03-01' FROM households WHERE code LIKE '%-%' AND id % 2 = 0"
            )
        )
        assert session.scalar(text("SELECT count(*) FROM households")) == 20 * before
    many = sizes()
    assert many != few, "the figures have changed"
    assert sum(many) <= 1.5 * sum(few)
    assert all(after <= max(1.5 * size, size + 400) for size, after in zip(few, many, strict=True))
