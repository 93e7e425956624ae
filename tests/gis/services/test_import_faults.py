"""A disk that is full where files are unpacked: said as it is, and not taken for a damaged file."""

from __future__ import annotations

import errno
import io
import shutil
import zipfile
from pathlib import Path

import pytest

from gis.errors import Unavailable
from gis.intake.formats import archive
from gis.services import import_queue, import_spool
from gis.services.import_faults import NO_ROOM
from gis.services.import_queue import run_local
from gis.services.import_spool import Spool
from gis.store.session import Store
from tests.gis.services.importing import count, households, pieces, queue, state


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def packed() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        target.writestr("户.csv", households("N1"))
    return made.getvalue()


@pytest.mark.parametrize(("module", "name"), [(import_spool, "take"), (archive.shutil, "copyfileobj")])
def test_a_full_data_folder_is_no_damaged_file(
    place: Store, folders: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    import_id = queue(place, packed(), file_name="户.zip")
    path = tmp_path / "户.zip"
    path.write_bytes(packed())
    with monkeypatch.context() as patched:
        patched.setattr(module, name, full)
        assert import_queue.run_next(place, folders)
        found = state(place, import_id)
        assert (found["state"], [each["message"] for each in found["errors"]]) == ("failed", [NO_ROOM])  # type: ignore[attr-defined]
        assert pieces(place, "content") == 0
        assert not import_queue.run_next(place, folders)
        if module is shutil:  # the command line reads its file where it is
            with pytest.raises(Unavailable, match="磁盘已满"):
                run_local(place, "households", path, folders, crs="EPSG:4326")
    assert count(place, "N1") == 0
    run_local(place, "households", path, folders, crs="EPSG:4326")
    assert count(place, "N1") == 1
