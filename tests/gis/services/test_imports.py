"""Files sent in: what is taken, what is refused at once, and what can be asked of them afterwards."""

from __future__ import annotations

import io
from uuid import uuid4

import pytest
from sqlalchemy import text

from gis.errors import Conflict, Invalid, NotFound
from gis.services.imports import (
    Upload,
    base_name,
    cancel,
    get_import,
    list_imports,
    rejected_piece,
    rejected_rows,
    submit,
)
from gis.store.session import Store
from tests.gis.intake.files import geojson, point, workbook
from tests.gis.services.conftest import account
from tests.gis.services.importing import count, households, pieces, queue, state


def test_a_file_from_queue_to_rows(place: Store, run) -> None:
    import_id = queue(place, households("N1", "N2", bad=1))
    assert state(place, import_id)["state"] == "queued"
    assert run(place)
    assert not run(place)
    found = state(place, import_id)
    assert (found["state"], found["read"], found["loaded"], found["rejected"]) == ("done", 3, 2, 1)
    assert found["progress"] == 1.0
    assert found["errors"][0]["where"] == "户.csv:4:lon"  # type: ignore[index]
    assert found["started_at"] <= found["finished_at"]  # type: ignore[operator]
    assert count(place, "N1") == 1
    with place.owner_session() as session:
        name = rejected_rows(session, import_id)
        content = rejected_piece(session, import_id, 0)
        assert rejected_piece(session, import_id, 1) is None
        [listed] = list_imports(session, 10)
    assert pieces(place, "content") == 0
    assert name == "户.csv.rejected.csv"
    assert b"X0" in content
    assert b"N1" not in content
    assert listed["id"] == import_id
    assert "errors" not in listed


def test_a_dry_run_changes_nothing(place: Store, run) -> None:
    import_id = queue(place, households("N1"), dry_run=True)
    run(place)
    found = state(place, import_id)
    assert (found["state"], found["loaded"], found["dry_run"]) == ("done", 1, True)
    assert count(place, "N1") == 0


def test_what_cannot_be_read_fails_with_a_reason(place: Store, run) -> None:
    import_id = queue(place, b'code,unit\nN1,1\nN2,"' + b"x" * (6 << 20))
    run(place)
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert "引号没有成对" in str(found["errors"])
    with pytest.raises(NotFound), place.owner_session() as session:
        rejected_rows(session, import_id)


@pytest.mark.parametrize(
    ("upload", "where"),
    [
        (Upload("secrets", "a.csv", io.BytesIO(b"x")), "query.kind"),
        (Upload("grids", "a.csv", io.BytesIO(b"x"), crs="mars"), "query.crs"),
        (Upload("grids", "a.csv", io.BytesIO()), "body.file"),
        (Upload("households", "a.csv", io.BytesIO(households("N1"))), "query.crs"),
        (Upload("households", "表.csv", io.BytesIO("户编码,经度,纬度\nN1,102,25\n".encode("gb18030"))), "query.crs"),
        (Upload("stations", "a.xlsx", io.BytesIO(b"PK")), "query.crs"),
        (
            Upload("households", "户.XLSX", io.BytesIO(workbook(("户编码", "经度", "纬度"), ("N1", 102, 25)))),
            "query.crs",
        ),
        (Upload("households", "a.csv", io.BytesIO(b"name\nN1\n"), crs="EPSG:4326"), "a.csv:code"),
        (Upload("residents", "a.xlsx", io.BytesIO(workbook(("name",), ("N1",)))), "a.xlsx:household"),
        (Upload("households", "long.csv", io.BytesIO(b"code,lon,lat\n" + b"N1,102,25\n" * 400_000)), "query.crs"),
        (
            Upload("buildings", "b.geojson", io.BytesIO(geojson(({"name": "1"}, point(102, 25))).encode())),
            "b.geojson:code",
        ),
        (Upload("compounds", "a.xlsx", io.BytesIO(workbook(("code", "lon", "lat"), ("C1", 102, 25)))), "query.crs"),
    ],
)
def test_what_is_refused_at_once(place: Store, upload: Upload, where: str) -> None:
    with pytest.raises(Invalid) as caught, place.owner_session() as session:
        submit(session, upload, None)
    assert {fault.where for fault in caught.value.faults} == {where}
    if upload.crs is None and where == "query.crs":
        assert all(choice in str(caught.value.faults) for choice in ("EPSG:4326", "GCJ-02", "BD-09", "EPSG:4543"))


def test_tables_without_positions_need_no_system(place: Store) -> None:
    for kind, content in (("households", b"code,building\nN1,\n"), ("residents", b"household,birth_year\nN1,1950\n")):
        queue(place, content, kind=kind, crs=None)
    with place.owner_session() as session:
        submit(session, Upload("households", "h.xlsx", io.BytesIO(workbook(("code", "building"), ("N1", "")))), None)
        submit(session, Upload("compounds", "damaged.xlsx", io.BytesIO(b"PK")), None)  # for the import to say


def test_only_an_admin_may_queue_and_look(place: Store) -> None:
    import_id = queue(place, households("N1"))
    for role in ("planner", "worker", "screen"):
        with pytest.raises(NotFound), place.session(account(place, role)) as session:
            get_import(session, import_id)
        with (
            pytest.raises(Exception, match="row-level security"),
            place.session(account(place, role)) as session,
        ):
            submit(session, Upload("compounds", "a.csv", io.BytesIO(b"code\n")), None)


def test_names_of_files_are_names_only(place: Store) -> None:
    assert base_name("") == "upload"
    for given, kept in (
        ("../../etc/x.csv", "x.csv"),
        ("C:\\data\\户.csv", "户.csv"),
        ("a\r\nb.csv", "ab.csv"),
    ):
        assert state(place, queue(place, b"code\n", file_name=given))["file_name"] == kept


def test_cancelling_in_the_queue(place: Store, run) -> None:
    import_id = queue(place, households("N1"))
    with place.owner_session() as session:
        cancel(session, import_id)
        cancel(session, import_id)
    assert not run(place)
    found = state(place, import_id)
    assert (found["state"], found["loaded"]) == ("cancelled", 0)
    assert pieces(place, "content") == 0


def test_cancelling_what_has_ended_or_never_was(place: Store, run) -> None:
    import_id = queue(place, households("N1"))
    run(place)
    with pytest.raises(Conflict), place.owner_session() as session:
        cancel(session, import_id)
    with pytest.raises(NotFound), place.owner_session() as session:
        cancel(session, uuid4())


def test_the_same_file_again_finds_all_as_it_is(place: Store, run) -> None:
    ids = [queue(place, households("N1", "N2")) for _ in range(2)]
    while run(place):
        pass
    assert [state(place, each)["loaded"] for each in ids] == [2, 2]
    with place.owner_session() as session:
        assert session.scalars(text("SELECT version FROM households WHERE code LIKE 'N_'")).all() == [1, 1]
