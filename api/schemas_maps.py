"""What the planner's maps are answered: places found, two measures side by side."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Place(BaseModel):
    """A place that was found."""

    kind: str
    code: str
    name: str
    address: str
    bounds: list[float] | None


class Found(BaseModel):
    """Places, best first."""

    items: list[Place]


class Side(BaseModel):
    """A measure of every grid with its classes."""

    model_config = ConfigDict(extra="allow")

    key: str
    label: str
    unit: str
    values: dict[str, float | None]
    suppressed: list[str]
    breaks: list[float]
    colours: list[str]
    counts: list[int]
    no_data: int


class Difference(BaseModel):
    """Right minus left, grid by grid; how many rose, fell, stayed, and of how many it is not known."""

    unit: str
    values: dict[str, float | None]
    rose: int
    fell: int
    same: int
    unknown: int


class Comparison(BaseModel):
    """Two measures, or one at two times, side by side."""

    left: Side
    right: Side
    common: bool = Field(description="两边分级相同 / both have the same classes")
    difference: Difference | None
