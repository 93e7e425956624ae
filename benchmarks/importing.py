"""Imports against COPY of the finished rows and geopandas.sjoin + to_postgis; the same grid for every household; memory."""

from __future__ import annotations

import gc
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from psycopg import sql
from sqlalchemy import create_engine, text

from benchmarks.city_files import FULL, QUICK, SIGNS, thrice, write_files
from benchmarks.measure import RUNS, Line, console, show
from fixtures.city import SyntheticCity
from gis.intake import run_import
from gis.intake.guards import Guards
from gis.secrecy.keys import FieldKey, Keyring
from gis.store.bulk import cursor_of
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store
from gis.store.vault import GivenKeys

# Truncating one empties those that refer to it: households come before residents.
FILES = {
    "buildings": "buildings.gpkg",
    "streets": "streets.gpkg",
    "households": "households.csv",
    "residents": "residents.csv",
}
GOALS = {"buildings": 2, "streets": 2, "households": 1.5, "residents": 2}
_MADE_BY_THE_TABLE = ("id", "version", "created_at", "updated_at")
_KEY = bytes(range(32))
_MOST_MB = 500


def main(*, quick: bool = False) -> None:
    """Measure, compare the answers, print."""
    size = QUICK if quick else FULL
    gc.freeze()  # as linli import does
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        city = write_files(folder, size)
        with EmbeddedServer.start(folder / "data") as server:
            store = Store(server.url(), server.url(user=SERVICE_ROLE), keys=GivenKeys(Keyring((FieldKey(_KEY),))))
            store.migrate()
            store.open_vault()
            with store.owner_engine.begin() as connection:
                run_import(connection, "grids", folder / "grids.gpkg")
            lines = []
            for kind, file in FILES.items():
                made = _lines(store, server.url(), kind, folder / file, getattr(size, kind))
                lines += [replace(line, goal=None) for line in made] if quick else made
                if kind == "households":
                    compare(store, city)
            show(
                f"import into empty tables, {size.grids:,} irregular grids; checked, assigned, indexed, committed",
                lines,
            )
            if quick:
                console.print(
                    f"--quick: {size.households:,} households, {FULL.households // size.households} times fewer than the goals speak of. "
                    "What is done once weighs much more here; nothing is said of the goals."
                )
            for name in ("households.csv", "residents.csv"):
                _tell_memory(store, folder / name)
            thrice_the_households(store)
            _tell_memory(store, thrice(folder / "residents.csv"))
            store.close()


def _lines(store: Store, url: str, kind: str, file: Path, rows: int) -> list[Line]:
    ours(store, kind, file, rows)  # the one that does not count; and so that there are finished rows
    finished = Finished(store, kind)
    tasks: list[Callable[[], float]] = [finished.load, lambda: ours(store, kind, file, rows)]
    if kind == "households":
        tasks.insert(0, lambda: by_geopandas(url, file, file.with_name("grids.gpkg")))
    for task in tasks[:-1]:
        task()
    taken = [[task() for task in tasks] for _ in range(RUNS)]
    medians = [statistics.median(times) for times in zip(*taken, strict=True)]
    what = f"{rows:,} {kind}"
    lines = [Line(what, "COPY of the finished rows, indexes", medians[-1], medians[-2], round(1 / GOALS[kind], 3))]
    if kind == "households":
        lines.append(Line(what, "geopandas.sjoin + to_postgis", medians[-1], medians[0], 3.5))
    return lines


def ours(store: Store, kind: str, file: Path, rows: int) -> float:
    """Import into the empty table, in one transaction; return the seconds."""
    with store.owner_engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {kind} CASCADE"))
    start = time.perf_counter()
    with store.owner_engine.begin() as connection:
        report = run_import(connection, kind, file, crs="EPSG:4326")
    seconds = time.perf_counter() - start
    if report.loaded != rows:
        raise AssertionError(report)
    return seconds


