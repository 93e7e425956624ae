"""Files of a synthetic city to import, made from a seed: grids, households, residents, buildings, streets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from fixtures.city import SyntheticCity, synthetic_city

_SURNAMES, _NAMES = "王李张刘陈杨赵黄周吴", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂"
_FLAGS = ("",) * 9 + ("独居", "空巢;低收入")
_SHARES = {"phone": 0.65, "id_number": 0.97}


@dataclass(frozen=True)
class Size:
    """How much of everything there is."""

    households: int
    grids: int
    residents: int
    buildings: int
    streets: int


FULL = Size(1_000_000, 4_000, 2_700_000, 30_000, 30_000)
QUICK = Size(50_000, 250, 135_000, 3_000, 3_000)


def write_files(folder: Path, size: Size, seed: int = 1) -> SyntheticCity:
    """Write ``KIND.csv`` or ``KIND.gpkg`` of each kind into a folder, and return the city."""
    city = synthetic_city(size.households, size.grids, seed=seed)
    rng = np.random.default_rng([seed, 17])
    city.households().to_csv(folder / "households.csv", index=False)
    city.grids.to_file(folder / "grids.gpkg", driver="GPKG")
    box = city.grids.total_bounds
    _buildings(size.buildings, box, rng).to_file(folder / "buildings.gpkg", driver="GPKG")
    _streets(size.streets, box, rng).to_file(folder / "streets.gpkg", driver="GPKG")
    residents(size.residents, city.codes, rng).to_csv(folder / "residents.csv", index=False)
    return city


def residents(count: int, households: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return people of these households, at least one in each, most with a telephone and an ID number."""
    more = households[rng.integers(len(households), size=count - len(households))]
    days = np.datetime64("1935-01-01") + rng.integers(0, 88 * 365, count).astype("timedelta64[D]")
    numbers = [f"530102{day}{i % 10_000:04d}" for i, day in enumerate(np.strings.replace(days.astype(str), "-", ""))]
    given = rng.integers(len(_NAMES), size=(count, 2))
    return pd.DataFrame(
        {
            "household": np.sort(np.concatenate([households, more])),
            "name": np.array(list(_SURNAMES))[rng.integers(len(_SURNAMES), size=count)]
            + np.array(list(_NAMES))[given[:, 0]]
            + np.array(list(_NAMES))[given[:, 1]],
            "sex": np.array(["男", "女"])[rng.integers(2, size=count)],
            "birth_date": days.astype(str),
            "phone": _some([f"138{n:08d}" for n in rng.integers(0, 10**8, count)], _SHARES["phone"], rng),
            "id_number": _some(numbers, _SHARES["id_number"], rng),
            "care_flags": np.array(_FLAGS)[rng.integers(len(_FLAGS), size=count)],
        }
    )


SIGNS = ("", "甲", "乙")
"""What the codes of households end in that are there three times."""


def thrice(people: Path) -> Path:
    """Write a file of residents three times as long, of other people in three times as many households, beside it."""
    longer = people.with_name(f"{people.stem}.thrice{people.suffix}")
    with people.open(encoding="utf-8") as lines, longer.open("w", encoding="utf-8") as out:
        out.write(next(lines))
        for line in lines:
            household, name, sex, day, phone, number, flags = line.split(",")
            for again, sign in enumerate(SIGNS):
                other = f"{number[:5]}{2 + again}{number[6:]}" if number else ""
                out.write(",".join((household + sign, name + sign, sex, day, phone, other, flags)))
    return longer


def _some(values: list[str], share: float, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(values)) < share, np.array(values), "")


def _buildings(count: int, box: np.ndarray, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return bent slabs of 12 corners, some 60 m long."""
    places = box[:2] + rng.random((count, 1, 2)) * (box[2:] - box[:2])
    along = np.linspace(-0.0003, 0.0003, 6)
    bend = rng.uniform(-0.00005, 0.00005, (count, 1)) * np.cos(along / 0.0003)
    lower = np.stack([np.broadcast_to(along, bend.shape), bend], axis=2)
    upper = lower[:, ::-1] + [0.0, 0.00012]
    shapes = shapely.polygons(places + np.concatenate([lower, upper], axis=1))
    columns = {
        "code": [f"B{i:06d}" for i in range(count)],
        "floors": rng.integers(1, 34, count),
        "units": rng.integers(1, 9, count),
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def _streets(count: int, box: np.ndarray, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return lines of 8 vertices, some 200 m long."""
    starts = box[:2] + rng.random((count, 1, 2)) * (box[2:] - box[:2])
    steps = np.cumsum(rng.normal(0.0002, 0.0001, (count, 8, 2)), axis=1)
    kinds = np.array(["residential", "footway", "service", "tertiary"])[rng.integers(4, size=count)]
    columns = {"code": [f"S{i:06d}" for i in range(count)], "kind": kinds, "name": [f"{i} 路" for i in range(count)]}
    return gpd.GeoDataFrame(columns, geometry=shapely.linestrings(starts + steps), crs="EPSG:4326")
