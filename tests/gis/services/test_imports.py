"""The queue of imports, with real files on a real PostGIS."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from gis.errors import Conflict, Invalid, NotFound
from gis.intake import Cancelled, ImportReport
from gis.services import imports
from gis.services.imports import (
    Upload,
    cancel,
    fail_interrupted,
    get_import,
    import_file,
    list_imports,
    rejected_rows,
    run_next,
    submit,
)
from gis.store.session import Store
from tests.gis.services.conftest import account, lonlat


def households(*codes: str, bad: int = 0) -> bytes:
    lon, lat = lonlat(200, 200)
    rows = [f"{code},{lon},{lat}" for code in codes] + [f"X{n},here,{lat}" for n in range(bad)]
    return "\n".join(["code,lon,lat", *rows, ""]).encode()


def queue(store: Store, content: bytes, **more: object) -> UUID:
    admin = account(store, "admin")
    upload = Upload(
        **{"kind": "households", "file_name": "户.csv", "content": content, "crs": "EPSG:4326", **more}
    )  # type: ignore[arg-type]
    with store.session(admin) as session:
        return submit(session, upload, admin)


def state(store: Store, import_id: UUID) -> dict[str, object]:
    with store.owner_session() as session:
        return get_import(session, import_id)


def count(store: Store, code: str) -> int:
    with store.owner_session() as session:
        return session.execute(
            text("SELECT count(*) FROM households WHERE code = :code"), {"code": code}
        ).scalar_one()


def test_a_file_from_queue_to_rows(place: Store) -> None:
    import_id = queue(place, households("N1", "N2", bad=1))
    assert state(place, import_id)["state"] == "queued"
    assert run_next(place)
    assert not run_next(place)
    found = state(place, import_id)
    assert (found["state"], found["read"], found["loaded"], found["rejected"]) == ("done", 3, 2, 1)
    assert found["progress"] == 1.0
    assert found["errors"][0]["where"] == "户.csv:4:lon"  # type: ignore[index]
    assert found["started_at"] <= found["finished_at"]  # type: ignore[operator]
    assert count(place, "N1") == 1
    with place.owner_session() as session:
        name, content = rejected_rows(session, import_id)
        assert session.execute(text("SELECT content FROM imports")).scalar_one() is None
        [listed] = list_imports(session, 10)
    assert name == "户.csv.rejected.csv"
    assert b"X0" in content
    assert b"N1" not in content
    assert listed["id"] == import_id
    assert "errors" not in listed


def test_imports_run_in_the_order_they_came(place: Store) -> None:
    ids = [queue(place, households(f"N{n}")) for n in range(3)]
    for position in range(3):
        run_next(place)
        assert [state(place, i)["state"] for i in ids] == ["done"] * (position + 1) + ["queued"] * (
            2 - position
        )


def test_a_dry_run_changes_nothing(place: Store) -> None:
    import_id = queue(place, households("N1"), dry_run=True)
    run_next(place)
    found = state(place, import_id)
    assert (found["state"], found["loaded"], found["dry_run"]) == ("done", 1, True)
    assert count(place, "N1") == 0


def test_what_cannot_be_read_fails_with_a_reason(place: Store) -> None:
    import_id = queue(place, households("N1"), crs=None)
    run_next(place)
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert "GCJ-02" in str(found["errors"])
    with pytest.raises(NotFound), place.owner_session() as session:
        rejected_rows(session, import_id)


@pytest.mark.parametrize(
    ("upload", "where"),
    [
        (Upload("secrets", "a.csv", b"x"), "query.kind"),
        (Upload("grids", "a.csv", b"x", crs="mars"), "query.crs"),
        (Upload("grids", "a.csv", b""), "body.file"),
    ],
)
def test_what_is_refused_at_once(place: Store, upload: Upload, where: str) -> None:
    with pytest.raises(Invalid) as caught, place.owner_session() as session:
        submit(session, upload, None)
    assert [fault.where for fault in caught.value.faults] == [where]


def test_only_an_admin_may_queue_and_look(place: Store) -> None:
    import_id = queue(place, households("N1"))
    for role in ("planner", "worker", "screen"):
        with pytest.raises(NotFound), place.session(account(place, role)) as session:
            get_import(session, import_id)
        with (
            pytest.raises(Exception, match="row-level security"),
            place.session(account(place, role)) as session,
        ):
            submit(session, Upload("grids", "a.csv", b"x"), None)


def test_names_of_files_are_names_only(place: Store) -> None:
    for given, kept in (
        ("../../etc/x.csv", "x.csv"),
        ("C:\\data\\户.csv", "户.csv"),
        ("a\r\nb.csv", "ab.csv"),
        ("", "upload"),
    ):
        assert state(place, queue(place, b"x", file_name=given))["file_name"] == kept


def test_cancelling_in_the_queue(place: Store) -> None:
    import_id = queue(place, households("N1"))
    with place.owner_session() as session:
        cancel(session, import_id)
        cancel(session, import_id)
    assert not run_next(place)
    found = state(place, import_id)
    assert (found["state"], found["loaded"]) == ("cancelled", 0)
    with place.owner_session() as session:
        assert session.execute(text("SELECT content FROM imports")).scalar_one() is None


def test_cancelling_what_has_ended_or_never_was(place: Store) -> None:
    import_id = queue(place, households("N1"))
    run_next(place)
    with pytest.raises(Conflict), place.owner_session() as session:
        cancel(session, import_id)
    with pytest.raises(NotFound), place.owner_session() as session:
        cancel(session, uuid4())


class Slow:
    """Stands in for the reading of a long file: it writes a row, then goes on until told to stop or let go."""

    def __init__(self) -> None:
        self.writing = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, connection, kind, path, *, progress, cancelled, **_):
        connection.execute(text("INSERT INTO households (code, grid_reason) VALUES ('SLOW', 'no position')"))
        self.writing.set()
        deadline = time.monotonic() + 20
        done = 0
        while not self.let_go.is_set():
            done += 1
            if progress is not None:
                progress(done, 10_000)
            if cancelled is not None and cancelled():
                raise Cancelled
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return ImportReport(kind, 1, 1, 0, [], [], None, "0" * 64, None)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    stand_in = Slow()
    monkeypatch.setattr(imports, "run_import", stand_in)
    return stand_in


def in_thread(store: Store, **more: object) -> threading.Thread:
    thread = threading.Thread(target=run_next, args=(store,), kwargs=more)
    thread.start()
    return thread


def test_cancelling_while_it_runs_keeps_nothing(place: Store, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(place)
    assert slow.writing.wait(10)
    with place.session(account(place, "admin")) as session:
        cancel(session, import_id)
    thread.join(10)
    assert not thread.is_alive()
    assert state(place, import_id)["state"] == "cancelled"
    assert count(place, "SLOW") == 0


def test_cancelling_in_the_last_moment_keeps_nothing(
    place: Store, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last question and the commit: the whole transaction goes."""
    monkeypatch.setattr(imports.Teller, "is_cancelled", lambda self: False)
    import_id = queue(place, households("N1"))
    thread = in_thread(place)
    assert slow.writing.wait(10)
    with place.owner_session() as session:
        cancel(session, import_id)
    slow.let_go.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "cancelled"
    assert count(place, "SLOW") == 0