class Finished:
    """The rows of a table as an import has left them, in PostgreSQL's own binary form."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store, self._kind = store, kind
        block = io.BytesIO()
        with store.owner_engine.begin() as connection:
            query = text(
                "SELECT column_name FROM information_schema.columns WHERE table_name = :name AND table_schema = 'public' "
                "AND is_generated = 'NEVER' AND column_name <> ALL (:made) ORDER BY ordinal_position"
            )
            names = connection.execute(query, {"name": kind, "made": list(_MADE_BY_THE_TABLE)}).scalars()
            self._columns = sql.SQL(", ").join(sql.Identifier(name) for name in names)
            copied = sql.SQL("COPY (SELECT {} FROM {} ORDER BY id) TO STDOUT (FORMAT binary)")
            with cursor_of(connection).copy(copied.format(self._columns, sql.Identifier(kind))) as copy:
                for chunk in copy:
                    block.write(chunk)
        self._rows = block.getbuffer()

    def load(self) -> float:
        """Put them into the empty table by COPY, without its indexes and references, and make those; return the seconds."""
        with self._store.owner_engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {self._kind} CASCADE"))
        start = time.perf_counter()
        with self._store.owner_engine.begin() as connection:
            guards = Guards(connection, self._kind)
            into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)")
            with cursor_of(connection).copy(into.format(sql.Identifier(self._kind), self._columns)) as copy:
                for at in range(0, len(self._rows), 1 << 20):
                    copy.write(self._rows[at : at + (1 << 20)])
            guards.make()
        return time.perf_counter() - start


def by_geopandas(url: str, homes: Path, grids: Path) -> float:
    """Do the same with geopandas, as people do today: read, join, write; return the seconds."""
    start = time.perf_counter()
    frame = pd.read_csv(homes, dtype={"code": str})
    points = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame["lon"], frame["lat"]), crs=4326)
    joined = gpd.sjoin(
        points,
        gpd.read_file(grids)[["code", "geometry"]].rename(columns={"code": "grid"}),
        predicate="within",
        how="left",
    )
    engine = create_engine(url)
    joined.drop(columns="index_right").to_postgis("households_geopandas", engine, if_exists="replace")
    engine.dispose()
    return time.perf_counter() - start


def compare(store: Store, city: SyntheticCity) -> None:
    """Compare every household's grid with geopandas.sjoin's; on an edge ours is exactly one of those that touch it."""
    points = gpd.GeoDataFrame({"code": city.codes}, geometry=gpd.points_from_xy(city.lon, city.lat), crs=4326)
    grids = city.grids[["code", "geometry"]].rename(columns={"code": "grid"})
    within = gpd.sjoin(points, grids, predicate="within", how="left").groupby("code")["grid"].first()
    with store.owner_engine.connect() as connection:
        rows = connection.execute(
            text("SELECT h.code, g.code FROM households h LEFT JOIN grids g ON g.id = h.grid_id")
        ).all()
    stored = pd.Series({row[0]: row[1] for row in rows}, dtype=object).reindex(within.index)
    same = (stored == within) | (stored.isna() & within.isna())
    different = same.index[~same]
    touching = gpd.sjoin(points[points["code"].isin(different)], grids, predicate="intersects")
    on_edge = touching.groupby("code")["grid"].apply(set)
    wrong = [code for code in different if stored[code] not in on_edge.get(code, set())]
    console.print(
        f"{len(stored):,} households: {int(np.sum(same)):,} as geopandas.sjoin has them, {len(different)} on edges, {len(wrong)} wrong"
    )
    if wrong:
        raise AssertionError(f"{len(wrong)} households are in another grid than geopandas.sjoin says")


def thrice_the_households(store: Store) -> None:
    """Make two more of each household, under the codes that :func:`thrice` gives them."""
    again = text(
        "INSERT INTO households (code, geometry, lon, lat, own_position, grid_id, grid_reason) "
        "SELECT code || sign, geometry, lon, lat, own_position, grid_id, grid_reason FROM households CROSS JOIN unnest(CAST(:signs AS text[])) sign"
    )
    with store.owner_engine.begin() as connection:
        connection.execute(text("TRUNCATE residents CASCADE"))
        guards = Guards(connection, "households")
        connection.execute(again, {"signs": list(SIGNS[1:])})
        guards.make()


_MEMORY = """
import sys
from pathlib import Path
from gis.intake import run_import
from gis.secrecy.keys import FieldKey, Keyring
from gis.store.session import Store
from gis.store.vault import GivenKeys
store = Store(sys.argv[1], keys=GivenKeys(Keyring((FieldKey(bytes(range(32))),))))
store.open_vault()
with store.owner_engine.begin() as connection:
    run_import(connection, Path(sys.argv[2]).name.split(".")[0], Path(sys.argv[2]), crs="EPSG:4326", dry_run=True)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def _tell_memory(store: Store, file: Path) -> None:
    """Print the most memory that an importing process has held; only Linux says it of a process apart from its parent."""
    if not Path("/proc/self/status").exists():
        return
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, store.owner_url, str(file)], check=True, capture_output=True, text=True
    )
    peak_mb = int(done.stdout) >> 10
    with store.owner_engine.connect() as connection:
        stored = connection.scalar(text("SELECT count(*) FROM households"))
    console.print(
        f"memory of a process that imports {file.name} of {file.stat().st_size >> 20} MB, {stored:,} households being stored: {peak_mb} MB at most, "
        f"libraries included (goal: 500 {'✓' if peak_mb <= _MOST_MB else '✗'})"
    )
