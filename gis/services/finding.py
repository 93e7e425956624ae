"""Places found by code, name or address: areas, grids, compounds, stations, streets and buildings. Never people or households.

Everything that can be found is kept in memory as lines of text, in which a substring search is a scan by the C library: a Chinese name is found
by one character, which an index of trigrams (pg_trgm) cannot do, being made for three and more. A city's million buildings take some 200 MB.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.errors import NotFound
from gis.services.features import PROFILE, feature
from gis.services.snapshots import Snapshots

KINDS = {
    "area": "区划",
    "grid": "网格",
    "compound": "小区",
    "station": "服务站点",
    "street": "街道",
    "building": "楼栋",
}
"""What is found, the wider first: among equally good answers that is their order."""
MOST = 20
LONGEST = 60
"""Characters of what is looked for."""
_TOPICS = ("areas", "grids", "buildings", "stations", "streets")
_CHECKED = 20_000
"""So many lines that hold one of several words are looked at for the others."""

_BOX = "ST_XMin({0}), ST_YMin({0}), ST_XMax({0}), ST_YMax({0})"
# kind → code, name, what stands before the name (a compound's before a building's), the grid or area that it lies in, its box
_ROWS = {
    "area": f"SELECT code, name, '', code, {_BOX.format('geometry')} FROM areas ORDER BY code",
    "grid": f"SELECT code, name, '', code, {_BOX.format('geometry')} FROM grids WHERE valid_to IS NULL ORDER BY code",
    "compound": f"""
SELECT c.code, c.name, '', (SELECT g.code FROM buildings b JOIN grids g ON g.id = b.grid_id WHERE b.compound_id = c.id ORDER BY b.id LIMIT 1),
  {_BOX.format("s.shape")}
FROM compounds c, LATERAL (SELECT coalesce(c.geometry, (SELECT ST_Envelope(ST_Collect(b.geometry)) FROM buildings b WHERE b.compound_id = c.id)) AS shape) s
ORDER BY c.code""",
    "station": f"SELECT code, name, '', NULL, {_BOX.format('geometry')} FROM stations ORDER BY code",
    "street": f"""
SELECT name, name, '', NULL, {_BOX.format("ST_Extent(geometry)")} FROM streets WHERE name IS NOT NULL GROUP BY name ORDER BY name""",
    "building": f"""
SELECT b.code, coalesce(b.name, ''), coalesce(c.name, ''), g.code, {_BOX.format("b.geometry")}
FROM buildings b LEFT JOIN compounds c ON c.id = b.compound_id LEFT JOIN grids g ON g.id = b.grid_id ORDER BY b.code""",
}
_SHAPES = {
    "area": "SELECT name, ST_AsGeoJSON(ST_SimplifyPreserveTopology(geometry, 0.00002), 6) FROM areas WHERE code = :code",
    "grid": "SELECT name, ST_AsGeoJSON(geometry, 7) FROM grids WHERE code = :code AND valid_to IS NULL",
    "compound": """
