"""The commands ``linli streets`` and ``linli divide``: the state of the street network, and a first division along the streets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import geopandas as gpd
import numpy as np
import shapely
import typer
from rich.table import Table
from sqlalchemy.orm import Session

from api.console import notice, out
from api.runtime import open_store
from api.settings import Settings
from gis.accessibility.check import StreetsReport, check_streets
from gis.crs import WGS84, MetricCRS
from gis.errors import Invalid
from gis.grids.codes import BadCode, CodeProfile
from gis.grids.division import divide
from gis.services.network import street_ways
from gis.services.snapshots import Snapshots

streets = typer.Typer(help="街道 / streets", no_args_is_help=True, pretty_exceptions_enable=False)
_LISTED = 20
_MAIN_ROADS = ["motorway", "trunk", "primary", "secondary", "tertiary"]
_MAIN_WEIGHT = 3.0
"""A border along a main road counts this much less as something to merge across."""


@streets.command()
def check(
    most: Annotated[
        int, typer.Option(help="每类最多列出几处 / places listed of each kind", min=0, max=10_000)
    ] = _LISTED,
) -> None:
    """检查路网：长度、连通、断头、可疑的缺口 / look the network over: length, parts, dead ends, suspicious gaps."""
    with open_store(Settings.load(), notice) as running, running.store.owner_session() as session:
        snapshots = Snapshots()
        report = check_streets(street_ways(session, snapshots))
        if not report.edges:
            out.print("还没有可步行的街道 / no walkable street has been imported")
            return
        out.print(_figures(report))
        _list_places(report, snapshots.metric(session), most)


def divide_place(
    community: Annotated[str, typer.Option(help="社区编码，12 位 / code of the community, 12 digits")],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="写入的 GeoJSON / the GeoJSON to write")],
    boundary: Annotated[
        Path | None,
        typer.Option(
            help="边界文件（面）；不填则取街道的外包络 / file with the boundary; absent: the hull of the streets"
        ),
    ] = None,
    area_m2: Annotated[
        float,
        typer.Option(help="每个网格的目标面积，平方米 / area to aim at for a grid, m²", min=1_000, max=10_000_000),
    ] = 60_000.0,
) -> None:
    """沿街道划出建议的网格，写成可导入的文件 / propose grids along the streets, as a file to look at, edit and import."""
    profile = CodeProfile()
    try:
        if profile.check_area(community) != "community":
            raise BadCode(f"{community} 不是社区编码 / is not a community's code")
    except BadCode as error:
        raise Invalid(str(error)) from error
    with open_store(Settings.load(), notice) as running, running.store.owner_session() as session:
        metric, lines, weights = _lines(session)
    whole = _boundary(boundary, lines)
    parts = divide(whole, lines, metric, target_area_m2=area_m2, weights=weights)
    if len(parts) > 10**profile.grid_digits - 1:
        raise Invalid(f"会划出 {len(parts)} 个网格，超过编码容量；请增大 --area-m2 / too many grids: raise --area-m2")
    grids = gpd.GeoDataFrame(
        {
            "code": [f"{community}{number:0{profile.grid_digits}d}" for number in range(1, len(parts) + 1)],
            "name": [f"第{number}网格" for number in range(1, len(parts) + 1)],
        },
        geometry=parts.geometry.to_numpy(),
        crs=WGS84,
    )
    grids.to_file(target, driver="GeoJSON", COORDINATE_PRECISION=15)
    out.print(f"grids {len(grids)} → {target}")


def _lines(session: Session) -> tuple[MetricCRS, np.ndarray, np.ndarray]:
    """Return the place's zone, its streets in degrees, and how much each parts people: main roads more than lanes."""
    snapshots = Snapshots()
    ways = street_ways(session, snapshots)
    metric = snapshots.metric(session)
    drawn = np.flatnonzero(np.diff(ways.start) > 1)
    if not len(drawn):
        raise Invalid("请先导入街道：linli import streets FILE / import streets first")
    lines_m = np.empty(len(drawn), dtype=object)
    for place, way in enumerate(drawn):
        part = slice(ways.start[way], ways.start[way + 1])
        lines_m[place] = shapely.linestrings(np.column_stack([ways.x_m[part], ways.y_m[part]]))
    weights = np.where(np.isin(ways.kind[drawn].astype(str), _MAIN_ROADS), _MAIN_WEIGHT, 1.0)
    return metric, metric.geometry_to_lonlat(lines_m), weights


def _boundary(path: Path | None, lines: np.ndarray) -> shapely.Geometry:
    """Return the boundary from a file (all its polygons together), or the hull of the streets."""
    if path is None:
        return shapely.concave_hull(shapely.union_all(lines), ratio=0.3)
    try:
        frame = gpd.read_file(path)
    except Exception as error:
        raise Invalid(f"无法读取边界文件 {path} / cannot read the boundary file {path}") from error
    shapes = frame.to_crs(WGS84).geometry if frame.crs is not None else frame.geometry
    polygons = shapes[shapes.geom_type.isin(["Polygon", "MultiPolygon"])]
    if polygons.empty:
        raise Invalid(f"{path} 里没有面 / there is no polygon in {path}")
    return shapely.union_all(polygons.to_numpy())


def _figures(report: StreetsReport) -> Table:
    table = Table(show_header=False)
    largest = report.component_length_m[0] / report.length_m
    notes = report.notes
    for label, value in (
        (
            "街道 / ways",
            f"{notes.ways}，不可步行 / not walkable {notes.left_out}，退化 / degenerate {notes.degenerate}",
        ),
        ("重复、零长 / duplicates, zero length", f"{notes.duplicates}, {notes.zero_length}"),
        ("路段、节点 / edges, nodes", f"{report.edges:,}, {report.nodes:,}"),
        ("总长 / length", f"{report.length_m / 1000:,.1f} km"),
        ("连通部分 / connected parts", f"{report.components}，最大占 / largest {largest:.1%}"),
        ("断头 / dead ends", f"{len(report.dead_ends):,}"),
        ("可疑缺口 / near misses", f"{len(report.near_miss_gap_m):,}"),
        ("未相接的交叉 / crossings without a junction", f"{len(report.crossings):,}"),
        ("重叠 / overlaps", f"{len(report.overlaps):,}"),
    ):
        table.add_row(label, value)
    return table


def _list_places(report: StreetsReport, metric: MetricCRS, most: int) -> None:
    """Say where the first of the suspicious places are, lon and lat."""
    for title, places, more in (
        ("可疑缺口 / near misses", report.near_miss_from, [f"{gap:.1f} m" for gap in report.near_miss_gap_m]),
        ("未相接的交叉 / crossings without a junction", report.crossings, [""] * len(report.crossings)),
        ("重叠 / overlaps", report.overlaps, [f"{length:.1f} m" for length in report.overlap_m]),
    ):
        if not len(places) or not most:
            continue
        out.print(title)
        lon, lat = metric.to_lonlat(places[:most, 0], places[:most, 1])
        for x, y, remark in zip(lon, lat, more, strict=False):
            out.print(f"  {x:.6f}, {y:.6f}  {remark}".rstrip())
        if len(places) > most:
            out.print(f"  … {len(places) - most} 处未列 / more")
