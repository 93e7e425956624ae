"""What is known of each grid and of the whole, as counts: summaries, measures for maps. What a screen shows is in gis/services/casework/figures.py.

Wherever ``exact`` is not asked for, people (also by care flag and colour) and needs are counted in fives (gis/needs/disclosure.py); households are
dwellings and are counted one by one.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.models.vocabulary import CARE_FLAGS, COLOURS, SERVICES
from gis.needs.disclosure import BASE, THRESHOLD, offsets, rounded, small, told
from gis.services.counted import TOPICS, counted
from gis.services.coverage import covered_shares
from gis.services.needs import by_month
from gis.services.snapshots import Snapshots
from gis.store.vault import vault_of

BASIC = {
    "households": ("户数", "户"),
    "residents": ("人数", "人"),
    "elders_60": ("60岁及以上老人", "人"),
    "children_12": ("0–12岁儿童", "人"),
    "needs_open": ("未办结需求", "件"),
}


def grid_counts(session: Session, snapshots: Snapshots, today: date, *, exact: bool = False) -> pd.DataFrame:
    """Return every measure of every grid: one row a grid in the order of codes, then one for households in no grid; 0 where nothing is."""
    return snapshots.remember(
        session,
        ("counts", today, exact),
        (*TOPICS, "place"),
        lambda loading: _load_counts(loading, snapshots, today, exact),
    )


def grid_summary(
    session: Session, snapshots: Snapshots, code: str, today: date, *, exact: bool = False
) -> dict[str, Any]:
    """Return the counts of one grid: people, care flags, colours, open needs, needs of the last twelve months, and the share covered per service.

    Shares are of households within 15 minutes (on the streets where they are known), opening hours ignored; None where nobody lives.
    A count in fives is None where it stands for fewer than five.
    """
    grids = snapshots.grids(session)
    if code not in grids.codes:
        raise NotFound(f"没有编码为 {code} 的网格 / no grid has code {code}")
    position = grids.codes.index(code)
    row = grid_counts(session, snapshots, today, exact=exact).iloc[position]
    households = int(row.get("households", 0))
    shares = covered_shares(session, snapshots, today, None)

    def said(name: str) -> int | None:
        n = int(row.get(name, 0))
        return n if exact or name == "households" else told(n, households)

    return {
        "code": code,
        "name": grids.names[position],
        **{name: said(name) for name in BASIC},
        "care_flags": {flag: said(f"flag:{flag}") for flag in CARE_FLAGS},
        "colours": {colour: said(f"colour:{colour}") for colour in COLOURS},
        "covered_share": {
            service: round(float(counts[position]) / households, 4) if households else None
            for service, counts in shares.items()
        },
        "needs_by_month": by_month(
            session, snapshots, np.arange(len(grids.codes) + 1) == position, today, lived_in=households > 0, exact=exact
        ),
        "people_in": 1 if exact else BASE,
    }


def measure_names(session: Session, snapshots: Snapshots) -> list[dict[str, str]]:
    """Return the measures that a map of grids may show: key, 中文 label and unit."""
    names = [{"key": key, "label": label, "unit": unit} for key, (label, unit) in BASIC.items()]
    names += [
        {"key": "elder_share", "label": "老人占比", "unit": "%"},
        {"key": "child_share", "label": "儿童占比", "unit": "%"},
        {"key": "need_rate", "label": "每百户未办结需求", "unit": "件/百户"},
    ]
    names += [{"key": f"flag:{flag}", "label": label, "unit": "人"} for flag, label in CARE_FLAGS.items()]
    offered = sorted(set(snapshots.stations(session).service))
    names += [{"key": f"covered:{s}", "label": f"{SERVICES.get(s, s)}覆盖率", "unit": "%"} for s in offered]
    return names


def measure(session: Session, snapshots: Snapshots, key: str, today: date, *, exact: bool = False) -> dict[str, Any]:
    """Return one measure of every grid: ``values`` by code (None: no data or suppressed) and ``suppressed``, the codes hidden as small.

    Raises:
        NotFound: there is no such measure.
    """
    names = {name["key"]: name for name in measure_names(session, snapshots)}
    if key not in names:
        raise NotFound(f"没有指标 {key} / no measure is called {key}")
    grids = snapshots.grids(session)
    values, hidden = _measure_values(session, snapshots, key, today, exact)
    values = np.where(hidden, np.nan, values)
    return {
        **names[key],
        "date": today.isoformat(),
        "values": {
            code: None if np.isnan(value) else round(float(value), 2)
            for code, value in zip(grids.codes, values, strict=True)
        },
        "suppressed": [code for code, is_hidden in zip(grids.codes, hidden, strict=True) if is_hidden],
        "threshold": THRESHOLD,
        "people_in": 1 if exact else BASE,
    }


def _load_counts(session: Session, snapshots: Snapshots, today: date, exact: bool) -> pd.DataFrame:
    if not exact:
        return _in_fives(session, snapshots, grid_counts(session, snapshots, today, exact=True))
    found = counted(session, snapshots, today)
    columns = {**{name: found.column(name) for name in BASIC}, **found.plain()}
    return pd.DataFrame(columns, index=[*snapshots.grids(session).ids.tolist(), -1])


def _in_fives(session: Session, snapshots: Snapshots, counts: pd.DataFrame) -> pd.DataFrame:
    """Return the published figures: of people the same that the sites of each grid add up to."""
    return pd.DataFrame(
        {
            name: counts[name]
            if name == "households"
            else in_fives(session, snapshots, str(name), counts[name].to_numpy())
            for name in counts.columns
        },
        index=counts.index,
    )


def in_fives(session: Session, snapshots: Snapshots, measure: str, counts: np.ndarray) -> np.ndarray:
    """Return counts (grids + 1,) of a measure as multiples of five, by each grid's own offset."""
    grids, key = snapshots.grids(session), vault_of(session).rounding
    kept: dict[str, np.ndarray] = snapshots.remember(session, ("offsets",), ("grids",), lambda _: {})
    if measure not in kept:
        kept[measure] = offsets(key, measure, [*grids.codes, ""])
    return rounded(counts, kept[measure])


def _measure_values(
    session: Session, snapshots: Snapshots, key: str, today: date, exact: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return a measure's values (NaN: no data) and which of them must be hidden, in the order of the grids."""
    counts = grid_counts(session, snapshots, today, exact=exact).iloc[:-1]
    n = len(counts)

    def column(name: str) -> np.ndarray:
        return counts[name].to_numpy(float) if name in counts else np.zeros(n)

    def per(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        # Part and whole are rounded each for itself: a part of few may come out as more than its whole.
        return np.minimum(np.divide(part * 100, whole, out=np.full(n, np.nan), where=whole > 0), limit)

    homes = column("households")
    limit = np.inf if key == "need_rate" else 100.0

    def few(name: str) -> np.ndarray:
        if exact or name == "households":
            return small(column(name))
        return (column(name) == 0) & (homes > 0)

    shares = {
        "elder_share": ("elders_60", "residents"),
        "child_share": ("children_12", "residents"),
        "need_rate": ("needs_open", "households"),
    }
    if key in shares:
        part, whole = shares[key]
        return per(column(part), column(whole)), few(part) | few(whole)
    if key.startswith("covered:"):
        reached = covered_shares(session, snapshots, today, None)[key.removeprefix("covered:")][:-1].astype(float)
        return per(reached, homes), small(reached) | small(homes - reached)
    return column(key), few(key)
