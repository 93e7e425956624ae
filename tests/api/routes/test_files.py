from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.clock import TIME_ZONE
from gis.intake import run_import
from gis.store.session import Store
from tests.api.conftest import SignIn
from tests.gis.services.conftest import G1, G2

TODAY = datetime.now(TIME_ZONE).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def tagged(client: TestClient, headers: dict[str, str], path: str) -> dict[str, str]:
    answered = client.get(path, headers=headers)
    assert answered.status_code == 200, answered.text
    return {**headers, "If-Match": answered.headers["etag"]}


def people(store: Store, household: str, *, born: int = 1990) -> list[int]:
    with store.owner_session() as session:
        return list(
            session.scalars(
                text(
                    "SELECT r.id FROM residents r JOIN households h ON h.id = r.household_id "
                    "WHERE h.code = :code AND r.birth_year = :born ORDER BY r.id"
                ),
                {"code": household, "born": born},
            )
        )


def act(client: TestClient, headers: dict[str, str], resident: int, verb: str, **body: Any) -> Any:
    version = client.get(f"/api/residents/{resident}", headers=headers).headers["etag"]
    return client.post(f"/api/residents/{resident}/{verb}", json=body, headers={**headers, "If-Match": version})


def changes(client: TestClient, headers: dict[str, str], household: str) -> list[dict[str, Any]]:
    answered = client.get(f"/api/households/{household}/history", headers=headers)
    assert answered.status_code == 200, answered.text
    return list(answered.json()["items"])


# Colours


