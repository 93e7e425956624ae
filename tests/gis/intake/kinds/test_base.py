"""What all kinds share: the zone, locks, codes of shapes."""

from __future__ import annotations

import threading
import time

import numpy as np
import pyarrow as pa
import pytest
import shapely
from sqlalchemy import text

from gis.intake import run_import
from gis.intake.kinds import KIND_NAMES, kind_named
from gis.intake.kinds.base import shape_codes
from gis.models.vocabulary import IMPORT_KINDS
from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import BUILDINGS, two_grids


def test_every_kind_of_the_vocabulary_can_be_imported() -> None:
    assert set(KIND_NAMES) == set(IMPORT_KINDS)
    kinds = {name: kind_named(name) for name in KIND_NAMES}
    assert all(kind.name == name and set(kind.required) <= set(kind.columns) for name, kind in kinds.items())


@pytest.mark.parametrize(("lon", "crs"), [(73.2, "EPSG:4534"), (102.7, "EPSG:4543"), (135.9, "EPSG:4554")])
def test_every_accepted_longitude_has_a_zone(importer: Importer, lon: float, crs: str) -> None:
    importer.ok("buildings", "b.csv", f"code,lon,lat\nB1,{lon},39.5\n", crs="EPSG:4326")
    assert importer.one("SELECT metric_crs FROM place") == crs


def test_shapes_have_codes_of_their_own() -> None:
    there = shapely.LineString([(0, 0), (1, 1)])
    shapes = np.array([there, there.reverse(), shapely.LineString([(0, 0), (1, 2)]), None, there], dtype=object)
    codes = shape_codes(pa.array([None, None, None, None, "R1"], pa.string()), shapes).to_pylist()
    assert codes[0] == codes[1] != codes[2]
    assert codes[3:] == [None, "R1"]


def test_the_same_file_twice_at_once_waits(importer: Importer) -> None:
    path = importer.folder / "b.csv"
    path.write_text(BUILDINGS, encoding="utf-8")
    with importer.store.owner_engine.begin() as first:
        run_import(first, "buildings", path, crs="EPSG:4326")
        reports = []

        def again() -> None:
            with importer.store.owner_engine.begin() as second:
                reports.append(run_import(second, "buildings", path, crs="EPSG:4326"))

        other = threading.Thread(target=again)
        other.start()
        time.sleep(0.5)
        assert reports == []
    other.join(30)
    assert [report.loaded for report in reports] == [2]
    assert importer.rows("SELECT code, version FROM buildings ORDER BY code") == [("B1", 1), ("B2", 1)]


def test_grids_stand_still_while_households_are_imported(importer: Importer) -> None:
    importer.ok("grids", "g.geojson", two_grids())
    path = importer.folder / "h.csv"
    path.write_text("code\nH1\n", encoding="utf-8")
    with importer.store.owner_engine.begin() as first, importer.store.owner_engine.connect() as other:
        run_import(first, "households", path)
        assert other.execute(text("SELECT count(*) FROM grids")).scalar_one() == 2
        other.execute(text("SET lock_timeout = '200ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            other.execute(text("UPDATE grids SET name = 'x'"))
