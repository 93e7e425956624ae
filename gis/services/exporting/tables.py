"""What each map shows, as layers of features with columns: the same published figures as on the screen, and nothing else.

No figure is counted here: everything comes from what the maps' own answers are made of, so a file never tells more than the screen. ``say`` is the
language of the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy.orm import Session

from gis.direction import one_line
from gis.errors import NotFound
from gis.models.vocabulary import COLOURS, SERVICES
from gis.services import hotspots, measures, needs
from gis.services.exporting.model import CRS, Column, Fact, Layer, MapTable, Say
from gis.services.features import area_prefix
from gis.services.outline import place_name
from gis.services.snapshots import Snapshots

LIMITED = "汇总数据，仅供工作使用，不得对外发布 / Aggregates, for official use, not for publication"


def grid_table(
    session: Session,
    snapshots: Snapshots,
    now: datetime,
    say: Say,
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
        say: the reader's language.
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
    reader = measures.Reader(exact=exact)
    found = {
        _column_key(name["key"]): measures.measure(session, snapshots, name["key"], now, reader, span) for name in names
    }
    filters = [Fact("area", say("区划 / Area"), area)] if area else []
    if any(name["monthly"] for name in names):
        filters.append(
            Fact(
                "months",
                say("按月指标的月份 / Months of what is counted by month"),
                f"{span.first} – {span.last}",
            )
        )
    layer = _measured(
        session, snapshots, say, found, {key: one["label"] for key, one in found.items()}, area_prefix(area)
    )
    facts = facts_of(session, snapshots, now.date(), say, exact, filters)
    return MapTable(say, "grids", say("网格地图 / Grid map"), now.date(), (layer,), facts)


def comparison_table(
    session: Session,
    snapshots: Snapshots,
    now: datetime,
    say: Say,
    sides: Sequence[tuple[str, measures.Span]],
    *,
    exact: bool,
) -> MapTable:
    """Return two measures of the grids, or one at two times: columns ``left`` and ``right``, and ``difference`` where their units are the same.

    Args:
        session, snapshots, now, say, exact: as :func:`grid_table` takes them.
        sides: key and months of the left one and of the right one.

    Raises:
        NotFound: there is no such measure.
    """
    reader = measures.Reader(exact=exact)
    left, right = (measures.measure(session, snapshots, key, now, reader, span) for key, span in sides)
    found, words = (
        {"left": left, "right": right},
        {"left": f"{_side(say, left)}", "right": f"{_side(say, right)}"},
    )
    filters = [
        Fact(key, say(pair), words[key]) for key, pair in (("left", "左图 / Left map"), ("right", "右图 / Right map"))
    ]
    by = measures.difference(left, right)
    if by is not None:
        hidden = {*left["suppressed"], *right["suppressed"]}
        found["difference"] = {
            **by,
            "suppressed": [code for code, value in by["values"].items() if value is None and code in hidden],
        }
        words["difference"] = say("右减左 / Right minus left")
    layer = _measured(session, snapshots, say, found, words, "")
    facts = facts_of(session, snapshots, now.date(), say, exact, filters)
    return MapTable(say, "comparison", say("网格对比 / Comparison of grids"), now.date(), (layer,), facts)


def needs_table(
    session: Session,
    snapshots: Snapshots,
    query: needs.NeedQuery,
    today: date,
    say: Say,
    by: hotspots.Units = "cells",
    spots_of: hotspots.Measure = "rate",
) -> MapTable:
    """Return the map of needs: its cells, or the grids, as it shows them, with what the test for hot and cold spots says of rates or counts."""
    query = query.widened()
    found = hotspots.hotspots(session, snapshots, query, today, by, spots_of)
    first: tuple[Column, ...] = ()
    if by == "cells":
        rows = [feature["properties"] for feature in found["features"]]
        rings = [feature["geometry"]["coordinates"][0] for feature in found["features"]]
        shapes = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
        named = ("cells", say("需求单元 / Cells of needs"), "Polygon")
    else:
        rows, grids = found["grids"], snapshots.grids(session)
        first = heads(say, grids.codes, grids.names, np.arange(len(grids.codes)))
        shapes, named = grids.geometries, ("grids", say("网格需求 / Needs of grids"), "MultiPolygon")

    def column(key: str, words: str, unit: str = "") -> Column:
        return Column.of(say, key, words, unit, [row.get(key) for row in rows])

    spots = (
        "冷热点（按每百户） / Hot or cold spot (by rate)"
        if spots_of == "rate"
        else "冷热点（按件数） / Hot or cold spot (by count)"
    )
    columns = (
        *first,
        column("count", "需求 / Needs", "件"),
        column("households", "户数 / Households", "户"),
        column("rate", "每百户需求 / Needs per 100 households", "件/百户"),
        column("spot", spots),
        column("z", "Gi* 的 z 值 / z of Gi*"),
        column("q", "校正后的 p 值 / Adjusted p"),
        suppressed(say, [[key for key in ("count", "households") if row[key] is None] for row in rows]),
    )
    colours, ages = (_list(say, map(say, words)) for words in ((COLOURS[c] for c in query.colours), query.ages))
    facts = [
        services_of(say, query.services),
        Fact("period", say("提出日期 / Opened"), _period(say, query)),
        *([Fact("size_m", say("单元边长 / Side of a cell"), f"{query.size_m:g} m")] if by == "cells" else []),
        *([Fact("colours", say("三色 / Colour"), colours)] if colours else []),
        *([Fact("ages", say("户内年龄 / Ages in the household"), ages)] if ages else []),
    ]
    layer = Layer(*named, shapes, columns)
    facts_told = facts_of(session, snapshots, today, say, query.exact, facts)
    return MapTable(say, "needs", say("需求地图 / Map of needs"), today, (layer,), facts_told)


def _measured(
    session: Session,
    snapshots: Snapshots,
    say: Say,
    found: dict[str, dict[str, Any]],
    words: dict[str, str],
    within: str,
) -> Layer:
    """Return the grids with measures as columns: ``found`` are their answers and ``words`` their names, by column."""
    grids = snapshots.grids(session)
    chosen = np.flatnonzero(grids.within(within))
    columns, hidden = [], [[] for _ in chosen]  # type: tuple[list[Column], list[list[str]]]
    for key, one in found.items():
        values = [one["values"][grids.codes[i]] for i in chosen]
        if one["unit"] in ("户", "人", "件"):
            values = [None if value is None else int(value) for value in values]
        columns.append(Column.of(say, key, words[key], one["unit"], values))
        small = set(one["suppressed"])
        for row, i in enumerate(chosen):
            if grids.codes[i] in small:
                hidden[row].append(key)
    named = heads(say, grids.codes, grids.names, chosen)
    return Layer(
        "grids",
        say("网格 / Grids"),
        "MultiPolygon",
        grids.geometries[chosen],
        (*named, *columns, suppressed(say, hidden)),
    )


def _side(say: Say, found: dict[str, Any]) -> str:
    """Return a measure's name with its months, where it is of months."""
    first, last = found.get("from"), found.get("to")
    return say(found["label"]) + (f" {first}" if first else "") + (f" – {last}" if last != first else "")


