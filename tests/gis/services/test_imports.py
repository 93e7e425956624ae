"""The queue of imports, with real files on a real PostGIS."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from gis.errors import Conflict, Invalid, NotFound
from gis.intake import Cancelled, ImportReport
from gis.services import import_queue, import_spool
from gis.services.import_faults import INTERRUPTED, NO_ROOM
from gis.services.import_queue import MOST_ATTEMPTS, import_file, recover, run_local
from gis.services.import_spool import Spool
from gis.services.imports import (
    Upload,
    cancel,
    get_import,
    list_imports,
    rejected_piece,
    rejected_rows,
    submit,
)
from gis.store.locking import lock_tables
from gis.store.session import Store
from tests.gis.intake.files import workbook
from tests.gis.services.conftest import account, lonlat


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Spool]:
    """Give the private folder; at the end nothing may be left in it."""
    with Spool(tmp_path / "data") as opened:
        yield opened
        left = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.name != ".in-use"]
        assert left == []
    assert list((tmp_path / "data" / "spool").iterdir()) == []


@pytest.fixture
def run(folders: Spool):
    """Give a function that runs the next import."""
    return lambda store, **more: import_queue.run_next(store, folders, **more)


def households(*codes: str, bad: int = 0) -> bytes:
    lon, lat = lonlat(200, 200)
    rows = [f"{code},{lon},{lat}" for code in codes] + [f"X{n},here,{lat}" for n in range(bad)]
    return "\n".join(["code,lon,lat", *rows, ""]).encode()


def queue(store: Store, content: bytes, **more: object) -> UUID:
    admin = account(store, "admin")
    upload = Upload(
        **{"kind": "households", "file_name": "户.csv", "content": io.BytesIO(content), "crs": "EPSG:4326", **more}
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


def pieces(store: Store, part: str) -> int:
    with store.owner_session() as session:
        return session.execute(text("SELECT count(*) FROM import_pieces WHERE part = :part"), {"part": part}).scalar_one()


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


def test_imports_run_in_the_order_they_came(place: Store, run) -> None:
    ids = [queue(place, households(f"N{n}")) for n in range(3)]
    for position in range(3):
        run(place)
        assert [state(place, i)["state"] for i in ids] == ["done"] * (position + 1) + ["queued"] * (
            2 - position
        )


def test_a_dry_run_changes_nothing(place: Store, run) -> None:
    import_id = queue(place, households("N1"), dry_run=True)
    run(place)
    found = state(place, import_id)
    assert (found["state"], found["loaded"], found["dry_run"]) == ("done", 1, True)
    assert count(place, "N1") == 0


def test_what_cannot_be_read_fails_with_a_reason(place: Store, run) -> None:
    import_id = queue(place, b"name\nN1\n")
    run(place)
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert "缺少必需的列" in str(found["errors"])
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
        (Upload("households", "户.XLSX", io.BytesIO(workbook(("户编码", "经度", "纬度"), ("N1", 102, 25)))), "query.crs"),
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
            submit(session, Upload("grids", "a.csv", io.BytesIO(b"x")), None)


def test_names_of_files_are_names_only(place: Store) -> None:
    for given, kept in (
        ("../../etc/x.csv", "x.csv"),
        ("C:\\data\\户.csv", "户.csv"),
        ("a\r\nb.csv", "ab.csv"),
        ("", "upload"),
    ):
        assert state(place, queue(place, b"x", file_name=given))["file_name"] == kept


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
    monkeypatch.setattr(import_queue, "run_import", stand_in)
    return stand_in


def in_thread(run, store: Store, **more: object) -> threading.Thread:
    thread = threading.Thread(target=run, args=(store,), kwargs=more)
    thread.start()
    return thread


def test_cancelling_while_it_runs_keeps_nothing(place: Store, run, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert slow.writing.wait(10)
    with place.session(account(place, "admin")) as session:
        cancel(session, import_id)
    thread.join(10)
    assert not thread.is_alive()
    assert state(place, import_id)["state"] == "cancelled"
    assert count(place, "SLOW") == 0


def test_cancelling_in_the_last_moment_keeps_nothing(
    place: Store, run, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last question and the commit: the whole transaction goes."""
    monkeypatch.setattr(import_queue.Teller, "is_cancelled", lambda self: False)
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert slow.writing.wait(10)
    with place.owner_session() as session:
        cancel(session, import_id)
    slow.let_go.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "cancelled"
    assert count(place, "SLOW") == 0


