"""What each map shows, as layers of features with columns: the same published figures as on the screen, and nothing else.

No figure is counted here: everything comes from what the maps' own answers are made of, so a file never tells more than the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy.orm import Session

from gis.accessibility.coverage import REASON_NAMES
from gis.errors import NotFound
from gis.models.vocabulary import CARE_FLAGS, COLOURS, SERVICES
from gis.services import coverage, hotspots, measures, needs, reach
from gis.services.exporting.model import CRS, Column, Fact, Layer, MapTable
from gis.services.features import area_prefix
from gis.services.outline import place_name
from gis.services.snapshots import Snapshots

LIMITED = "汇总数据，仅供工作使用，不得对外发布 / aggregates, for official use, not for publication"
_BASIC = {
    "households": "Households",
    "residents": "Residents",
    "elders_60": "Aged 60 and over",
    "children_12": "Aged 0 to 12",
    "needs_open": "Open needs",
    "elder_share": "Share aged 60 and over",
    "child_share": "Share aged 0 to 12",
    "need_rate": "Open needs per 100 households",
    "events_open": "Events being dealt with",
    "events_overdue": "Overdue events",
    "needs_opened": "New needs",
    "needs_closed": "Closed needs",
    "opened_rate": "New needs per 100 households",
    "events_reported": "Events reported",
}
_COVERED = (
    ("households", "户数", "Households", "户"),
    ("covered", "覆盖户数", "Households covered", "户"),
    ("residents", "人数", "Residents", "人"),
    ("residents_covered", "覆盖人数", "Residents covered", "人"),
    ("elders_60", "60岁及以上老人", "Aged 60 and over", "人"),
    ("elders_60_covered", "覆盖老人", "Aged 60 and over, covered", "人"),
    ("children_12", "0–12岁儿童", "Aged 0 to 12", "人"),
    ("children_12_covered", "覆盖儿童", "Aged 0 to 12, covered", "人"),
    ("covered_buffer", "直线距离覆盖户数", "Households covered in a straight line", "户"),
    ("difference", "直线多算户数", "Households that only the straight line covers", "户"),
)
METHODS = {"walk": "沿街道步行 / on the streets", "buffer": "直线距离 / in a straight line"}
PROFILES = {
    "own": "各人群按各自步速 / each group at its own speed",
    "adult": "成人 / adult",
    "elder": "老人 / elder",
    "wheelchair": "轮椅 / wheelchair",
}


def grid_table(
    session: Session,
    snapshots: Snapshots,
    now: datetime,
    *,
    exact: bool,
    area: str | None = None,
    span: measures.Span | None = None,
    only: str | None = None,
) -> MapTable:
    """Return the grid map: every grid (of an area) with every measure that the map may show.

    A figure that is hidden as small is empty, and its column is named in ``suppressed``; any other empty figure is "no data".

    Args:
        session, snapshots: the store and the caches.
        now: the moment on the place's clock.
        exact: whether people are counted one by one.
        area: code of an area, to have its grids only.
        span: of measures of months; the last twelve where absent.
        only: key of a measure, to have that one only.

    Raises:
        NotFound: there is no such measure.
    """
    span = span or measures.Span.asked(None, None, now.date())
    names = measures.measure_names(session, snapshots)
    if only is not None:
        names = [name for name in names if name["key"] == only]
        if not names:
            raise NotFound(f"没有指标 {only} / no measure is called {only}")
    grids = snapshots.grids(session)
    chosen = np.flatnonzero(grids.within(area_prefix(area)))
    columns, hidden = [], [[] for _ in chosen]  # type: tuple[list[Column], list[list[str]]]
    for name in names:
        found = measures.measure(session, snapshots, name["key"], now, measures.Reader(exact=exact), span)
        key, values = _column_key(name["key"]), list(found["values"].values())
        told = [values[i] for i in chosen]
        if name["unit"] in ("户", "人", "件"):
            told = [None if value is None else int(value) for value in told]
        columns.append(Column(key, name["label"], _measure_en(name["key"]), name["unit"], told))
        small = set(found["suppressed"])
        for row, i in enumerate(chosen):
            if grids.codes[i] in small:
                hidden[row].append(key)
    heads = _heads(grids.codes, grids.names, chosen)
    layer = Layer(
        "grids",
        "网格",
        "Grids",
        "MultiPolygon",
        grids.geometries[chosen],
        (*heads, *columns, _suppressed(hidden)),
    )
    filters = [Fact("area", "区划", "Area", area)] if area else []
    if any(name["monthly"] for name in names):
        filters.append(Fact("months", "按月指标的月份", "Months of what is counted by month", f"{span.first} – {span.last}"))
    facts = _facts(session, snapshots, now.date(), exact, filters)
    return MapTable("grids", "网格地图", "Grid map", now.date(), (layer,), facts)


def needs_table(
    session: Session,
    snapshots: Snapshots,
    query: needs.NeedQuery,
    today: date,
    by: hotspots.Units = "cells",
    spots_of: hotspots.Measure = "rate",
) -> MapTable:
    """Return the map of needs: its cells, or the grids, as it shows them, with what the test for hot and cold spots says of rates or counts."""
    query = query.widened()
    found = hotspots.hotspots(session, snapshots, query, today, by, spots_of)
    heads: tuple[Column, ...] = ()
    if by == "cells":
        rows = [feature["properties"] for feature in found["features"]]
        rings = [feature["geometry"]["coordinates"][0] for feature in found["features"]]
        shapes = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
        named = ("cells", "需求单元", "Cells of needs", "Polygon")
    else:
        rows, grids = found["grids"], snapshots.grids(session)
        heads = _heads(grids.codes, grids.names, np.arange(len(grids.codes)))
        shapes, named = grids.geometries, ("grids", "网格需求", "Needs of grids", "MultiPolygon")

    def column(key: str, zh: str, en: str, unit: str = "") -> Column:
        return Column(key, zh, en, unit, [row.get(key) for row in rows])

    columns = (
        *heads,
        column("count", "需求", "Needs", "件"),
        column("households", "户数", "Households", "户"),
        column("rate", "每百户需求", "Needs per 100 households", "件/百户"),
        column("spot", f"冷热点（按{'每百户' if spots_of == 'rate' else '件数'}）", f"Hot or cold spot (by {spots_of})"),
        column("z", "Gi* 的 z 值", "z of Gi*"),
        column("q", "校正后的 p 值", "Adjusted p"),
        _suppressed([[key for key in ("count", "households") if row[key] is None] for row in rows]),
    )
    facts = [
        _services(query.services),
        Fact("period", "提出日期", "Opened", _period(query)),
        *([Fact("size_m", "单元边长", "Side of a cell", f"{query.size_m:g} m")] if by == "cells" else []),
        *([Fact("colours", "三色", "Colour", "、".join(COLOURS[c] for c in query.colours) + f" / {', '.join(query.colours)}")] if query.colours else []),
        *([Fact("ages", "户内年龄", "Ages in the household", "、".join(query.ages))] if query.ages else []),
    ]
    layer = Layer(*named, shapes, columns)
    return MapTable("needs", "需求地图", "Map of needs", today, (layer,), _facts(session, snapshots, today, query.exact, facts))


def coverage_table(
    session: Session, snapshots: Snapshots, query: coverage.CoverageQuery, today: date
) -> MapTable:
    """Return the map of coverage: grids with who is covered, and for one service the buildings left out, without names."""
    query = coverage.resolve(session, snapshots, query)
    found = coverage.coverage(session, snapshots, query, today)
    rows = {row["code"]: row for row in found["grids"]}
    grids = snapshots.grids(session)
    chosen = np.flatnonzero(np.isin(np.array(grids.codes, dtype=object), list(rows)))
    told = [rows[grids.codes[i]] for i in chosen]
    columns = [
        Column(key, zh, en, unit, [row[key] for row in told])
        for key, zh, en, unit in _COVERED
        if key in (told[0] if told else found["totals"])
    ]
    shares = [
        round(row["covered"] * 100 / row["households"], 2) if row["households"] else None for row in told
    ]
    columns.append(Column("covered_share", "户覆盖率", "Share of households covered", "%", shares))
    heads = _heads(grids.codes, grids.names, chosen)
    layers = [
        Layer(
            "grids",
            "网格覆盖",
            "Coverage of grids",
            "MultiPolygon",
            grids.geometries[chosen],
            (*heads, *columns),
        )
    ]
    if len(query.services) == 1:
        layers.append(_uncovered(reach.buildings(session, snapshots, query, today, uncovered_only=True)))
    facts = [
        _services(query.services),
        Fact("minutes", "步行分钟", "Minutes on foot", f"{query.minutes:g}"),
        Fact("method", "方法", "Method", METHODS[query.method or "buffer"]),
        Fact("profile", "步速", "Speed", PROFILES[query.profile]),
        Fact("at", "时刻", "Moment", _moment(query.at)),
        *([Fact("area", "区划", "Area", query.area)] if query.area else []),
    ]
    return MapTable(
        "coverage",
        "服务覆盖地图",
        "Map of coverage",
        today,
        tuple(layers),
        _facts(session, snapshots, today, query.exact, facts),
    )


def _uncovered(rows: list[dict[str, Any]]) -> Layer:
    def column(key: str, zh: str, en: str, unit: str = "") -> Column:
        return Column(key, zh, en, unit, [row[key] for row in rows])

    columns = (
        column("code", "楼栋编码", "Building"),
        column("households", "户数", "Households", "户"),
        Column(
            "distance_m",
            "到最近站点",
            "To the nearest station",
            "米",
            _whole(row["distance_m"] for row in rows),
        ),
        Column("seconds", "步行时间", "On foot", "秒", _whole(row["seconds"] for row in rows)),
        column("station", "最近站点", "Nearest station"),
        Column(
            "reason",
            "无法到达的原因",
            "Why there is no way",
            "",
            [REASON_NAMES.get(row["reason"] or "") for row in rows],
        ),
        _suppressed([["households"] if row["households"] is None else [] for row in rows]),
    )
    shapes = (
        shapely.points([row["lon"] for row in rows], [row["lat"] for row in rows])
        if rows
        else np.array([], dtype=object)
    )
    return Layer("uncovered", "未覆盖楼栋", "Buildings left out", "Point", shapes, columns)


def _heads(codes: Sequence[str], names: Sequence[str | None], chosen: np.ndarray) -> tuple[Column, Column]:
    return (
        Column("code", "网格编码", "Grid code", "", [codes[i] for i in chosen]),
        Column("name", "网格名称", "Grid name", "", [names[i] for i in chosen]),
    )


def _suppressed(hidden: Iterable[Sequence[str]]) -> Column:
    return Column(
        "suppressed",
        "少于5而不显示的列",
        "Columns hidden as fewer than 5",
        "",
        [";".join(keys) or None for keys in hidden],
    )


def _facts(
    session: Session, snapshots: Snapshots, today: date, exact: bool, filters: list[Fact]
) -> tuple[Fact, ...]:
    place = place_name(session, snapshots)
    counted = (
        "人数与需求逐一计数；1–4 不显示 / people and needs are counted one by one; 1 to 4 are not told"
        if exact
        else "人数与需求以五取整；少于 5 不显示，为空 / people and needs are counted in fives; fewer than 5 are not told: empty"
    )
    return (
        Fact("place", "地区", "Place", place or "–"),
        Fact("date", "截至日期", "As of", today.isoformat()),
        *filters,
        Fact("counting", "计数", "Counting", counted),
        Fact("crs", "坐标系", "Coordinates", f"{CRS} (WGS 84, lon/lat)"),
        Fact("source", "来源", "Source", f"邻里 linli · {place or '本地导入数据 / imported data'}"),
        Fact("use", "使用范围", "Use", LIMITED),
    )


def _services(services: Sequence[str]) -> Fact:
    text = "、".join(SERVICES.get(service, service) for service in services)
    return Fact(
        "service", "服务事项", "Service", f"{text} / {', '.join(services)}" if services else "全部 / all"
    )


def _period(query: needs.NeedQuery) -> str:
    if query.since is None and query.until is None:
        return "全部 / all"
    return f"{query.since or '…'} – {query.until or '…'}"


def _moment(at: datetime | None) -> str:
    return "不计开放时间 / opening hours ignored" if at is None else at.isoformat(timespec="minutes")


def _whole(values: Iterable[float | None]) -> list[int | None]:
    return [None if value is None else round(value) for value in values]


def _column_key(measure: str) -> str:
    """Return a measure's key as a column's name: letters, digits and underscores."""
    return measure.replace(":", "_")


def _measure_en(key: str) -> str:
    if key in _BASIC:
        return _BASIC[key]
    family, _, name = key.partition(":")
    words = name.replace("_", " ")
    if family == "flag" and name in CARE_FLAGS:
        return words.capitalize()
    return f"Covered by {words}" if family == "covered" else key.replace("_", " ").capitalize()