SELECT c.name, ST_AsGeoJSON(coalesce(c.geometry, (SELECT ST_Collect(b.geometry) FROM buildings b WHERE b.compound_id = c.id)), 7)
FROM compounds c WHERE c.code = :code""",
    "station": "SELECT name, ST_AsGeoJSON(geometry, 7) FROM stations WHERE code = :code",
    "street": "SELECT :code, ST_AsGeoJSON(ST_Collect(geometry), 6) FROM streets WHERE name = :code HAVING count(*) > 0",
    "building": "SELECT coalesce(name, code), ST_AsGeoJSON(geometry, 7) FROM buildings WHERE code = :code",
}


class Lines:
    """Lines of text by number, and the numbers of those that hold a text."""

    def __init__(self, lines: list[str]) -> None:
        self._text = "\n" + "\n".join(lines) + "\n"
        lengths = np.fromiter((len(line) + 1 for line in lines), dtype=np.int64, count=len(lines))
        self._starts: list[int] = (1 + np.cumsum(lengths) - lengths).tolist()

    def line(self, number: int) -> str:
        """Return a line."""
        return self._text[self._starts[number] : self._text.index("\n", self._starts[number])]

    def count(self, part: str) -> int:
        """Return how often a text occurs."""
        return self._text.count(part)

    def holding(self, part: str, *, start: bool = False, end: bool = False) -> Iterator[int]:
        """Give the numbers of the lines that hold a text, in order; that begin with it, or end with it, where asked."""
        sought = ("\n" if start else "") + part + ("\n" if end else "")
        at = self._text.find(sought)
        while at >= 0:
            line = bisect_right(self._starts, at + start) - 1
            yield line
            if line + 1 == len(self._starts):
                return
            at = self._text.find(sought, self._starts[line + 1] - 1)


@dataclass(frozen=True)
class Register:
    """All places that can be found; all sequences have the same length, ordered by kind and code."""

    kinds: list[str]
    codes: list[str]
    names: list[str]
    addresses: list[str]
    boxes: np.ndarray
    """West, south, east, north in degrees (n, 4); NaN where a place has no position."""
    by_name: Lines
    by_code: Lines
    by_all: Lines
    """Name, code and address."""

    def find(self, sought: str, most: int = MOST) -> list[int]:
        """Return the positions of at most ``most`` places, best first: same name, same code, begins so, holds it, holds every word of it."""
        words = [folded(word) for word in sought[:LONGEST].split()]
        words = [word for word in words if word]
        if not words:
            return []
        whole = "".join(words)
        passes: list[Callable[[], Iterator[int]]] = [
            lambda: self.by_name.holding(whole, start=True, end=True),
            lambda: self.by_code.holding(whole, start=True, end=True),
            lambda: self.by_name.holding(whole, start=True),
            lambda: self.by_code.holding(whole, start=True),
            lambda: self.by_name.holding(whole),
            lambda: self.by_code.holding(whole, end=True),
            lambda: self._with_all(words),
        ]
        found: dict[int, None] = {}
        for each in passes:
            for line in each():
                found.setdefault(line)
                if len(found) >= most:
                    return list(found)
        return list(found)

    def item(self, at: int) -> dict[str, Any]:
        """Return a place as the interface answers it."""
        box = None if np.isnan(self.boxes[at]).any() else [round(float(edge), 6) for edge in self.boxes[at]]
        return {
            "kind": self.kinds[at],
            "code": self.codes[at],
            "name": self.names[at] or self.codes[at],
            "address": self.addresses[at],
            "bounds": box,
        }

    def _with_all(self, words: list[str]) -> Iterator[int]:
        rarest = min(words, key=self.by_all.count)
        others = [word for word in words if word is not rarest]
        for checked, line in enumerate(self.by_all.holding(rarest)):
            told = self.by_all.line(line)
            if all(word in told for word in others):
                yield line
            if checked >= _CHECKED:
                return


def folded(name: str) -> str:
    """Return a text as it is compared: full and half width, capitals and spaces make no difference."""
    plain = unicodedata.normalize("NFKC", name)
    return "".join(plain.split()).casefold()


def register(session: Session, snapshots: Snapshots) -> Register:
    """Return the places that can be found."""
    return snapshots.remember(session, ("places to find",), _TOPICS, lambda loading: _load(loading, snapshots))


def find(session: Session, snapshots: Snapshots, sought: str, most: int = MOST) -> list[dict[str, Any]]:
    """Return at most ``most`` places: kind (of :data:`KINDS`), code (of a street its name), name, address, bounds in degrees or None."""
    known = register(session, snapshots)
    return [known.item(at) for at in known.find(sought, most)]


def outline_of(session: Session, kind: str, code: str) -> dict[str, Any]:
    """Return the shape of a place that was found, as a Feature.

    Raises:
        NotFound: there is none, or it has no position.
    """
    row = session.execute(text(_SHAPES[kind]), {"code": code}).one_or_none() if kind in _SHAPES else None
    if row is None or row[1] is None:
        raise NotFound(
            f"没有{KINDS.get(kind, kind)} {code}，或没有位置 / there is no {kind} {code}, or it has no position"
        )
    return feature(row[1], {"kind": kind, "code": code, "name": row[0]})


def _load(session: Session, snapshots: Snapshots) -> Register:
    areas = {code: area.name for code, area in snapshots.areas(session).items()}
    grids = snapshots.grids(session)
    above = {code: _above(PROFILE.community_of(code), areas) for code in grids.codes}
    above |= {code: _above(code, areas, own=False) for code in areas}
    within = {code: f"{above[code]} {name}".strip() for code, name in zip(grids.codes, grids.names, strict=True)}
    kinds, codes, names, addresses, boxes = [], [], [], [], []  # type: list[str], list[str], list[str], list[str], list[Any]
    spoken: list[str] = []
    for kind, query in _ROWS.items():
        for code, name, before, lies_in, *box in session.execute(text(query)):
            full = name if not before or name.startswith(before) else f"{before}{name}"
            kinds.append(kind)
            codes.append(code)
            names.append(full)
            spoken.append(folded(full))
            addresses.append((above if kind in ("area", "grid") else within).get(lies_in or "", ""))
            boxes.append(box)
    keys = [folded(code) for code in codes]
    every = [
        f"{name}\x1f{key}\x1f{folded(address)}" for name, key, address in zip(spoken, keys, addresses, strict=True)
    ]
    edges = np.array(boxes, dtype=float).reshape(len(codes), 4)
    return Register(kinds, codes, names, addresses, edges, Lines(spoken), Lines(keys), Lines(every))


def _above(area: str, areas: dict[str, str], *, own: bool = True) -> str:
    """Return the names of the areas that hold an area, the widest first; with its own."""
    held = [code for _, code in PROFILE.ancestors(area) if code in areas and (own or code != area)]
    return " ".join(areas[code] for code in held)
