"""Import of households from CSV against geopandas.sjoin + to_postgis, what people do today; the same grid for every household."""

from __future__ import annotations

import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from sqlalchemy import create_engine, text

from benchmarks.measure import Line, console, in_turn, show
from fixtures.city import SyntheticCity, synthetic_city
from gis.intake import run_import
from gis.store.embedded import EmbeddedServer
from gis.store.session import SERVICE_ROLE, Store

HOUSEHOLDS, GRIDS = 100_000, 500


def main() -> None:
    """Measure, compare the answers, print."""
    city = synthetic_city(HOUSEHOLDS, GRIDS, seed=1)
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        homes, grids = folder / "households.csv", folder / "grids.geojson"
        city.households().to_csv(homes, index=False)
        city.grids.to_file(grids, driver="GeoJSON")
        with EmbeddedServer.start(folder / "data") as server:
            store = Store(server.url(), server.url(user=SERVICE_ROLE))
            store.migrate()
            with store.owner_engine.begin() as connection:
                run_import(connection, "grids", grids, crs=None, dry_run=False)
            ours_s, theirs_s = in_turn(lambda: ours(store, homes), lambda: theirs(server.url(), homes, grids))
            show(
                f"import {HOUSEHOLDS:,} households from CSV and assign them to {GRIDS} irregular grids",
                [
                    Line(
                        "checked, assigned, indexed, committed",
                        "geopandas.sjoin + to_postgis",
                        ours_s,
                        theirs_s,
                    )
                ],
            )
            compare(store, city)
            store.close()


def ours(store: Store, homes: Path) -> None:
    """Import into the empty table, in one transaction."""
    with store.owner_engine.begin() as connection:
        connection.execute(text("TRUNCATE households CASCADE"))
    with store.owner_engine.begin() as connection:
        report = run_import(connection, "households", homes, crs="EPSG:4326", dry_run=False)
    if report.loaded != HOUSEHOLDS:
        raise AssertionError(report)


def theirs(url: str, homes: Path, grids: Path) -> None:
    """Do the same with geopandas: read, join, write."""
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
