"""Files of this machine: they stand in the queue like those that are sent in."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from gis.errors import Invalid
from gis.intake import Cancelled, ImportReport
from gis.services import import_queue
from gis.services.import_queue import import_file, recover, run_local
from gis.services.import_spool import Spool
from gis.services.imports import cancel, list_imports
from gis.store.session import Store
from tests.gis.services.importing import Slow, count, households, in_thread, queue, state


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


def test_the_command_line_stands_in_the_queue_too(
    place: Store, folders: Spool, run, slow: Slow, tmp_path: Path
) -> None:
    path = tmp_path / "homes.csv"
    path.write_bytes(b"household,service,opened_on\n")
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
            run_local(place, "households", path, folders, crs="EPSG:4326")
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
        run_local(place, "households", path, folders, crs="EPSG:4326")
    with place.owner_session() as session:
        [row] = list_imports(session, 10)
        assert row["state"] == "cancelled"
        session.execute(text("UPDATE imports SET state = 'running'"))
    assert recover(place) == [row["id"]]
    assert state(place, row["id"])["state"] == "failed"


@pytest.mark.parametrize(
    ("kind", "content"), [("secrets", b"code\n"), ("households", households("N1")), ("households", b"name\nN1\n")]
)
def test_the_command_line_is_refused_before_it_begins(
    place: Store, folders: Spool, tmp_path: Path, kind: str, content: bytes
) -> None:
    path = tmp_path / "homes.csv"
    path.write_bytes(content)
    with pytest.raises(Invalid):
        run_local(place, kind, path, folders, crs=None)
    with place.owner_session() as session:
        assert list_imports(session, 10) == []
