import numpy as np
import pytest
import shapely

from gis.accessibility.ways import Ways
from tests.gis.accessibility.drawn import draw

LINE = [(0, 0), (1, 0)]


@pytest.mark.parametrize(
    ("kind", "foot", "walked"),
    [
        ("residential", None, True),
        ("residential", "no", False),
        ("primary", "use_sidepath", False),
        ("motorway", None, False),
        ("motorway", "yes", True),
        ("motorway_link", "no", False),
        ("trunk", None, False),
        ("Trunk ", " Sidewalk", True),
        ("trunk_link", "designated", True),
        ("trunk", "destination", False),
        ("steps", None, True),
        ("footway", None, True),
        ("cycleway", None, True),
        ("construction", "yes", False),
        ("platform", None, False),
        ("巷道", None, True),
        (None, None, True),
    ],
)
def test_where_people_walk(kind, foot, walked):
    assert draw(LINE, kind=[kind], foot=[foot]).walkable().tolist() == [walked]


def test_levels():
    ways = draw(*[LINE] * 5, bridge=[1, 1, 0, 0, 0], tunnel=[0, 0, 1, 0, 0], layer=[0, 2, 0, -2, 0])
    assert ways.level.tolist() == [1, 2, -1, -2, 0]


def test_missing_and_empty_lines_stay_as_ways_without_vertices():
    lines = np.array([None, shapely.LineString(), shapely.LineString(LINE)], dtype=object)
    ways = Ways.from_lines(lines, kind=["a", "b", "c"])
    assert ways.start.tolist() == [0, 0, 0, 2]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="differ in length: layer"):
        draw(LINE, LINE, layer=[0])
    with pytest.raises(ValueError, match="must be a LineString: 0"):
        Ways.from_lines(np.array([shapely.Point(0, 0)], dtype=object), kind=["x"])
    with pytest.raises(ValueError, match="not a number"):
        Ways(np.array([0, np.nan]), np.zeros(2), np.array([0, 2]), *[np.array([x]) for x in ("a", "", 0, 0, 0)])