def test_a_colour_needs_a_reason_and_carries_who_and_until_when(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    path = "/api/households/H001/colour"
    before = client.get(path, headers=headers).json()
    assert (before["colour"], before["state"], before["confirmed_by"]) == ("green", "unconfirmed", None)
    tag = tagged(client, headers, path)
    for wrong in (
        {"colour": "red"},
        {"colour": "red", "reason": " "},
        {"colour": "blue", "reason": "独居"},
        {"colour": "red", "reason": "独居", "expires_on": YESTERDAY.isoformat()},
        {"colour": "red", "reason": "独居", "expires_on": (TODAY + timedelta(days=400)).isoformat()},
    ):
        assert client.put(path, json=wrong, headers=tag).status_code == 422, wrong
    body = {"colour": "red", "reason": "独居且行动不便", "expires_on": TOMORROW.isoformat()}
    done = client.put(path, json=body, headers=tag)
    assert done.status_code == 200, done.text
    now = done.json()
    assert (now["colour"], now["reason"], now["confirmed_by"]) == ("red", "独居且行动不便", "worker")
    assert (now["expires_on"], now["state"]) == (TOMORROW.isoformat(), "in_force")
    assert client.put(path, json=body, headers=tag).status_code == 412


def test_confirming_the_same_colour_renews_it(client: TestClient, as_: SignIn) -> None:
    headers = as_("worker")
    path = "/api/households/H001/colour"
    done = client.put(path, json={"colour": "green", "reason": "子女同住"}, headers=tagged(client, headers, path))
    assert (done.json()["state"], done.json()["expires_on"]) == (
        "in_force",
        (TODAY + timedelta(days=182)).isoformat(),
    )


def test_a_new_colour_stands_on_nothing_that_was_said_of_the_old_one(
    client: TestClient, as_: SignIn, peopled: Store
) -> None:
    headers = as_("worker")
    path = "/api/households/H001/colour"
    client.put(path, json={"colour": "red", "reason": "独居"}, headers=tagged(client, headers, path))
    changed = client.patch("/api/households/H001", json={"colour": "green"}, headers=tagged(client, headers, path))
    assert changed.status_code == 200
    now = client.get(path, headers=headers).json()
    assert (now["reason"], now["confirmed_by"], now["state"]) == (None, "worker", "without_reason")
    with peopled.owner_session() as session:  # as an import does
        session.execute(text("UPDATE households SET colour = 'yellow' WHERE code = 'H001'"))
    now = client.get(path, headers=headers).json()
    assert (now["colour"], now["confirmed_by"], now["expires_on"], now["state"]) == (
        "yellow",
        None,
        None,
        "unconfirmed",
    )


def test_colours_that_want_looking_at(client: TestClient, as_: SignIn, peopled: Store) -> None:
    headers = as_("worker")
    for code in ("H001", "H002", "H003"):
        path = f"/api/households/{code}/colour"
        client.put(path, json={"colour": "green", "reason": "子女同住"}, headers=tagged(client, headers, path))
    with peopled.owner_session() as session:
        session.execute(
            text("UPDATE households SET colour_expires_on = :day WHERE code = 'H002'"),
            {"day": TODAY - timedelta(days=1)},
        )
        session.execute(text("UPDATE households SET colour_expires_on = :day WHERE code = 'H003'"), {"day": TODAY})
        session.execute(text("UPDATE households SET colour = NULL WHERE code = 'H004'"))
    found = client.get("/api/colours/review", headers=headers).json()["items"]
    assert [(item["code"], item["state"]) for item in found] == [
        ("H002", "expired"),
        ("H005", "unconfirmed"),
        ("H006", "unconfirmed"),
    ]


# Health


def test_health_needs_are_kinds_of_help_and_no_diagnosis(client: TestClient, as_: SignIn, peopled: Store) -> None:
    headers = as_("worker")
    path = f"/api/residents/{people(peopled, 'H001')[0]}/health-needs"
    tag = tagged(client, headers, path)
    assert client.put(path, json={"health_needs": ["高血压"]}, headers=tag).status_code == 422
    done = client.put(path, json={"health_needs": ["medicine_delivery", "measuring", "measuring"]}, headers=tag)
    assert [need["kind"] for need in done.json()["health_needs"]] == ["measuring", "medicine_delivery"]
    assert client.put(path, json={"health_needs": []}, headers=tag).status_code == 412
    foreign = f"/api/residents/{people(peopled, 'H010')[0]}/health-needs"
    assert client.get(foreign, headers=headers).status_code == 404


# Moves


def test_moving_out_and_back_deletes_nothing(client: TestClient, as_: SignIn, peopled: Store) -> None:
    headers = as_("worker")
    resident = people(peopled, "H001")[0]
    assert act(client, headers, resident, "move-out", on=TOMORROW.isoformat()).status_code == 422
    out = act(client, headers, resident, "move-out", on="2026-03-01")
    assert out.status_code == 200, out.text
    assert out.json()["moved_out_on"] == "2026-03-01"
    assert act(client, headers, resident, "move-out").status_code == 409
    living = client.get("/api/households/H001", headers=headers).json()["residents"]
    assert resident not in [each["id"] for each in living]

    early = client.post(
        "/api/households/H002/residents", json={"resident": resident, "on": "2026-02-01"}, headers=headers
    )
    assert early.status_code == 422
    back = client.post(
        "/api/households/H002/residents", json={"resident": resident, "on": "2026-06-01"}, headers=headers
    )
    assert back.status_code == 201, back.text
    lived = client.get(f"/api/residents/{resident}/residencies", headers=headers).json()["items"]
    assert lived == [
        {"household": "H002", "from_on": "2026-06-01", "until_on": None},
        {"household": "H001", "from_on": None, "until_on": "2026-03-01"},
    ]


def test_moving_within_keeps_where_one_lived(client: TestClient, as_: SignIn, peopled: Store) -> None:
    headers = as_("worker")
    resident = people(peopled, "H001")[0]
    assert act(client, headers, resident, "move", household="H001").status_code == 409
    moved = act(client, headers, resident, "move", household="H003", on="2026-05-01")
    assert moved.status_code == 200, moved.text
    assert (moved.json()["household"], moved.json()["moved_in_on"]) == ("H003", "2026-05-01")
    assert act(client, headers, resident, "move", household="H004", on="2026-04-30").status_code == 422
    assert act(client, headers, resident, "move", household="H004", on="2026-05-01").status_code == 200
    lived = client.get(f"/api/residents/{resident}/residencies", headers=headers).json()["items"]
    assert [(each["household"], each["until_on"]) for each in lived] == [
        ("H004", None),
        ("H003", "2026-05-01"),
        ("H001", "2026-05-01"),
    ]


def test_a_worker_moves_nobody_across_the_border_and_an_admin_does(
    client: TestClient, as_: SignIn, peopled: Store
) -> None:
    headers, admin = as_("worker"), as_("admin")
    own, foreign = people(peopled, "H001")[0], people(peopled, "H010")[0]
    assert act(client, headers, own, "move", household="H010").status_code == 404
    version = {"If-Match": '"1"', **headers}
    for verb, body in (("move-out", {}), ("move", {"household": "H001"})):
        answered = client.post(f"/api/residents/{foreign}/{verb}", json=body, headers=version)
        assert answered.status_code == 404
    claimed = client.post("/api/households/H001/residents", json={"resident": foreign}, headers=headers)
    assert claimed.status_code == 404
    assert act(client, admin, own, "move", household="H010").status_code == 200
    assert client.get(f"/api/residents/{own}", headers=headers).status_code == 404
    # The file that was left says that somebody left, and no more.
    left = changes(client, headers, "H001")
    assert [(each["by"], each["subject"], each["changes"]) for each in left] == [
        ("admin", "household", {"resident_left": {"changed": True}})
    ]


def test_a_new_person_is_known_again_when_a_file_comes(
    client: TestClient, as_: SignIn, peopled: Store, tmp_path: Any
) -> None:
    headers = as_("worker")
    body = {
        "name": "周七",
        "birth_date": "1949-10-01",
        "sex": "female",
        "phone": "15412345678",
        "care_flags": ["empty_nest"],
    }
    made = client.post("/api/households/H001/residents", json=body, headers=headers)
    assert made.status_code == 201, made.text
    numbered = {"birth_year": 1980, "id_number": "539901198001010019", "name": "吴八"}
    assert client.post("/api/households/H001/residents", json=numbered, headers=headers).status_code == 201
    assert client.post("/api/households/H001/residents", json=numbered, headers=headers).status_code == 409
    shown = client.get(f"/api/residents/{made.json()['resident']}", headers=headers).json()
    assert (shown["name"], shown["phone"]) == ("周七", "154****5678")
    file = tmp_path / "residents.csv"
    file.write_text(
        "household,birth_date,birth_year,sex,name,id_number\nH001,1949-10-01,,female,周七,\nH001,,1980,,吴八,539901198001010019\n"
    )
    with peopled.owner_engine.begin() as connection:
        count = text("SELECT count(*) FROM residents")
        before = connection.scalar(count)
        report = run_import(connection, "residents", file, crs=None, dry_run=False, progress=None, cancelled=None)
        assert (report.loaded, connection.scalar(count)) == (2, before)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "周七"},
        {"birth_date": "1949-10-01", "birth_year": 1950},
        {"birth_year": 2199},
        {"birth_date": TOMORROW.isoformat()},
        {"birth_year": 1950, "care_flags": ["rich"]},
        {"birth_year": 1950, "on": TOMORROW.isoformat()},
        {"birth_year": 1950, "name": "\x00"},
        {"resident": 1, "name": "周七"},
    ],
)
def test_wrong_people_do_not_move_in(client: TestClient, as_: SignIn, body: dict[str, Any]) -> None:
    answered = client.post("/api/households/H001/residents", json=body, headers=as_("worker"))
    assert answered.status_code == 422
    assert answered.json()["errors"]


