"""What if, and where next: coverage with edited stations, and the best sites for new ones. Nothing is stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Body
from pydantic import Field, field_validator

from api.answers import Json
from api.desk import AtDesk, Desk
from api.parameters import AREA_PATTERN, check_services, moment_of
from api.schemas import Strict
from api.security import allow
from gis.errors import Fault, Invalid
from gis.services import scenario, siting
from gis.services.coverage import CoverageQuery

router = APIRouter(tags=["服务圈 / circles"])
MOST_POINTS = siting.MOST_CANDIDATES


class Asked(Strict):
    """The parameters of coverage, as a body."""

    service: list[str] = Field(default=[], max_length=20, examples=[["meal"]])
    minutes: float = Field(default=15, ge=1, le=60, allow_inf_nan=False)
    method: Literal["buffer", "walk"] | None = None
    profile: Literal["own", "adult", "elder", "wheelchair"] = "own"
    at: str | None = Field(default=None, max_length=64, examples=["any"])
    area: str | None = Field(default=None, pattern=AREA_PATTERN)

    @field_validator("service", mode="before")
    @classmethod
    def one_or_many(cls, given: Any) -> Any:
        """Take one word for a list of one."""
        return [given] if isinstance(given, str) else given

    def query(self, desk: Desk) -> CoverageQuery:
        """Return what is asked of coverage."""
        check_services(self.service)
        moment = moment_of(self.at, desk.now())
        return CoverageQuery(
            tuple(dict.fromkeys(self.service)),
            self.minutes,
            self.method,
            self.profile,
            moment,
            self.area,
            exact=desk.account.sees_exact,
        )


class ScenarioBody(Strict):
    """What coverage is asked for, and the edits."""

    parameters: Asked = Asked()
    edits: list[Any] = Field(
        examples=[[{"op": "add", "station": {"lon": 102.71, "lat": 25.04, "services": "meal@Mo-Fr 11:00-13:00"}}]]
    )


class Candidates(Strict):
    """Where new stations may stand: given points, or buildings of a kind; all buildings where neither is given."""

    points: list[tuple[float, float]] | None = Field(default=None, max_length=MOST_POINTS)
    building_kind: str | None = Field(default=None, max_length=50)


class SitingBody(Asked):
    """What is asked for, and how many new stations where."""

    at: str | None = Field(default="any", max_length=64)
    new_stations: int = Field(default=1, ge=1, le=50)
    candidates: Candidates = Candidates()
    weights: dict[
        Literal["households", "residents", "elders_60", "children_12"], Annotated[float, Field(ge=0, le=1e6)]
    ] = Field(default={"households": 1.0}, min_length=1)
    time_limit_s: float = Field(default=10, gt=0, le=60)


@router.post(
    "/api/coverage/scenario",
    summary="假如 / coverage before and after edits",
    dependencies=[allow("planner")],
    responses={
        200: {"content": {"application/json": {"example": {"before": {"covered": 1800}, "after": {"covered": 2100}}}}}
    },
)
def try_scenario(desk: AtDesk, body: Annotated[ScenarioBody, Body()]) -> Json:
    """Return totals before and after stations are added, moved, closed or open at other hours, and the grids that change.

    Edits: `add` needs lon, lat, services; `move` code, lon, lat; `close` code; `hours` code, services. 422 names each that cannot be made.
    """
    query = body.parameters.query(desk)
    return Json(
        desk.compute(lambda session: scenario.scenario(session, desk.snapshots, query, body.edits, desk.today()))
    )


@router.post(
    "/api/siting",
    summary="下一个建在哪里 / the best sites for new stations",
    dependencies=[allow("planner")],
    responses={
        200: {"content": {"application/json": {"example": {"chosen": {"covered": 310}, "gap": 0, "optimal": True}}}}
    },
)
def choose_sites(desk: AtDesk, body: Annotated[SitingBody, Body()]) -> Json:
    """Return the sites that newly cover the most (maximal covering location problem, exact), with bound and gap; the greedy answer beside.

    One service; existing stations stay; opening hours are ignored unless `at` says otherwise.
    """
    wanted = siting.Wanted(
        body.new_stations,
        {str(name): value for name, value in body.weights.items()},
        _points(body.candidates.points),
        body.candidates.building_kind,
        body.time_limit_s,
    )
    query = body.query(desk)
    return Json(desk.compute(lambda session: siting.choose(session, desk.snapshots, query, wanted, desk.today())))


def _points(given: list[tuple[float, float]] | None) -> np.ndarray | None:
    if given is None:
        return None
    points = np.array(given, dtype=float).reshape(-1, 2)
    wrong = np.flatnonzero(~((np.abs(points[:, 0]) <= 180) & (np.abs(points[:, 1]) <= 90)))
    if len(wrong):
        message = "应为 [经度, 纬度] / expected [lon, lat]"
        raise Invalid(message, [Fault(f"body.candidates.points[{i}]", message) for i in wrong[:20]])
    return points
