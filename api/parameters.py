"""Query parameters and headers that many routes share, each checked at its bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Depends, Header, Path, Query, Request

from api.compression import takes_gzip
from api.desk import AtDesk
from api.errors import PreconditionRequired
from gis.crs import SourceCRS, UnknownCRS
from gis.errors import Denied, Fault, Invalid, Stale
from gis.models.vocabulary import AGE_GROUPS, COLOURS, SERVICES
from gis.services.coverage import CoverageQuery
from gis.services.features import Filter
from gis.services.measures import Span
from gis.services.needs import NeedQuery
from maps.classify import MAX_CLASSES, Classing

AREA_PATTERN = r"^[0-9]{2,15}$"
"""What may be the code of an area or a grid in some place; whether it is one in this place, gis/grids/codes.py says in words."""

Code = Annotated[str, Path(min_length=1, max_length=100, description="编码 / code", examples=["530102001001001"])]
Area = Annotated[
    str | None,
    Query(
        pattern=AREA_PATTERN,
        description="区划编码，只看其内 / code of an administrative area: only what is inside",
        examples=["530102001001"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=10_000, description="每页条数 / items of a page")]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="上一页的 next 所给 / as given by `next` of the page before"),
]
Service = Annotated[
    list[str],
    Query(
        description=f"服务事项，可重复（须全部覆盖） / service, may be repeated (all of them): {', '.join(SERVICES)}"
    ),
]
Crs = Annotated[
    str | None,
    Query(
        max_length=5000,
        description="坐标系 / EPSG:4326 (default), EPSG:4490, GCJ-02, BD-09, EPSG:n, WKT",
        examples=["GCJ-02"],
    ),
]
At = Annotated[
    str | None,
    Query(
        max_length=64,
        description="时刻：带时区的 ISO 8601、any（不计开放时间）或不填（现在） / "
        "moment: ISO 8601 with zone, `any` (opening hours ignored), or absent for now",
        examples=["2026-11-20T10:00:00+08:00"],
    ),
]
IfMatch = Annotated[
    str | None, Header(max_length=100, description="读取时的 ETag / the ETag that was read", examples=['"3"'])
]
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
_TAG = re.compile(r'(?:W/)?"(\d{1,18})"|(\d{1,18})')


def filter_of(
    area: Area = None,
    bbox: Annotated[
        str | None,
        Query(
            max_length=200,
            description="西,南,东,北（度） / west,south,east,north in degrees",
            examples=["102.70,25.02,102.74,25.06"],
        ),
    ] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Filter:
    """Return which rows of a list are asked for."""
    return Filter(area, None if bbox is None else _box(bbox), limit, cursor)


def version_of(if_match: IfMatch = None) -> int:
    """Return the version that a write was made against.

    Raises:
        PreconditionRequired, Stale: no version is named; what is named is none of ours.
    """
    if if_match is None or if_match.strip() == "*":
        raise PreconditionRequired(
            "写入需要 If-Match，值为读取时的 ETag / a write needs If-Match with the ETag that was read"
        )
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise Stale("If-Match 不是本服务给出的 ETag / If-Match is no ETag of this service; read it again")
    return int(found[1] or found[2])


async def coverage_query_of(
    desk: AtDesk,
    service: Service = [],  # noqa: B006 - FastAPI copies it
    minutes: Annotated[float, Query(ge=1, le=60, allow_inf_nan=False, description="步行分钟 / minutes on foot")] = 15,
    method: Annotated[
        Literal["buffer", "walk"] | None,
        Query(
            description="walk 沿街道步行，buffer 直线缓冲；不填则有街道时步行 / on the streets, or a straight line; absent: walk where "
            "streets are known"
        ),
    ] = None,
    profile: Annotated[
        Literal["own", "adult", "elder", "wheelchair"],
        Query(description="步速：own 为各人群按各自步速 / speed; own: each group at its own"),
    ] = "own",
    at: At = None,
    area: Area = None,
    dissolve: Annotated[bool, Query(description="合并为一 / dissolved into one")] = False,
) -> CoverageQuery:
    """Return what is asked of circles and coverage."""
    check_services(service)
    moment = moment_of(at, desk.now())
    return CoverageQuery(
        tuple(dict.fromkeys(service)),
        minutes,
        method,
        profile,
        moment,
        area,
        dissolve,
        desk.account.sees_exact,
    )


async def need_query_of(
    desk: AtDesk,
    service: Service = [],  # noqa: B006 - FastAPI copies it
    since: Annotated[date | None, Query(alias="from", description="自（含） / opened on or after")] = None,
    until: Annotated[date | None, Query(alias="to", description="至（含） / opened on or before")] = None,
    size_m: Annotated[
        float, Query(ge=50, le=5000, allow_inf_nan=False, description="单元边长，米 / side of a cell, m")
    ] = 100,
    colour: Annotated[
        list[str],
        Query(
            description=f"户的三色，可重复（任一） / colour of the household, may be repeated (any of them): {', '.join(COLOURS)}; not for screens"
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
    age: Annotated[
        list[str],
        Query(
            description="户内有此年龄的人，可重复（任一） / somebody of these ages lives in the household, may be repeated (any of them): "
            f"{', '.join(AGE_GROUPS)}; not for screens"
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
) -> NeedQuery:
    """Return which needs are asked for, in which cells.

    Raises:
        Invalid, Denied: a filter names nothing that there is; a wall asks about households.
    """
    check_services(service)
    check_period(since, until)
    ages = [group.replace(" ", "+") for group in age]  # '+' in a query that was not encoded arrives as a blank
    _check_words("colour", "没有这种颜色 / no such colour", colour, COLOURS)
    _check_words("age", "没有这个年龄组 / no such age group", ages, AGE_GROUPS)
    if (colour or ages) and desk.account.role == "screen":
        raise Denied("大屏不能按三色或年龄筛选 / a screen cannot filter by colour or age")
    services, colours, groups = (tuple(sorted(set(words))) for words in (service, colour, ages))
    return NeedQuery(services, since, until, size_m, desk.account.sees_exact, colours, groups)


async def span_of(
    desk: AtDesk,
    first: Annotated[
        str | None,
        Query(
            alias="from",
            max_length=7,
            description="按月指标的起始月份 / first month, of measures of months",
            examples=["2026-01"],
        ),
    ] = None,
    last: Annotated[
        str | None, Query(alias="to", max_length=7, description="截止月份 / last month", examples=["2026-10"])
    ] = None,
) -> Span:
    """Return the months asked for: the last twelve where absent."""
    return Span.asked(first, last, desk.today())


@dataclass(frozen=True)
class Sides:
    """Two measures with their months, the left one first, and whether they are to have the same classes."""

    pairs: tuple[tuple[str, Span], tuple[str, Span]]
    common: bool


Measure = Annotated[str, Query(max_length=60, description="指标 / its key", examples=["needs_opened"])]
Month = Annotated[str | None, Query(max_length=7, description="月份 / month, YYYY-MM", examples=["2026-10"])]
Common = Annotated[
    bool,
    Query(description="两边用同一分级（单位相同时） / the same classes on both sides, where units are the same"),
]


async def sides_of(
    desk: AtDesk,
    left: Measure,
    right: Measure,
    left_from: Month = None,
    left_to: Month = None,
    right_from: Month = None,
    right_to: Month = None,
    common: Common = False,
) -> Sides:
    """Return which two measures are compared."""
    today = desk.today()
    before = Span.asked(left_from, left_to, today, "left_")
    after = Span.asked(right_from, right_to, today, "right_")
    return Sides(((left, before), (right, after)), common)


async def classing_of(
    scheme: Annotated[
        Literal["quantiles", "natural", "equal"],
        Query(description="分级方法 / how values are sorted into classes"),
    ] = "quantiles",
    k: Annotated[int, Query(ge=2, le=MAX_CLASSES, description="分级数 / number of classes")] = 5,
    palette: Annotated[Literal["teal", "ember", "dusk", "night-ember"], Query(description="色带 / colours")] = "teal",
) -> Classing:
    """Return how values are sorted into classes."""
    return Classing(scheme, k, palette)


async def box_of(
    bbox: Annotated[
        str | None,
        Query(
            max_length=200,
            description="西,南,东,北（度） / west,south,east,north in degrees",
            examples=["102.70,25.02,102.74,25.06"],
        ),
    ] = None,
) -> Box | None:
    """Return the part of the place that is asked for."""
    return None if bbox is None else _box(bbox)


AskedFilter = Annotated[Filter, Depends(filter_of)]


async def _takes_gzip(request: Request) -> bool:
    return takes_gzip(request.headers)


TakesGzip = Annotated[bool, Depends(_takes_gzip)]
AskedVersion = Annotated[int, Depends(version_of)]
AskedCoverage = Annotated[CoverageQuery, Depends(coverage_query_of)]
AskedNeeds = Annotated[NeedQuery, Depends(need_query_of)]
AskedSpan = Annotated[Span, Depends(span_of)]
AskedSides = Annotated[Sides, Depends(sides_of)]
AskedClassing = Annotated[Classing, Depends(classing_of)]
AskedBox = Annotated[Box | None, Depends(box_of)]


def check_services(services: list[str]) -> None:
    """Refuse words that are no service.

    Raises:
        Invalid: naming each, with the choices.
    """
    _check_words("service", "没有服务事项 / unknown service", services, SERVICES)


def _check_words(field: str, title: str, words: list[str], choices: Mapping[str, str]) -> None:
    """Refuse words that are no keys of ``choices``.

    Raises:
        Invalid: naming each, with the choices.
    """
    listed = ", ".join(f"{key} {label}" for key, label in choices.items())
    faults = [
        Fault(f"query.{field}", f"没有 {word[:40]!r}，可用 / no such choice; choose from: {listed}")
        for word in words
        if word not in choices
    ]
    if faults:
        raise Invalid(title, faults)


def moment_of(given: str | None, now: datetime) -> datetime | None:
    """Return the moment meant: None for ``any``, ``now`` where nothing is given.

    Raises:
        Invalid: not a moment, or one without a zone.
    """
    if given is None or given == "":
        return now
    if given == "any":
        return None
    plus_lost = re.sub(r" (?=\d\d:?\d\d$)", "+", given)  # '+' in a query that was not encoded arrives as a blank
    try:
        moment = datetime.fromisoformat(plus_lost)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = (
            "应为带时区的 ISO 8601，或 any / expected ISO 8601 with a zone, such as 2026-11-20T10:00:00+08:00, or any"
        )
        raise Invalid(message, [Fault("query.at", message)])
    return moment


def position_of(lon: float, lat: float, crs: str | None) -> tuple[float, float]:
    """Return longitude and latitude (EPSG:4326) of a position given in ``crs``.

    Raises:
        Invalid: an unknown system, or no place on earth.
    """
    try:
        x, y = SourceCRS.parse(crs or "EPSG:4326").to_wgs84(np.array([lon]), np.array([lat]))
    except UnknownCRS as error:
        raise Invalid(str(error), [Fault("query.crs", str(error))]) from error
    faults = []
    if not -180 <= x[0] <= 180:
        faults.append(Fault("query.lon", "经度超出范围 / longitude out of range (−180 to 180)"))
    if not -90 <= y[0] <= 90:
        faults.append(Fault("query.lat", "纬度超出范围 / latitude out of range (−90 to 90)"))
    if faults:
        raise Invalid("坐标超出范围 / the position is out of range", faults)
    return float(x[0]), float(y[0])


def check_period(since: date | None, until: date | None) -> None:
    """Refuse a period that ends before it begins."""
    if since is not None and until is not None and since > until:
        message = "起始日期晚于结束日期 / the first day is after the last"
        raise Invalid(message, [Fault("query.from", message)])


def _box(text: str) -> tuple[float, float, float, float]:
    message = "应为 西,南,东,北（度） / expected west,south,east,north in degrees"
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise Invalid(message, [Fault("query.bbox", message)]) from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Invalid(message, [Fault("query.bbox", message)])
    return west, south, east, north


def example(name: str, value: Any) -> dict[str, Any]:
    """Return one named example for OpenAPI."""
    return {name: {"summary": name, "value": value}}