def test_a_households_grid_follows_its_building(client: TestClient, as_: SignIn) -> None:
    headers, admin = as_("worker"), as_("admin")
    path = "/api/households/H001"
    body = {"building": "B2", "unit": "2", "room": "301", "on": "2026-05-01"}
    tag = tagged(client, headers, path)
    assert client.post(f"{path}/move", json=body, headers=tag).status_code == 404  # not a building of the worker's
    moved = client.post(f"{path}/move", json=body, headers={**tag, **admin})
    assert moved.status_code == 200, moved.text
    assert (moved.json()["grid"], moved.json()["building"], moved.json()["room"]) == (G2, "B2", "301")
    assert client.get(path, headers=headers).status_code == 404
    stale = client.post(f"{path}/move", json=body, headers={**tag, **admin})
    assert stale.status_code == 412
    again = tagged(client, admin, path)
    early = client.post(f"{path}/move", json={**body, "building": "B1", "on": "2026-04-01"}, headers=again)
    assert early.status_code == 422
    back = client.post(f"{path}/move", json={"building": "B1", "on": "2026-06-01"}, headers=again)
    assert (back.json()["grid"], back.json()["unit"]) == (G1, None)
    doors = client.get(f"{path}/addresses", headers=headers).json()["items"]
    assert [(door["building"], door["room"], door["from_on"], door["until_on"]) for door in doors] == [
        ("B1", None, "2026-06-01", None),
        ("B2", "301", "2026-05-01", "2026-06-01"),
        ("B1", None, None, "2026-05-01"),
    ]


def test_the_colour_goes_with_the_last_who_leaves(client: TestClient, as_: SignIn, peopled: Store) -> None:
    headers = as_("worker")
    everyone = people(peopled, "H001") + people(peopled, "H001", born=1950) + people(peopled, "H001", born=2020)
    for left, resident in enumerate(everyone, start=1):
        act(client, headers, resident, "move-out")
        colour = client.get("/api/households/H001/colour", headers=headers).json()["colour"]
        assert colour == (None if left == len(everyone) else "green")


# History