def heads(say: Say, codes: Sequence[str], names: Sequence[str | None], chosen: np.ndarray) -> tuple[Column, Column]:
    """Return the columns of codes and names of the chosen grids."""
    return (
        Column.of(say, "code", "网格编码 / Grid code", "", [codes[i] for i in chosen]),
        Column.of(say, "name", "网格名称 / Grid name", "", [names[i] for i in chosen]),
    )


def suppressed(say: Say, hidden: Iterable[Sequence[str]]) -> Column:
    """Return the column that names, of each feature, the columns that are hidden."""
    words = "少于5而不显示的列 / Columns hidden as fewer than 5"
    return Column.of(say, "suppressed", words, "", [";".join(keys) or None for keys in hidden])


def facts_of(
    session: Session, snapshots: Snapshots, today: date, say: Say, exact: bool, filters: list[Fact]
) -> tuple[Fact, ...]:
    """Return the facts of a table, with the filters that it was asked with."""
    place = one_line(place_name(session, snapshots))
    counted = (
        "人数与需求逐一计数；1–4 不显示 / People and needs are counted one by one; 1 to 4 are not told"
        if exact
        else "人数与需求以五取整；少于 5 不显示，为空 / People and needs are counted in fives; fewer than 5 are not told: empty"
    )
    source = place or say("本地导入数据 / imported data")
    return (
        Fact("place", say("地区 / Place"), place or "–"),
        Fact("date", say("截至日期 / As of"), today.isoformat()),
        *filters,
        Fact("counting", say("计数 / Counting"), say(counted)),
        Fact("crs", say("坐标系 / Coordinates"), f"{CRS} (WGS 84, lon/lat)"),
        Fact("source", say("来源 / Source"), f"邻里 linli · {source}"),
        Fact("use", say("使用范围 / Use"), say(LIMITED)),
    )


def services_of(say: Say, services: Sequence[str]) -> Fact:
    """Return which services are meant."""
    text = _list(say, (say(SERVICES.get(service, service)) for service in services))
    return Fact("service", say("服务事项 / Service"), text or say("全部 / all"))


def _list(say: Say, words: Iterable[str]) -> str:
    return say("、 / , ").join(words)


def _period(say: Say, query: needs.NeedQuery) -> str:
    if query.since is None and query.until is None:
        return say("全部 / all")
    return f"{query.since or '…'} – {query.until or '…'}"


def _column_key(measure: str) -> str:
    """Return a measure's key as a column's name: letters, digits and underscores."""
    return measure.replace(":", "_")
