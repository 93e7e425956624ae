"""A made-up place of six grids for the browser: what the API and the tiles would answer about it."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry import LineString, Point, box, mapping, shape

from gis.services.rows import in_columns, measure_in_columns
from gis.services.sketches import pitch_deg, sketches
from maps.classify import classify
from maps.config import Choice, MapConfig

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>\'"`${window.hacked=3}\u202e敌意'
"""A name that would run in any of the usual ways if it were not shown as text."""

WEST, SOUTH, STEP = 102.710, 25.035, 0.003
BOUNDS = (WEST, SOUTH, WEST + 3 * STEP, SOUTH + 2 * STEP)
CODES = [f"53010200100100{n}" for n in range(1, 7)]
NAMES = [HOSTILE, "盘龙江东岸网格", "翠湖西路网格", "书林街网格", "金马坊网格", "长" * 300]
GRIDS = [
    box(WEST + i % 3 * STEP, SOUTH + i // 3 * STEP, WEST + (i % 3 + 1) * STEP, SOUTH + (i // 3 + 1) * STEP)
    for i in range(6)
]
VALUES = dict(zip(CODES, [0.0, 120.0, 340.0, 505.0, None, None], strict=True))
SUPPRESSED = [CODES[5]]

KINDS = [
    "党群服务中心",
    "养老服务站",
    "幸福食堂",
    "儿童之家",
    "卫生服务站",
    "红色驿站",
    "邻里驿站",
    "蜂享驿站",
    "心理疏导室",
    "爱心超市",
]
SERVICES = (
    Choice("meal", "助餐"),
    Choice("day_care", "日间照料"),
    Choice("health", "健康监测"),
)

CONFIG = MapConfig(
    place="示范街道",
    bounds=BOUNDS,
    services=SERVICES,
    measures=(
        Choice("households", "户数", "户"),
        Choice("elders_60", "60岁及以上老人", "人"),
    ),
    months=("2025-11", "2026-10"),
)


def layers() -> dict[str, list[tuple[Any, dict[str, Any]]]]:
    """Return every layer of the place's tiles."""
    lane = [WEST - 0.002 + i * 0.001 for i in range(14)]
    streets = [
        (
            LineString([(x, SOUTH + STEP + 0.0002 * (i % 2)) for i, x in enumerate(lane)]),
            {"kind": "primary", "name": "人民中路"},
        ),
        (
            LineString([(WEST + STEP, SOUTH - 0.002), (WEST + STEP, SOUTH + 0.008)]),
            {"kind": "residential", "name": HOSTILE},
        ),
        (
            LineString([(WEST + 2.5 * STEP, SOUTH), (WEST + 2.2 * STEP, SOUTH + 0.005)]),
            {"kind": "footway", "bridge": True},
        ),
    ]
    houses = [
        box(
            WEST + 0.0003 + c * 0.0009,
            SOUTH + 0.0004 + r * 0.0011,
            WEST + 0.0008 + c * 0.0009,
            SOUTH + 0.0007 + r * 0.0011,
        )
        for c in range(10)
        for r in range(5)
    ]
    river = box(WEST + 2.3 * STEP, SOUTH - 0.01, WEST + 2.38 * STEP, SOUTH + 0.02)
    return {
        "backdrop": [
            (river, {"kind": "water", "name": "盘龙江"}),
            (box(WEST, SOUTH + 1.2 * STEP, WEST + 0.8 * STEP, SOUTH + 1.7 * STEP), {"kind": "green"}),
        ],
        "backdrop_names": [(river.centroid, {"kind": "water", "name": "盘龙江"})],
        "streets": streets,
        "buildings": [(house, {"code": f"B{i}", "floors": 6}) for i, house in enumerate(houses)],
        "building_names": [(house.centroid, {"name": f"{i + 1}栋"}) for i, house in enumerate(houses)],
        "grids": [(g, {"code": c, "name": n}) for g, c, n in zip(GRIDS, CODES, NAMES, strict=True)],
        "grid_names": [(g.centroid, {"code": c, "name": n}) for g, c, n in zip(GRIDS, CODES, NAMES, strict=True)],
    }


