"""What an import reads stands still while it runs, also where the one that writes it came past the queue."""

from __future__ import annotations

import threading
from pathlib import Path

from gis.services import import_queue
from gis.services.import_queue import import_file
from gis.services.import_spool import Spool
from gis.store.session import Store
from tests.gis.services.importing import households, queue, state

MOMENT_S = 1.0


def test_an_import_waits_for_whoever_fills_what_it_reads(place: Store, folders: Spool, tmp_path: Path) -> None:
    homes = tmp_path / "homes.csv"
    homes.write_bytes(households("N1"))
    needs = queue(place, b"household,service,opened_on\nN1,meal,2025-01-02\n", kind="needs", crs=None)
    runner = threading.Thread(target=import_queue.run_next, args=(place, folders))
    with place.owner_engine.begin() as connection:
        assert import_file(connection, "households", homes, crs="EPSG:4326").loaded == 1
        runner.start()
        runner.join(MOMENT_S)
        assert state(place, needs)["state"] == "running"  # it would not know the household
    runner.join(60)
    found = state(place, needs)
    assert (found["state"], found["loaded"], found["rejected"]) == ("done", 1, 0)