def test_progress_is_seen_while_it_runs(place: Store, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(place)
    deadline = time.monotonic() + 10
    while not (found := state(place, import_id))["read"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert found["state"] == "running"
    assert 0 < found["progress"] < 1  # type: ignore[operator]
    slow.let_go.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "done"
    assert count(place, "SLOW") == 1


def test_a_running_import_of_another_process_is_left_alone(place: Store, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(place)
    assert slow.writing.wait(10)
    assert fail_interrupted(place) == []
    assert not run_next(place)
    slow.let_go.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "done"


def test_what_a_dead_process_was_running_has_failed(place: Store) -> None:
    import_id = queue(place, households("N1"))
    with place.owner_session() as session:
        session.execute(text("UPDATE imports SET state = 'running', started_at = now()"))
    assert fail_interrupted(place) == [import_id]
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert "nothing was kept" in str(found["errors"])
    assert fail_interrupted(place) == []


def test_a_service_that_stops_abandons_its_import(place: Store, slow: Slow) -> None:
    stopping = threading.Event()
    import_id = queue(place, households("N1"))
    thread = in_thread(place, stopping=stopping.is_set)
    assert slow.writing.wait(10)
    stopping.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "failed"
    assert count(place, "SLOW") == 0


def test_a_fault_of_ours_is_opaque(place: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("张三 13800001234")

    monkeypatch.setattr(imports, "run_import", broken)
    import_id = queue(place, households("N1"))
    assert run_next(place)
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert "13800001234" not in str(found)


def test_two_at_once_wait_for_each_other(place: Store, slow: Slow) -> None:
    first, second = queue(place, households("N1")), queue(place, households("N2"))
    one = in_thread(place)
    assert slow.writing.wait(10)
    other = in_thread(place)
    time.sleep(0.3)
    assert state(place, first)["state"] == "running"
    assert state(place, second)["read"] == 0
    slow.let_go.set()
    one.join(10)
    other.join(10)
    assert state(place, first)["state"] == "done"
    assert state(place, second)["state"] == "failed"  # the stand-in's row is there already


def test_a_file_of_this_machine_is_recorded(place: Store, tmp_path: Path) -> None:
    path = tmp_path / "homes.csv"
    path.write_bytes(households("N1", bad=1))
    told: list[int] = []
    with place.owner_engine.begin() as connection:
        report = import_file(
            connection, "households", path, crs="EPSG:4326", progress=lambda done, _total: told.append(done)
        )
    assert (report.read, report.loaded, report.rejected) == (2, 1, 1)
    assert told
    with place.owner_session() as session:
        [row] = list_imports(session, 10)
    assert (row["file_name"], row["state"], row["loaded"], row["crs"]) == (
        "homes.csv",
        "done",
        1,
        "EPSG:4326",
    )
    with place.owner_engine.begin() as connection:
        import_file(connection, "households", path, crs="EPSG:4326", dry_run=True)
        with pytest.raises(Invalid):
            import_file(connection, "secrets", path, crs=None)
    with place.owner_session() as session:
        assert len(list_imports(session, 10)) == 1
