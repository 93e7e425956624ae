"""All that a wall shows of the place or of any part of it, down to a grid: aggregates only.

People, needs and visits are sums of the published table in fives (gis/needs/disclosure.py) unless ``exact``; every figure from 1 to 4, of events too, is
None. Of visits there are totals, never by colour. Of an event its kind, grid and time; disputes, which are about people, are only counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.casework.flow import OPEN
from gis.casework.indicators import RATES, rates
from gis.casework.limits import KINDS
from gis.errors import NotFound
from gis.models.vocabulary import AREA_LEVELS, CARE_FLAGS, SERVICES
from gis.needs.disclosure import BASE, THRESHOLD, shown, told
from gis.services.casework.days import DAYS, by_day, last_days
from gis.services.casework.standing import Events, load_events
from gis.services.counted import TOPICS as COUNTED
from gis.services.counted import counted
from gis.services.coverage import CoverageQuery, covered_shares, open_stations
from gis.services.derived import derived
from gis.services.features import PROFILE, area_prefix, refuse_unknown_area
from gis.services.gridset import GridSet
from gis.services.indicators import BASIC, grid_counts, in_fives
from gis.services.needs import by_month, open_by_service
from gis.services.snapshots import Snapshots

TOPICS = (*COUNTED, "areas", "buildings", "dwellings", "events", "place", "stations", "streets")
"""What changes a wall."""
_RANKED, _NEWEST = 10, 8
_LOOKED_THROUGH = 500
"""So many of the newest events are looked through for those of an area."""
_LEVELS = (*AREA_LEVELS, "grid")


@dataclass(frozen=True)
class Unit:
    """What is shown: the whole place, an area or a grid, its parts, and which of them each grid belongs to."""

    code: str | None
    name: str
    level: str
    path: list[dict[str, str]]
    chosen: np.ndarray
    """Which grids, and last whether those in none: bool (grids + 1,)."""
    parts: list[tuple[str, str, str]]
    """Code, name, level of each part."""
    part_of: np.ndarray
    """Position in ``parts`` of each grid (grids + 1,), −1 for none."""

    def sums(self, column: np.ndarray) -> list[int]:
        """Return the sum of a column (grids + 1,) for each part."""
        inside = self.part_of >= 0
        found = np.bincount(self.part_of[inside], weights=column[inside], minlength=len(self.parts))
        return found.astype(np.int64).tolist()


def screen_summary(
    session: Session, snapshots: Snapshots, area: str | None, now: datetime, *, exact: bool = False
) -> dict[str, Any]:
    """Return all that a wall shows of an area or a grid (None: the whole place), small numbers as None.

    Raises:
        Invalid, NotFound: not an area's code; no grid has this code.
    """
    unit = find_unit(session, snapshots, area)
    today = now.date()
    counts = grid_counts(session, snapshots, today, exact=exact)
    columns = {str(name): counts[name].to_numpy() for name in counts.columns}
    columns |= _visits(session, snapshots, today, columns["households"], exact=exact)
    households = int(columns["households"][unit.chosen].sum())
    shares = covered_shares(session, snapshots, today, now)
    events = load_events(session, snapshots, now)
    said = _said(exact)
    total = {name: said(int(column[unit.chosen].sum()), name, households) for name, column in columns.items()}
    needs_open = int(columns["needs_open"][unit.chosen].sum())
    by_service = open_by_service(session, snapshots, unit.chosen, today, total=None if exact else needs_open)
    grids, inside = snapshots.grids(session), unit.chosen[:-1]
    places = _places(session, snapshots)
    return {
        "place": unit.name,
        "area": unit.code,
        "level": unit.level,
        "path": unit.path,
        "bounds": _bounds(session, snapshots, inside) if unit.code else None,
        "at": now.isoformat(timespec="seconds"),
        "threshold": THRESHOLD,
        "people_in": 1 if exact else BASE,
        "totals": {
            **{name: total[name] for name in BASIC},
            "grids": int(inside.sum()),
            **{name: int(column[unit.chosen].sum()) for name, column in places.items()},
        },
        "care_flags": _care(total, said, households),
        "coverage": _coverage(unit, shares, households),
        "rankings": {
            name: _ranking(grids, columns[name][:-1], inside) for name in ("needs_open", "elders_60", "children_12")
        },
        "needs_by_service": [
            {**_service(service), "count": said(n, "", households)}
            for service, n in by_service.items()
            if n or (households and not exact)
        ],
        "trend": by_month(session, snapshots, unit.chosen, today, lived_in=households > 0, exact=exact),
        "days": _days(session, snapshots, unit, today, households, exact=exact),
        "visits": {"due": total["visits_due"], "done": total["visits_done"], "days": DAYS},
        "events": _events(events, unit, today),
        "hot_spots": _ranking(grids, events.open[:-1], inside),
        "newest_events": _newest(session, grids, unit),
        "children": _children(unit, columns, shares, events, exact=exact),
        "stations_open": len(open_stations(snapshots.stations(session), CoverageQuery(at=now))[0]),
    }


def find_unit(session: Session, snapshots: Snapshots, area: str | None) -> Unit:
    """Return what an area's or grid's code names; without one the whole place.

    Raises:
        Invalid, NotFound: see :func:`screen_summary`.
    """
    grids, areas = snapshots.grids(session), snapshots.areas(session)
    if area and len(area) > PROFILE.area_digits:
        return _grid_unit(snapshots, session, area)
    prefix = area_prefix(area)
    inside = grids.within(prefix)
    below = [each for code, each in areas.items() if code.startswith(prefix) and code != area]
    if area is None:  # named by its highest area; a level with one area only is passed over
        highest = min(below, key=lambda each: (_LEVELS.index(each.level), each.code), default=None)
        name, level = (highest.name, highest.level) if highest else ("", "place")
        size = Counter(each.level for each in below)
        below = [each for each in below if size[each.level] > 1]
    else:
        if not inside.any():
            refuse_unknown_area(session, area)
        level = areas[area].level if area in areas else PROFILE.check_area(area)
        name = areas[area].name if area in areas else area
        below = [each for each in below if _LEVELS.index(each.level) > _LEVELS.index(level)]
    next_level = min((each.level for each in below), key=_LEVELS.index, default="grid")
    parts = [(each.code, each.name, each.level) for each in below if each.level == next_level]
    part_of = np.full(len(grids.codes) + 1, -1, dtype=np.int64)
    if next_level == "grid":
        parts = [(grids.codes[i], grids.names[i], "grid") for i in np.flatnonzero(inside)]
        part_of[:-1][inside] = np.arange(len(parts))
    else:
        begins = {PROFILE.prefix(code): position for position, (code, _, _) in enumerate(parts)}
        digits = {len(begin) for begin in begins}
        for i in np.flatnonzero(inside):
            part_of[i] = next((begins[grids.codes[i][:n]] for n in digits if grids.codes[i][:n] in begins), -1)
    path = [] if area is None else _path(areas, area)
    return Unit(area, name, level, path, np.append(inside, not prefix), parts, part_of)


def _service(service: str) -> dict[str, str]:
    return {"service": service, "label": SERVICES.get(service, service)}


def _coverage(unit: Unit, shares: Mapping[str, np.ndarray], households: int) -> list[dict[str, Any]]:
    """Return the share of the unit's households that reaches each service now."""
    return [
        {**_service(service), "share": _share(int(reached[unit.chosen].sum()), households)}
        for service, reached in shares.items()
    ]


