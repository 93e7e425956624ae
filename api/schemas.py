"""The shapes of requests and answers, for checking what comes in and describing what goes out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

_POLYGON = {
    "type": "Polygon",
    "coordinates": [[[102.70, 25.03], [102.71, 25.03], [102.71, 25.04], [102.70, 25.04], [102.70, 25.03]]],
}


class Strict(BaseModel):
    """A request body: an unknown field is a mistake to be told."""

    model_config = ConfigDict(extra="forbid")


class Feature(BaseModel):
    """A GeoJSON Feature, positions lon, lat in EPSG:4326."""

    model_config = ConfigDict(extra="allow")

    type: Literal["Feature"]
    geometry: dict[str, Any] | None
    properties: dict[str, Any] | None = None


class FeatureCollection(BaseModel):
    """A GeoJSON FeatureCollection; ``next`` is the address of the following page."""

    model_config = ConfigDict(extra="allow")

    type: Literal["FeatureCollection"]
    features: list[Feature]
    next: str | None = None


class Named(BaseModel):
    """A code and its name."""

    model_config = ConfigDict(extra="allow")

    code: str
    name: str | None


class AreaNamed(Named):
    """An administrative area."""

    level: str


class Located(BaseModel):
    """Where a position is."""

    grid: Named
    areas: list[AreaNamed]
    building: Named | None


class Codes(BaseModel):
    """The grid of each point, in order; null where there is none."""

    codes: list[str | None]


class Moved(BaseModel):
    """Households that a changed boundary has moved."""

    moved_in: int
    moved_out: int
    version: int


class Zoning(BaseModel):
    """What is wrong with a division into grids; areas in m²."""

    overlaps: FeatureCollection
    gaps: FeatureCollection
    strays: FeatureCollection
    oversize: FeatureCollection
    undersize: FeatureCollection


class GridSummary(BaseModel):
    """Counts of one grid; null where suppressed."""

    code: str
    name: str
    households: int | None
    residents: int | None
    elders_60: int | None
    children_12: int | None
    needs_open: int | None
    care_flags: dict[str, int | None]
    colours: dict[str, int | None]
    covered_share: dict[str, float | None]
    needs_by_month: list[dict[str, str | int | None]]


class Accepted(BaseModel):
    """An import has been queued."""

    id: UUID


class FaultOut(BaseModel):
    """One fault of an input."""

    where: str
    message: str


class ImportOut(BaseModel):
    """How an import stands; read = loaded + rejected once it is done."""

    id: UUID
    kind: str
    file_name: str
    sha256: str
    crs: str | None
    dry_run: bool
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    read: int
    loaded: int
    rejected: int
    progress: float = Field(ge=0, le=1)
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    errors: list[FaultOut] | None = None
    notices: list[str] | None = None


class Imports(BaseModel):
    """The newest imports."""

    items: list[ImportOut]


class Coverage(BaseModel):
    """Who can reach the services: households = covered + beyond + unreachable, in total and per grid."""

    parameters: dict[str, Any]
    totals: dict[str, int | None]
    grids: list[dict[str, Any]]
    unassigned: dict[str, int | None]
    unreachable: dict[str, int | None]


class Page(BaseModel):
    """A page of items; ``next`` is the address of the following one."""

    items: list[dict[str, Any]]
    next: str | None


class HouseholdPatch(Strict):
    """What a worker may change of a household; what is left out stays."""

    colour: str | None = Field(default=None, max_length=20, examples=["yellow"])
    unit: str | None = Field(default=None, max_length=50)
    room: str | None = Field(default=None, max_length=50)


class HouseholdSearch(Strict):
    """What to search households for."""

    q: str = Field(min_length=1, max_length=100, examples=["154 1234 5678"])
    grid: str | None = Field(default=None, max_length=100)
    order: Literal["code", "address"] = "code"
    limit: int = Field(default=100, ge=1, le=10_000)
    cursor: str | None = Field(default=None, max_length=200)


class Household(BaseModel):
    """一户一档: a household's file; phone and ID number are masked."""

    model_config = ConfigDict(extra="allow")

    code: str
    building: str | None
    grid: str | None
    colour: str | None
    unit: str | None
    room: str | None
    version: int
    residents: list[dict[str, Any]]
    needs: list[dict[str, Any]]


class ResidentPatch(Strict):
    """What may be corrected of a resident; what is left out stays."""

    name: str | None = Field(default=None, max_length=100)
    sex: str | None = Field(default=None, max_length=20)
    birth_date: date | None = None
    birth_year: int | None = None
    phone: str | None = Field(default=None, max_length=40, examples=["15412345678"])
    id_number: str | None = Field(default=None, max_length=40)
    care_flags: list[str] | None = Field(default=None, max_length=50)
    guardian_id: int | None = Field(default=None, ge=1, lt=2**63)
    guardian_name: str | None = Field(default=None, max_length=100)
    guardian_phone: str | None = Field(default=None, max_length=40)


class Reveal(Strict):
    """Which protected field of whom to show, and why."""

    resident: int = Field(ge=1, lt=2**63)
    field: Literal["name", "birth_date", "phone", "id_number", "guardian_phone"]
    reason: str = Field(min_length=2, max_length=200, examples=["电话回访"])
    purpose: Literal["guardian_request", "emergency", "care_visit", "legal_duty"] | None = None
    """Needed for a child under 14."""


class Revealed(BaseModel):
    """One field in clear."""

    resident: int
    field: str
    value: str | None


class AuditVerified(BaseModel):
    """What a check of the audit log has found; `fault` is null when all is in order."""

    entries: int
    first: int | None
    head: str | None
    bad: int | None
    fault: str | None


class NearestStation(BaseModel):
    """A station as seen from a position."""

    model_config = ConfigDict(extra="allow")

    code: str
    name: str
    kind: str
    services: list[dict[str, Any]]
    open: bool
    closes_at: datetime | None
    distance_m: int
    lon: float
    lat: float


class NearestStations(BaseModel):
    """Stations open at the moment first, then the nearest."""

    items: list[NearestStation]


class ScreenSummary(BaseModel):
    """What a wall shows; null where a number is too small to tell."""

    model_config = ConfigDict(extra="allow")

    place: str
    area: str | None
    level: str
    path: list[dict[str, str]]
    bounds: list[float] | None
    at: datetime
    threshold: int
    people_in: int
    totals: dict[str, int | None]
    care_flags: list[dict[str, Any]]
    coverage: list[dict[str, Any]]
    rankings: dict[str, list[dict[str, Any]]]
    needs_by_service: list[dict[str, Any]]
    trend: list[dict[str, Any]]
    days: list[dict[str, Any]]
    visits: dict[str, int | None]
    events: dict[str, Any]
    hot_spots: list[dict[str, Any]]
    newest_events: list[dict[str, Any]]
    children: list[dict[str, Any]]
    stations_open: int


FEATURE_EXAMPLES: dict[str, dict[str, Any]] = {
    "grid": {"type": "Feature", "geometry": _POLYGON, "properties": {"name": "第一网格"}},
    "building": {
        "type": "Feature",
        "geometry": _POLYGON,
        "properties": {"code": "B-001", "name": "1栋", "floors": 7, "units": 3},
    },
    "station": {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [102.705, 25.035]},
        "properties": {
            "code": "S-001",
            "name": "幸福食堂",
            "kind": "幸福食堂",
            "services": [{"kind": "meal", "hours": "Mo-Fr 11:00-13:00", "capacity": 60}],
        },
    },
}
