"""What people do meanwhile: send files, move boundaries, change households, read. Every answer is judged."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import shapely.geometry

from tests.torture import place
from tests.torture.programs import Programs

COLOURS = ("red", "yellow", "green")
_REFUSED = {200, 202, 412, 422, 503}
"""412: somebody else was first; 422: the neighbour has just been moved there."""


@dataclass
class Seen:
    """What the service has said."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    submitted: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Imports that were accepted: id → kind and mark."""
    colours: dict[str, str] = field(default_factory=dict)
    """Households and the colour that was last acknowledged."""
    asked: dict[str, str] = field(default_factory=dict)
    """Households and the colour that was asked for without an answer."""


class Load:
    """Threads that go on whatever is killed."""

    def __init__(self, programs: Programs, token: str, seed: int) -> None:
        self.programs = programs
        self.seen = Seen()
        self._headers = {"Authorization": f"Bearer {token}"}
        self._over = threading.Event()
        self._rest = threading.Event()
        self._mark = 0
        self._chance = random.Random(seed)
        work = (self._send_files, self._move_boundaries, self._change_households, self._read, self._read)
        self._idle = [threading.Event() for _ in work]
        for idle in self._idle:  # until they begin
            idle.set()
        self._threads = [
            threading.Thread(target=self._go_on, args=(each, idle, self._chance.random()))
            for each, idle in zip(work, self._idle, strict=True)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def rest(self, resting: bool) -> None:
        """Let everybody pause, when they have finished what they are at, or go on."""
        (self._rest.set if resting else self._rest.clear)()
        if resting and not all(idle.wait(300) for idle in self._idle):
            raise TimeoutError("a request that takes five minutes")

    def stop(self) -> None:
        """Come to the end."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def import_now(self, kind: str) -> str:
        """Send a file of a kind; return the import's id, '' where it was not accepted."""
        self._mark += 1
        mark = self._mark
        query = {"kind": kind, "crs": "EPSG:4326"}
        ending = "geojson" if kind == "grids" else "csv"
        file = {"file": (f"{kind}-{mark}.{ending}", place.FILES[kind](mark))}
        answered = self._call("POST", "/api/imports", params=query, files=file)
        if answered is None or answered.status_code != 202:
            return ""
        import_id = str(answered.json()["id"])
        self.seen.submitted[import_id] = (kind, mark)
        return import_id

    def get(self, path: str) -> Any:
        """Read something; None where there is no answer now."""
        answered = self._call("GET", path)
        return answered.json() if answered is not None and answered.status_code == 200 else None

    def _go_on(self, work: Callable[[random.Random], None], idle: threading.Event, seed: float) -> None:
        chance = random.Random(seed)
        while not self._over.is_set():
            idle.clear()  # before it looks: who sees it idle while resting may count on that
            if self._rest.is_set():
                idle.set()
                time.sleep(0.05)
                continue
            try:
                work(chance)
            except Exception as error:
                self.seen.faults.append(f"{work.__name__}: {type(error).__name__}: {error}")
                time.sleep(0.2)

    def _call(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """Ask the service and judge the kind of answer; None where there was none."""
        headers = {**self._headers, **more.pop("headers", {})}
        try:
            answered = httpx.request(method, self.programs.base + path, headers=headers, timeout=60, **more)
        except httpx.TransportError as error:
            self.seen.answers[f"{method} {type(error).__name__}"] += 1
            time.sleep(0.1)
            return None
        self.seen.answers[f"{method} {answered.status_code}"] += 1
        if answered.status_code not in _REFUSED:
            self.seen.faults.append(f"{method} {path}: {answered.status_code} {answered.text[:300]}")
        elif answered.status_code == 503:
            if "retry-after" not in answered.headers or "problem+json" not in answered.headers["content-type"]:
                self.seen.faults.append(f"{method} {path}: 503 without Retry-After or without words")
            time.sleep(0.1)
        return answered

    def _send_files(self, chance: random.Random) -> None:
        waiting = self.get("/api/imports?limit=20")
        if waiting is None or sum(each["state"] in ("queued", "running") for each in waiting["items"]) > 3:
            time.sleep(0.2)
            return
        import_id = self.import_now(chance.choice(("grids", "households", "households", "residents", "stations")))
        if import_id and chance.random() < 0.15:
            time.sleep(chance.random())
            with contextlib.suppress(httpx.TransportError):
                httpx.delete(f"{self.programs.base}/api/imports/{import_id}", headers=self._headers, timeout=60)
        time.sleep(0.1)

    def _move_boundaries(self, chance: random.Random) -> None:
        """Move the boundary between two neighbours: who gives way goes first."""
        west = chance.choice([n for n in range(place.COLUMNS * place.ROWS) if n % place.COLUMNS < place.COLUMNS - 1])
        edge = place.WEST + ((west + 1) % place.COLUMNS + (chance.random() - 0.5) / 2) * place.SIDE
        found = self.get(f"/api/grids/{place.codes()[west]}")
        if found is None:
            return
        pair = (west, west + 1) if edge < _bounds(found)[2] else (west + 1, west)
        for number in pair:
            path = f"/api/grids/{place.codes()[number]}"
            answered = self._call("GET", path)
            if answered is None or answered.status_code != 200:
                return
            body = answered.json()
            left, south, right, north = _bounds(body)
            left, right = (left, edge) if number == west else (edge, right)
            moved = [[left, south], [right, south], [right, north], [left, north], [left, south]]
            body["geometry"] = {"type": "Polygon", "coordinates": [moved]}
            self._call("PUT", path, json=body, headers={"If-Match": answered.headers["etag"]})
        time.sleep(0.05)

    def _change_households(self, chance: random.Random) -> None:
        code, colour = f"S{chance.randrange(place.STEADY):05d}", chance.choice(COLOURS)
        found = self._call("GET", f"/api/households/{code}")
        if found is None or found.status_code != 200:
            return
        known = {self.seen.colours.get(code), self.seen.asked.get(code)} - {None}
        if known and found.json()["colour"] not in known:
            self.seen.faults.append(f"{code} is {found.json()['colour']}, but {known} was acknowledged or asked for")
        self.seen.colours[code], self.seen.asked[code] = found.json()["colour"], colour
        answered = self._call(
            "PATCH", f"/api/households/{code}", json={"colour": colour}, headers={"If-Match": found.headers["etag"]}
        )
        if answered is not None and answered.status_code == 200:
            self.seen.colours[code] = colour
            del self.seen.asked[code]
        time.sleep(0.02)

    def _read(self, chance: random.Random) -> None:
        number = chance.randrange(place.COLUMNS * place.ROWS)
        lon, lat = place.centre(number)
        found = self.get(f"/api/grids/locate?lon={lon}&lat={lat}")
        if found is not None and found["grid"]["code"] != place.codes()[number]:
            self.seen.faults.append(f"{lon},{lat} was said to be in {found['grid']['code']}")
        self.get(f"/api/grids/{place.codes()[number]}/summary")
        time.sleep(0.02)


def _bounds(feature: dict[str, Any]) -> tuple[float, float, float, float]:
    return shapely.geometry.shape(feature["geometry"]).bounds