def _events(events: Events, unit: Unit, today: date) -> dict[str, Any]:
    chosen = unit.chosen
    counts = {name: int(column[chosen].sum()) for name, column in events.counts.items()}
    first = today - timedelta(days=DAYS - 1)
    reported, closed = events.reported[:, chosen].sum(axis=1), events.closed[:, chosen].sum(axis=1)
    return {
        "open": shown(int(events.open[chosen].sum())),
        "overdue": shown(int(events.overdue[chosen].sum())),
        "warned": shown(int(events.warned[chosen].sum())),
        "states": {state: shown(int(events.states[state][chosen].sum())) for state in OPEN},
        "days": DAYS,
        "reported": shown(counts["reported"]),
        "closed": shown(counts["closed"]),
        "rates": [
            {"rate": name, "label": RATES[name][2], "share": share} for name, share in _safe_rates(counts).items()
        ],
        "trend": [
            {
                "day": (first + timedelta(days=i)).isoformat(),
                "reported": shown(int(reported[i])),
                "closed": shown(int(closed[i])),
            }
            for i in range(DAYS)
        ],
    }


def _days(
    session: Session, snapshots: Snapshots, unit: Unit, today: date, households: int, *, exact: bool
) -> list[dict[str, Any]]:
    """Return what each of the last days brought of needs and visits, small numbers as None."""
    said = _said(exact)
    flows = {
        name: counts[:, unit.chosen].sum(axis=1)
        for name, counts in by_day(session, snapshots, today, exact=exact).items()
    }
    return [
        {"day": day.isoformat(), **{name: said(int(flow[i]), name, households) for name, flow in flows.items()}}
        for i, day in enumerate(last_days(today))
    ]