def grids() -> dict[str, Any]:
    """Return what /api/grids answers."""
    features = [
        {"type": "Feature", "geometry": mapping(g), "properties": {"code": c, "name": n}}
        for g, c, n in zip(GRIDS, CODES, NAMES, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features, "next": None}


def measures(query: dict[str, list[str]]) -> dict[str, Any]:
    """Return what /api/grids/measures answers."""
    k, scheme = int(query["k"][0]), query["scheme"][0]
    told = classify(VALUES, scheme, k).as_dict()
    label = {"households": "户数", "elders_60": "60岁及以上老人"}[query["measure"][0]]
    return {
        "measure": query["measure"][0],
        "label": label,
        "unit": "户",
        "values": VALUES,
        "suppressed": SUPPRESSED,
        **told,
    }


def stations() -> dict[str, Any]:
    """Return what /api/stations answers: one of each kind, the first with a hostile name."""
    features = []
    for i, kind in enumerate(KINDS):
        at = Point(WEST + 0.0005 + (i % 5) * 0.0019, SOUTH + 0.001 + (i // 5) * 0.0032)
        services = [
            {"kind": "meal", "hours": "Mo-Fr 11:00-13:00; Sa,Su off", "capacity": 60},
            {"kind": "rest", "hours": "24/7", "capacity": None},
        ]
        name = HOSTILE if i == 0 else f"示范{kind}"
        properties = {
            "code": f"S{i}",
            "name": name,
            "kind": kind,
            "capacity": 80,
            "services": services,
            "version": 1,
        }
        features.append({"type": "Feature", "geometry": mapping(at), "properties": properties})
    return {"type": "FeatureCollection", "features": features, "next": None}


def circles(query: dict[str, list[str]]) -> dict[str, Any]:
    """Return what /api/circles answers: none for day care, so that the page has to say so."""
    facts = {
        "minutes": float(query["minutes"][0]),
        "profile": "adult",
        "method": "buffer",
        "radius_m": 1000.0,
    }
    shapes = [Point(f["geometry"]["coordinates"]).buffer(0.0025) for f in stations()["features"][:4]]
    if query.get("service") == ["day_care"]:
        shapes = []
    if query.get("dissolve") == ["true"] and shapes:
        features = [
            {
                "type": "Feature",
                "geometry": mapping(shapely.union_all(shapes)),
                "properties": {"stations": len(shapes), **facts},
            }
        ]
    else:
        features = [
            {
                "type": "Feature",
                "geometry": mapping(s),
                "properties": {"code": f"S{i}", "name": HOSTILE, "kind": KINDS[i], **facts},
            }
            for i, s in enumerate(shapes)
        ]
    return {"type": "FeatureCollection", "features": features, **facts}


def drawn(path: str, query: Any, answer: Any) -> Any:
    """Return an answer in the form that maps ask for: figures in columns, circles in lines."""
    if query.get("form") == ["columns"] and path == "/api/coverage":
        names = [name for name in answer["grids"][0] if name not in {"code", "name"}]
        return {**answer, "grids": in_columns(answer["grids"], names)}
    if query.get("form") == ["columns"] and path == "/api/grids/measures":
        return measure_in_columns(answer)
    if "resolution_m" in query and path == "/api/circles":
        pitch = pitch_deg(float(query["resolution_m"][0]))
        found = [each["properties"] for each in answer["features"]]
        return {
            **{name: value for name, value in answer.items() if name not in {"type", "features"}},
            "stations": sum(each.get("stations", 1) for each in found),
            "unjoined": answer.get("unjoined", []),
            "pitch": pitch,
            "code": [each.get("code") for each in found],
            "name": [each.get("name") for each in found],
            "lines": sketches([shape(each["geometry"]) for each in answer["features"]], pitch),
        }
    return answer


def circles_after(body: dict[str, Any]) -> dict[str, Any]:
    """Return what POST /api/circles answers: a small circle for each edit that has a position."""
    placed = [edit["station"] for edit in body["edits"] if "lon" in edit["station"]]
    features = [
        {"type": "Feature", "geometry": mapping(Point(s["lon"], s["lat"]).buffer(0.001)), "properties": {"code": s["code"]}}
        for s in placed
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def coverage(query: dict[str, list[str]]) -> dict[str, Any]:
    """Return what /api/coverage answers; longer minutes cover more."""
    share = min(1.0, float(query["minutes"][0]) / 20)
    rows = []
    for i, code in enumerate(CODES):
        homes = [0, 100, 200, 300, 400, 500][i]
        rows.append(
            {
                "code": code, "name": NAMES[i], "households": homes, "covered": round(homes * share * i / 5), "beyond": homes - round(homes * share * i / 5),
                "elders_60": homes // 2, "elders_60_covered": round(homes / 2 * share * i / 5), "children_12": homes // 4, "children_12_covered": homes // 8,
            }
        )  # fmt: skip
    totals = {key: sum(row[key] for row in rows) for key in rows[0] if key not in ("code", "name")}
    return {
        "parameters": {},
        "totals": totals,
        "grids": rows,
        "unassigned": {},
        "unreachable": {"no position": 7},
    }


def buildings(count: int = 3) -> dict[str, Any]:
    """Return what /api/coverage/buildings answers: the farthest first, one of them with a hostile name, one without a way."""
    items = [
        {
            "code": f"B{i}", "name": HOSTILE if i == 0 else f"{i}栋", "lon": WEST + (i % 60) * 0.0001, "lat": SOUTH + (i // 60) * 0.0001,
            "seconds": None if i == 0 else 2000.0 - i / 10, "distance_m": None if i == 0 else 1500.0, "station": None if i == 0 else "S1",
            "reason": "separate island" if i == 0 else None, "reason_label": "位于孤立的路网" if i == 0 else None,
            "covered": False, "households": None if i == 1 else 24,
        }
        for i in range(count)
    ]  # fmt: skip
    return {"items": items}


def scenario(body: dict[str, Any]) -> dict[str, Any]:
    """Return what /api/coverage/scenario answers: ten homes more in the second grid for each edit, five fewer in the third."""
    n = len(body["edits"])
    rows = [
        {k: v for k, v in row.items() if k not in ("code", "name")} for row in coverage({"minutes": ["15"]})["grids"]
    ]
    before = {key: sum(row[key] for row in rows) for key in rows[0]}
    changed = [
        {"code": CODES[i], "name": NAMES[i], "before": rows[i], "after": {**rows[i], "covered": rows[i]["covered"] + by * n}}
        for i, by in ((1, 10), (2, -5))
    ]  # fmt: skip
    return {
        "parameters": body["parameters"],
        "before": before,
        "after": {**before, "covered": before["covered"] + 5 * n},
        "grids": changed if n else [],
        "newly_covered": 10 * n,
        "newly_uncovered": 5 * n,
    }


def siting(body: dict[str, Any]) -> dict[str, Any]:
    """Return what /api/siting answers when it had to stop early: two sites, greedy ones elsewhere."""
    sites = [
        {"code": "B1", "name": HOSTILE, "lon": WEST + 0.002, "lat": SOUTH + 0.002},
        {"code": "B2", "name": "2栋", "lon": WEST + 0.006, "lat": SOUTH + 0.004},
    ]
    greedy = [sites[0], {"code": "B9", "name": "9栋", "lon": WEST + 0.004, "lat": SOUTH + 0.001}]
    return {
        "parameters": {"service": body["service"]}, "candidates": 3, "chosen": {"sites": sites, "covered": 180.0},
        "greedy": {"sites": greedy, "covered": 170.0}, "uncovered": 675.0, "bound": 200.0, "gap": 0.1, "optimal": False,
    }  # fmt: skip


def need_grids(query: dict[str, list[str]]) -> dict[str, Any]:
    """Return what /api/needs/grids answers: counts up to 200, one grid without people, one suppressed; half of it in any part of the year."""
    whole = query["from"] == ["2025-11-01"] and query["to"] == ["2026-10-31"]
    rows = []
    for i, (code, name) in enumerate(zip(CODES, NAMES, strict=True)):
        count: int | None = [20, 60, 120, 200, 0, None][i]
        if count and not whole:
            count //= 2
        homes = 0 if i == 4 else 400
        rate = None if count is None or not homes else count * 100 / homes
        rows.append(
            {"code": code, "name": name, "count": count, "households": homes, "rate": rate, "suppressed": count is None}
        )
    answer = {
        "threshold": 5,
        "people_in": 5,
        "total": sum(row["count"] or 0 for row in rows),
        "outside": 0,
        "grids": rows,
    }
    if "measure" in query:
        measure = query["measure"][0]
        told = classify(
            {row["code"]: row[measure] or None for row in rows}, query["scheme"][0], int(query["k"][0]), palette="ember"
        )
        answer |= {"measure": measure, **told.as_dict()}
    return answer


def hotspots(query: dict[str, list[str]]) -> dict[str, Any]:
    """Return what /api/needs/hotspots answers: a hot unit, a surer one, a cold one, the rest neither, and one not tested."""
    answer = cells(query) if query["by"] == ["cells"] else need_grids({name: query[name] for name in ("from", "to")})
    units = [feature["properties"] for feature in answer["features"]] if "features" in answer else answer["grids"]
    for i, row in enumerate(units):
        spot, z, q = {
            0: ("hot", 3.1, 0.03),
            1: ("hot", 5.2, 0.0001),
            2: ("cold", -3.4, 0.02),
            5: (None, None, None),
        }.get(i, ("none", 0.4, 0.9))
        row |= {"spot": spot, "z": z, "q": q}
    facts = {
        "by": query["by"][0],
        "measure": query["measure"][0],
        "false_share": 0.05,
        "least": 30,
        "tested": len(units) - 1,
        "hot": 2,
        "cold": 1,
    }
    return {**answer, **facts}


def cells(query: dict[str, list[str]]) -> dict[str, Any]:
    """Return what /api/needs/cells answers: a hot corner, a suppressed cell, an empty one; fewer months have fewer needs."""
    months = (
        int(query["to"][0][:4]) * 12
        + int(query["to"][0][5:7])
        - int(query["from"][0][:4]) * 12
        - int(query["from"][0][5:7])
        + 1
    )
    size = 0.001
    features = []
    for c in range(9):
        for r in range(6):
            count: int | None = round(max(0, 60 - 9 * abs(c - 2) - 11 * abs(r - 2)) * months / 12)
            suppressed = (c, r) == (6, 4)
            if suppressed:
                count = None
            square = box(WEST + c * size, SOUTH + r * size, WEST + (c + 1) * size, SOUTH + (r + 1) * size)
            rate = None if suppressed else round((count or 0) / 80 * 100, 2)
            features.append(
                {
                    "type": "Feature",
                    "geometry": mapping(square),
                    "properties": {"count": count, "households": 80, "rate": rate, "suppressed": suppressed},
                }
            )
    return {
        "type": "FeatureCollection",
        "features": features,
        "size_m": 100,
        "threshold": 5,
        "total": sum(f["properties"]["count"] or 0 for f in features),
    }