def test_history_says_who_changed_what(client: TestClient, as_: SignIn, peopled: Store) -> None:
    headers = as_("worker")
    client.patch("/api/households/H001", json={"room": "502"}, headers=tagged(client, headers, "/api/households/H001"))
    resident = people(peopled, "H001")[0]
    path = f"/api/residents/{resident}"
    body = {"name": "郑九", "phone": "15400007777"}
    assert client.patch(path, json=body, headers=tagged(client, as_("admin"), path)).status_code == 200
    newest, first = changes(client, headers, "H001")
    assert (first["by"], first["subject"], first["changes"]) == (
        "worker",
        "household",
        {"room": {"old": None, "new": "502"}},
    )
    assert (newest["by"], newest["subject"], newest["subject_id"]) == ("admin", "resident", str(resident))
    assert newest["changes"]["name"] == {"old": "某人", "new": "郑九"}
    assert newest["changes"]["phone_sealed"] == {"changed": True}
    page = client.get("/api/households/H001/history?limit=1", headers=headers).json()
    assert client.get(page["next"], headers=headers).json()["items"] == [first]
    assert client.get("/api/households/H001/history?cursor=x", headers=headers).status_code == 422


def test_sealed_values_and_notes_never_enter_the_history(client: TestClient, as_: SignIn, peopled: Store) -> None:
    resident = people(peopled, "H001")[0]
    path = f"/api/residents/{resident}"
    body = {"phone": "15400007777", "id_number": "539901199001010017", "guardian_phone": "15400008888"}
    assert client.patch(path, json=body, headers=tagged(client, as_("worker"), path)).status_code == 200
    with peopled.owner_session() as session:
        session.execute(
            text(
                "INSERT INTO needs (household_id, service, opened_on, note) SELECT id, 'meal', '2026-01-01', '糖尿病' FROM households WHERE code = 'H001'"
            )
        )
        session.execute(text("UPDATE needs SET note = '糖尿病,软食', closed_on = '2026-02-01'"))
        kept = session.scalars(text("SELECT changes::text FROM history ORDER BY id")).all()
        sealed = session.execute(
            text("SELECT encode(phone_sealed, 'hex'), encode(phone_hash, 'hex') FROM residents WHERE id = :id"),
            {"id": resident},
        ).one()
    assert len(kept) == 2
    for secret in (*body.values(), *sealed, "糖尿病"):
        assert all(secret not in each for each in kept)
    assert '"note": {"changed": true}' in kept[1]
    assert '"closed_on"' in kept[1]


def test_a_childs_name_is_masked_in_the_history_too(client: TestClient, as_: SignIn, peopled: Store) -> None:
    path = f"/api/residents/{people(peopled, 'H001', born=2020)[0]}"
    body = {"name": "冯小小", "birth_date": "2020-04-05"}
    assert client.patch(path, json=body, headers=tagged(client, as_("worker"), path)).status_code == 200
    answered = client.get("/api/households/H001/history", headers=as_("worker"))
    assert answered.json()["items"][0]["changes"] == {
        "name": {"old": "某*", "new": "冯**"},
        "birth_date": {"changed": True},
    }


def test_contacts_and_needs_are_in_the_history_and_bulk_work_is_not(
    client: TestClient, as_: SignIn, peopled: Store
) -> None:
    headers = as_("worker")
    contact = client.post("/api/contacts", json={"name": "李四", "grid": G1}, headers=headers).json()["id"]
    client.post("/api/households/H001/contacts", json={"contact": contact}, headers=headers)
    entry = changes(client, headers, "H001")[0]
    assert (entry["subject"], entry["changes"]["contact"]) == ("contact", {"old": None, "new": "李四"})
    with peopled.owner_session() as session:
        before = session.scalar(text("SELECT count(*) FROM history"))
        session.execute(text("UPDATE households SET grid_id = NULL, grid_reason = 'outside every grid'"))
        session.execute(text("SELECT set_config('linli.rotating', 'on', true)"))
        session.execute(text("UPDATE residents SET phone_sealed = phone_sealed || '\\x00'::bytea"))
        assert session.scalar(text("SELECT count(*) FROM history")) == before


def test_others_see_no_files(client: TestClient, as_: SignIn, peopled: Store) -> None:
    resident = people(peopled, "H001")[0]
    for path in ("history", "colour", "addresses"):
        assert client.get(f"/api/households/H010/{path}", headers=as_("worker")).status_code == 404
    for role in ("planner", "screen", "auditor"):
        for path in (
            "/api/households/H001/history",
            "/api/households/H001/colour",
            "/api/households/H001/addresses",
            "/api/colours/review",
            f"/api/residents/{resident}/residencies",
            f"/api/residents/{resident}/health-needs",
        ):
            assert client.get(path, headers=as_(role)).status_code == 403, path
