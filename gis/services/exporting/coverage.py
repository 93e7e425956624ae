"""The map of coverage as layers of features with columns: who is covered in each grid, and the buildings left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np
import shapely
from sqlalchemy.orm import Session

from gis.accessibility.coverage import REASON_NAMES
from gis.errors import Fault, Invalid
from gis.services import coverage, reach
from gis.services.exporting.model import Column, Fact, Layer, MapTable, Say
from gis.services.exporting.tables import facts_of, heads, services_of, suppressed
from gis.services.snapshots import Snapshots

_COVERED = (
    ("households", "户数 / Households", "户"),
    ("covered", "覆盖户数 / Households covered", "户"),
    ("residents", "人数 / Residents", "人"),
    ("residents_covered", "覆盖人数 / Residents covered", "人"),
    ("elders_60", "60岁及以上老人 / Aged 60 and over", "人"),
    ("elders_60_covered", "覆盖老人 / Aged 60 and over, covered", "人"),
    ("children_12", "0–12岁儿童 / Aged 0 to 12", "人"),
    ("children_12_covered", "覆盖儿童 / Aged 0 to 12, covered", "人"),
    ("covered_buffer", "直线距离覆盖户数 / Households covered in a straight line", "户"),
    ("difference", "直线多算户数 / Households that only the straight line covers", "户"),
)
METHODS = {"walk": "沿街道步行 / on the streets", "buffer": "直线距离 / in a straight line"}
PROFILES = {
    "own": "各人群按各自步速 / each group at its own speed",
    "adult": "成人 / adult",
    "elder": "老人 / elder",
    "wheelchair": "轮椅 / wheelchair",
}
Shade = Literal["households", "elders_60", "children_12", "difference", "week", "capacity"]
"""What the grids of the map of coverage are shaded by."""
_WEEK_H = 168


def coverage_table(
    session: Session,
    snapshots: Snapshots,
    query: coverage.CoverageQuery,
    now: datetime,
    say: Say,
    shade: Shade = "households",
) -> MapTable:
    """Return the map of coverage: grids with who is covered, and for one service the buildings left out, without names.

    Raises:
        Invalid: it is to be shaded by what there is not with these parameters.
    """
    query = coverage.resolve(session, snapshots, query)
    found = coverage.coverage(session, snapshots, query, now.date())
    rows = {row["code"]: row for row in found["grids"]}
    grids = snapshots.grids(session)
    chosen = np.flatnonzero(np.isin(np.array(grids.codes, dtype=object), list(rows)))
    told = [rows[grids.codes[i]] for i in chosen]
    known = told[0] if told else found["totals"]
    if shade == "difference" and query.method != "walk":
        message = "直线与步行之差，只在按步行路网计算时才有 / the difference from a straight line is there on the streets only"
        raise Invalid(message, [Fault("query.shade", message)])
    shares = [round(row["covered"] * 100 / row["households"], 2) if row["households"] else None for row in told]
    columns = (
        *heads(say, grids.codes, grids.names, chosen),
        *(
            Column.of(say, key, words, unit, [row[key] for row in told])
            for key, words, unit in _COVERED
            if key in known
        ),
        Column.of(say, "covered_share", "户覆盖率 / Share of households covered", "%", shares),
        *_closer(session, snapshots, query, now, say, shade, [grids.codes[i] for i in chosen]),
    )
    layers = [Layer("grids", say("网格覆盖 / Coverage of grids"), "MultiPolygon", grids.geometries[chosen], columns)]
    if len(query.services) == 1:
        layers.append(_uncovered(say, reach.buildings(session, snapshots, query, now.date(), uncovered_only=True)))
    facts = [
        services_of(say, query.services),
        Fact("minutes", say("步行分钟 / Minutes on foot"), f"{query.minutes:g}"),
        Fact("method", say("方法 / Method"), say(METHODS[query.method or "buffer"])),
        Fact("profile", say("步速 / Speed"), say(PROFILES[query.profile])),
        Fact("at", say("时刻 / Moment"), _moment(say, query.at)),
        *([Fact("area", say("区划 / Area"), query.area)] if query.area else []),
    ]
    facts_told = facts_of(session, snapshots, now.date(), say, query.exact, facts)
    return MapTable(say, "coverage", say("服务覆盖地图 / Map of coverage"), now.date(), tuple(layers), facts_told)


def _closer(
    session: Session,
    snapshots: Snapshots,
    query: coverage.CoverageQuery,
    now: datetime,
    say: Say,
    shade: Shade,
    codes: Sequence[str],
) -> list[Column]:
    """Return the column of a closer look at one service: hours of the week, or places."""
    if shade == "week":
        shares = {row["code"]: row["share"] for row in reach.week(session, snapshots, query, now)["grids"]}
        hours = [None if shares.get(code) is None else round(shares[code] * _WEEK_H, 2) for code in codes]
        return [Column.of(say, "week_h", "每周能用上的时间 / Time within reach in a week", "小时 / hours", hours)]
    if shade == "capacity":
        places = {
            row["code"]: row["places_per_100"] for row in reach.capacity(session, snapshots, query, now.date())["grids"]
        }
        return [
            Column.of(
                say,
                "places_per_100",
                "每百名需要者的名额 / Places per 100 who need them",
                "",
                [places.get(code) for code in codes],
            )
        ]
    return []


def _uncovered(say: Say, rows: list[dict[str, Any]]) -> Layer:
    def column(key: str, words: str, unit: str = "") -> Column:
        return Column.of(say, key, words, unit, [row[key] for row in rows])

    columns = (
        column("code", "楼栋编码 / Building"),
        column("households", "户数 / Households", "户"),
        Column.of(
            say,
            "distance_m",
            "到最近站点 / To the nearest station",
            "米",
            _whole(row["distance_m"] for row in rows),
        ),
        Column.of(say, "seconds", "步行时间 / On foot", "秒 / s", _whole(row["seconds"] for row in rows)),
        column("station", "最近站点 / Nearest station"),
        Column.of(
            say,
            "reason",
            "无法到达的原因 / Why there is no way",
            "",
            [say(REASON_NAMES.get(row["reason"] or "", "")) or None for row in rows],
        ),
        suppressed(say, [["households"] if row["households"] is None else [] for row in rows]),
    )
    shapes = (
        shapely.points([row["lon"] for row in rows], [row["lat"] for row in rows])
        if rows
        else np.array([], dtype=object)
    )
    return Layer("uncovered", say("未覆盖楼栋 / Buildings left out"), "Point", shapes, columns)


def _moment(say: Say, at: datetime | None) -> str:
    return say("不计开放时间 / opening hours ignored") if at is None else at.isoformat(sep=" ", timespec="minutes")


def _whole(values: Iterable[float | None]) -> list[int | None]:
    return [None if value is None else round(value) for value in values]
