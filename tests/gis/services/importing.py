"""What the tests of imports share: files, and ways to queue and watch them."""

from __future__ import annotations

import io
import threading
import time
from uuid import UUID

from sqlalchemy import text

from gis.intake import Cancelled, ImportReport
from gis.services.imports import Upload, get_import, submit
from gis.store.session import Store
from tests.gis.services.conftest import account, lonlat


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
        return session.execute(text("SELECT count(*) FROM households WHERE code = :code"), {"code": code}).scalar_one()


def pieces(store: Store, part: str) -> int:
    with store.owner_session() as session:
        return session.execute(
            text("SELECT count(*) FROM import_pieces WHERE part = :part"), {"part": part}
        ).scalar_one()


def abandon(store: Store, import_id: UUID) -> None:
    """Leave an import as a killed process leaves it: begun, and its lock free."""
    with store.owner_session() as session:
        session.execute(
            text("UPDATE imports SET state = 'running', started_at = now(), attempts = attempts + 1 WHERE id = :id"),
            {"id": import_id},
        )


def in_thread(run, store: Store, **more: object) -> threading.Thread:
    thread = threading.Thread(target=run, args=(store,), kwargs=more)
    thread.start()
    return thread


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