def _safe_rates(counts: Mapping[str, int]) -> dict[str, float | None]:
    """Return the rates; None where they are of fewer than the threshold."""
    return {name: None if counts[RATES[name][1]] < THRESHOLD else share for name, share in rates(counts).items()}


def _visits(
    session: Session, snapshots: Snapshots, today: date, households: np.ndarray, *, exact: bool
) -> dict[str, np.ndarray]:
    """Return by grid how many households are due for a visit and how many visits were made lately."""
    found = counted(session, snapshots, today)
    columns = {
        "visits_due": found.between("due", None, today),
        "visits_done": found.between("visited", today - timedelta(days=DAYS - 1), today),
    }
    if exact:
        return columns
    told = {name: in_fives(session, snapshots, name, column) for name, column in columns.items()}
    # A wall that shows more households due than there are looks wrong; how many there are is no secret.
    return {**told, "visits_due": np.minimum(told["visits_due"], households // BASE * BASE)}


def _children(
    unit: Unit, columns: Mapping[str, np.ndarray], shares: Mapping[str, np.ndarray], events: Events, *, exact: bool
) -> list[dict[str, Any]]:
    said = _said(exact)
    sums = {name: unit.sums(column) for name, column in columns.items()}
    reached = {service: unit.sums(column) for service, column in shares.items()}
    by_part = {name: unit.sums(column) for name, column in events.counts.items()}
    open_now, overdue = unit.sums(events.open), unit.sums(events.overdue)
    children = []
    for i, (code, name, level) in enumerate(unit.parts):
        homes = sums["households"][i]
        own = {measure: said(values[i], measure, homes) for measure, values in sums.items()}
        children.append(
            {
                "code": code,
                "name": name,
                "level": level,
                **{measure: own[measure] for measure in (*BASIC, "visits_due", "visits_done")},
                "care_flags": {flag["flag"]: flag["count"] for flag in _care(own, said, homes)},
                "covered_share": {service: _share(values[i], homes) for service, values in reached.items()},
                "events_open": shown(open_now[i]),
                "events_overdue": shown(overdue[i]),
                "rates": _safe_rates({count: values[i] for count, values in by_part.items()}),
            }
        )
    return children


def _care(total: Mapping[str, int | None], said: Any, households: int) -> list[dict[str, Any]]:
    nobody = said(0, "", households)
    return [
        {"flag": flag, "label": label, "count": total.get(f"flag:{flag}", nobody)} for flag, label in CARE_FLAGS.items()
    ]


def _newest(session: Session, grids: GridSet, unit: Unit) -> list[dict[str, Any]]:
    rows = session.execute(
        text("SELECT kind, grid_id, reported_at FROM linli_newest_events(:most)"), {"most": _LOOKED_THROUGH}
    )
    newest: list[dict[str, Any]] = []
    for kind, grid_id, at in rows:
        place = grids.position_of.get(grid_id, -1)
        if unit.chosen[place]:
            name = grids.names[place] if place >= 0 else None
            newest.append(
                {
                    "kind": kind,
                    "label": KINDS[kind],
                    "grid": grids.codes[place] if place >= 0 else None,
                    "grid_name": name,
                    "at": at,
                }
            )
            if len(newest) == _NEWEST:
                break
    return newest


def _places(session: Session, snapshots: Snapshots) -> dict[str, np.ndarray]:
    """Return the buildings and stations in each grid, and last in none."""

    def load(loading: Session) -> dict[str, np.ndarray]:
        grids, stations = snapshots.grids(loading), snapshots.stations(loading)
        n = len(grids.codes) + 1
        buildings = np.zeros(n, dtype=np.int64)
        for grid_id, count in loading.execute(text("SELECT grid_id, count(*) FROM buildings GROUP BY 1")):
            buildings[grids.position_of.get(grid_id, n - 1)] += count
        at = grids.index.assign(stations.lon, stations.lat) if len(stations.codes) else np.zeros(0, dtype=np.int64)
        return {"buildings": buildings, "stations": np.bincount(np.where(at < 0, n - 1, at), minlength=n)}

    return snapshots.remember(session, ("places by grid",), ("buildings", "grids", "stations"), load)


def _grid_unit(snapshots: Snapshots, session: Session, code: str) -> Unit:
    grids = snapshots.grids(session)
    if code not in grids.codes:
        raise NotFound(f"没有编码为 {code} 的网格 / no grid has code {code}")
    position, n = grids.codes.index(code), len(grids.codes) + 1
    path = [
        *_path(snapshots.areas(session), PROFILE.community_of(code)),
        {"code": code, "name": grids.names[position], "level": "grid"},
    ]
    return Unit(code, grids.names[position], "grid", path, np.arange(n) == position, [], np.full(n, -1, dtype=np.int64))


def _path(areas: Mapping[str, Any], area: str) -> list[dict[str, str]]:
    """Return the areas from the highest down to this one, as far as they are known."""
    return [
        {"code": code, "name": areas[code].name, "level": level}
        for level, code in PROFILE.ancestors(area)
        if code in areas
    ]


def _bounds(session: Session, snapshots: Snapshots, inside: np.ndarray) -> list[float] | None:
    """Return west, south, east and north of some grids, degrees."""
    grids = snapshots.grids(session)
    boxes = derived(snapshots).of(("boxes of grids",), (grids,), lambda: shapely.bounds(grids.geometries))[inside]
    if not len(boxes):
        return None
    return [round(float(edge), 6) for edge in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))]


def _said(exact: bool) -> Any:
    def said(n: int, name: str, households: int) -> int | None:
        return shown(n) if exact or name == "households" else told(n, households)

    return said


def _share(part: int, whole: int) -> float | None:
    """Return part ÷ whole, or None where it would tell of too few: nobody there, or fewer than the threshold on one side."""
    if whole == 0 or 0 < part < THRESHOLD or 0 < whole - part < THRESHOLD:
        return None
    return round(part / whole, 4)


def _ranking(grids: GridSet, values: np.ndarray, inside: np.ndarray) -> list[dict[str, Any]]:
    """Return the grids with the most, those with small numbers left out."""
    order = [i for i in np.argsort(-values, kind="stable") if inside[i] and values[i] >= THRESHOLD]
    return [{"code": grids.codes[i], "name": grids.names[i], "value": int(values[i])} for i in order[:_RANKED]]
