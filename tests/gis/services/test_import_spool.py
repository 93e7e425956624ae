"""Where files wait: sealed in the database, and in a folder that is swept."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from gis.services import import_spool
from gis.services.import_spool import Spool
from gis.services.imports import rejected_piece
from gis.store.session import Store
from tests.gis.services.importing import households, pieces, queue, state


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