def test_progress_is_seen_while_it_runs(place: Store, run, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
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


def test_a_running_import_of_another_process_is_left_alone(place: Store, run, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert slow.writing.wait(10)
    assert recover(place) == []
    assert not run(place)
    slow.let_go.set()
    thread.join(10)
    assert state(place, import_id)["state"] == "done"


def abandon(store: Store, import_id: UUID) -> None:
    """Leave an import as a killed process leaves it: begun, and its lock free."""
    with store.owner_session() as session:
        session.execute(
            text("UPDATE imports SET state = 'running', started_at = now(), attempts = attempts + 1 WHERE id = :id"),
            {"id": import_id},
        )


def test_what_a_dead_process_was_running_is_begun_anew(place: Store, run) -> None:
    import_id = queue(place, households("N1"))
    abandon(place, import_id)
    assert recover(place) == [import_id]
    assert recover(place) == []
    assert state(place, import_id)["state"] == "queued"
    assert run(place)
    found = state(place, import_id)
    assert (found["state"], found["attempts"]) == ("done", 2)


def test_what_dies_again_and_again_has_failed(place: Store, run) -> None:
    import_id = queue(place, households("N1"))
    for _ in range(MOST_ATTEMPTS):
        assert state(place, import_id)["state"] == "queued"
        abandon(place, import_id)
        assert recover(place) == [import_id]
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert INTERRUPTED in str(found["errors"])
    assert pieces(place, "content") == 0
    assert not run(place)


def test_a_connection_that_is_cut_makes_it_begin_anew(place: Store, run, slow: Slow) -> None:
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert slow.writing.wait(10)
    with place.owner_session() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    slow.let_go.set()
    thread.join(10)
    assert recover(place) == [import_id]
    assert count(place, "SLOW") == 0
    assert run(place)
    assert state(place, import_id)["state"] == "done"
    assert count(place, "SLOW") == 1


def test_a_service_that_stops_puts_its_import_back(place: Store, run, slow: Slow) -> None:
    stopping = threading.Event()
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place, stopping=stopping.is_set)
    assert slow.writing.wait(10)
    stopping.set()
    thread.join(10)
    found = state(place, import_id)
    assert (found["state"], found["attempts"]) == ("queued", 0)
    assert count(place, "SLOW") == 0


def test_cancelling_breaks_a_long_statement_off(place: Store, run, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeping = threading.Event()

    def sleep(connection, kind, path, **_):
        sleeping.set()
        connection.execute(text("SELECT pg_sleep(60)"))

    monkeypatch.setattr(import_queue, "run_import", sleep)
    import_id = queue(place, households("N1"))
    thread = in_thread(run, place)
    assert sleeping.wait(10)
    with place.owner_session() as session:
        cancel(session, import_id)
    thread.join(20)
    assert not thread.is_alive()
    assert state(place, import_id)["state"] == "cancelled"


def test_a_full_disk_is_said(place: Store, run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise psycopg.errors.DiskFull("could not extend file")

    monkeypatch.setattr(import_queue, "run_import", full)
    import_id = queue(place, households("N1"))
    assert run(place)
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert NO_ROOM in str(found["errors"])
    assert pieces(place, "content") == 0


def test_a_fault_of_ours_is_opaque(place: Store, run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("张三 13800001234")

    monkeypatch.setattr(import_queue, "run_import", broken)
    import_id = queue(place, households("N1"))
    assert run(place)
    found = state(place, import_id)
    assert found["state"] == "failed"
    assert "13800001234" not in str(found)


def test_the_same_kind_twice_at_once_waits_in_the_queue(place: Store, run, slow: Slow) -> None:
    first, second = queue(place, households("N1")), queue(place, households("N1"))
    one = in_thread(run, place)
    assert slow.writing.wait(10)
    assert not run(place)
    assert [state(place, each)["state"] for each in (first, second)] == ["running", "queued"]
    slow.let_go.set()
    one.join(10)
    assert state(place, first)["state"] == "done"


def test_kinds_that_do_not_cross_run_at_once(place: Store, run, slow: Slow) -> None:
    homes, shops = queue(place, households("N1")), queue(place, b"code\n", kind="stations")
    one = in_thread(run, place)
    assert slow.writing.wait(10)
    other = in_thread(run, place)
    deadline = time.monotonic() + 10
    while state(place, shops)["state"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert state(place, homes)["state"] == "running"
    slow.let_go.set()
    one.join(10)
    other.join(10)


def test_an_import_of_households_waits_for_whoever_moves_a_boundary(place: Store, run) -> None:
    import_id = queue(place, households("N1"))
    with place.owner_session() as session:
        lock_tables(session.connection(), writes=("grids",))
        thread = in_thread(run, place)
        time.sleep(0.5)
        assert state(place, import_id)["state"] == "running"
        assert count(place, "N1") == 0
    thread.join(20)
    assert state(place, import_id)["state"] == "done"


def test_the_same_file_again_finds_all_as_it_is(place: Store, run) -> None:
    ids = [queue(place, households("N1", "N2")) for _ in range(2)]
    while run(place):
        pass
    assert [state(place, each)["loaded"] for each in ids] == [2, 2]
    with place.owner_session() as session:
        assert session.scalars(text("SELECT version FROM households WHERE code LIKE 'N_'")).all() == [1, 1]


def test_a_file_is_stored_sealed_in_pieces(place: Store, run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_spool, "PIECE_BYTES", 50)
    content = households(*[f"N{n}" for n in range(40)], bad=9)
    import_id = queue(place, content)
    with place.owner_session() as session:
        stored = b"".join(bytes(each) for each in session.scalars(text("SELECT sealed FROM import_pieces")))
    assert pieces(place, "content") == -(-len(content) // 50)
    assert b"code,lon" not in stored
    assert run(place)
    assert state(place, import_id)["loaded"] == 40
    assert pieces(place, "rejected") > 3
    with place.owner_session() as session:
        kept = [rejected_piece(session, import_id, n) or b"" for n in range(pieces(place, "rejected"))]
    assert b"".join(kept).count(b"\r\n") == 10


def test_what_a_killed_process_left_in_its_folder_goes(tmp_path: Path) -> None:
    left = tmp_path / "spool" / "process-dead"
    left.mkdir(parents=True)
    (left / ".in-use").touch()
    (left / "upload.csv").write_text("张三")
    with Spool(tmp_path) as mine, Spool(tmp_path), mine.folder() as folder:
        assert not left.exists()
        mine.sweep()
        assert folder.stat().st_mode & 0o077 == folder.parent.stat().st_mode & 0o077 == 0


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


def test_the_command_line_stands_in_the_queue_too(place: Store, folders: Spool, run, slow: Slow, tmp_path: Path) -> None:
    path = tmp_path / "homes.csv"
    path.write_bytes(households("N1"))
    first = queue(place, households("N1"))
    one = in_thread(run, place)
    assert slow.writing.wait(10)
    waited: list[int] = []
    reports: list[ImportReport] = []

    def local() -> None:
        reports.append(run_local(place, "needs", path, folders, crs=None, waiting=lambda: waited.append(1)))

    other = threading.Thread(target=local)
    other.start()
    time.sleep(0.6)
    assert waited == [1]
    assert recover(place) == []
    with place.owner_session() as session:
        assert [row["state"] for row in list_imports(session, 10)] == ["queued", "running"]
    assert not run(place)  # nobody else takes up a file of this machine
    slow.let_go.set()
    one.join(10)
    with place.owner_session() as session:
        session.execute(text("DELETE FROM households WHERE code = 'SLOW'"))
    other.join(10)
    assert state(place, first)["state"] == "done"
    assert len(reports) == 1
    with place.owner_session() as session:
        assert [row["state"] for row in list_imports(session, 10)] == ["done", "done"]


def test_the_command_line_is_cancelled_on_the_page(place: Store, folders: Spool, slow: Slow, tmp_path: Path) -> None:
    path = tmp_path / "homes.csv"
    path.write_bytes(households("N1"))
    ended: list[str] = []

    def local() -> None:
        try:
            run_local(place, "households", path, folders, crs=None)
        except Cancelled as error:
            ended.append(str(error))

    thread = threading.Thread(target=local)
    thread.start()
    assert slow.writing.wait(10)
    with place.owner_session() as session:
        [row] = list_imports(session, 10)
        cancel(session, row["id"])
    thread.join(10)
    assert len(ended) == 1
    assert count(place, "SLOW") == 0


def test_the_command_line_killed_or_interrupted(
    place: Store, folders: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "homes.csv"
    path.write_bytes(households("N1"))

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_queue, "run_import", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_local(place, "households", path, folders, crs=None)
    with place.owner_session() as session:
        [row] = list_imports(session, 10)
        assert row["state"] == "cancelled"
        session.execute(text("UPDATE imports SET state = 'running'"))
    assert recover(place) == [row["id"]]
    assert state(place, row["id"])["state"] == "failed"
    with pytest.raises(Invalid):
        run_local(place, "secrets", path, folders, crs=None)
