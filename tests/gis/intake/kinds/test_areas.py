"""Areas and the tree they make."""

from __future__ import annotations

from gis.grids.codes import CodeProfile
from gis.intake.kinds.areas import ensure_areas
from tests.gis.intake.conftest import Importer
from tests.gis.intake.files import COMMUNITY, geojson, point, square

TREE = "SELECT a.code, a.level, p.code FROM areas a LEFT JOIN areas p ON p.id = a.parent_id ORDER BY a.code"


def test_areas_are_linked_and_those_above_are_made(importer: Importer) -> None:
    report = importer.ok(
        "areas",
        "a.geojson",
        geojson(({"code": COMMUNITY, "name": "幸福社区", "level": "社区"}, square(102, 25, 0.02))),
    )
    assert importer.rows(TREE) == [
        ("530100000000", "city", None),
        ("530102000000", "county", "530100000000"),
        ("530102001000", "township", "530102000000"),
        (COMMUNITY, "community", "530102001000"),
    ]
    assert any("新建上级区划 3 个" in notice for notice in report.notices)
    assert importer.one("SELECT GeometryType(geometry) FROM areas WHERE code = :code", code=COMMUNITY) == "MULTIPOLYGON"


def test_an_area_made_from_its_code_gets_its_name_later(importer: Importer) -> None:
    importer.ok("areas", "a.geojson", geojson(({"code": COMMUNITY}, square(102, 25, 0.02))))
    assert importer.one("SELECT name FROM areas WHERE code = :code", code=COMMUNITY) == COMMUNITY
    importer.ok(
        "areas",
        "b.geojson",
        geojson(({"code": "530102001000", "name": "青云街道", "level": "街道"}, square(102, 25, 0.1))),
    )
    assert importer.one("SELECT name, version FROM areas WHERE code = '530102001000'")[0] == "青云街道"
    importer.ok("areas", "c.geojson", geojson(({"code": "530102001000"}, square(102, 25, 0.1))))
    assert importer.one("SELECT name FROM areas WHERE code = '530102001000'") == "青云街道"


def test_bad_areas(importer: Importer) -> None:
    good = square(102, 25, 0.02)
    report = importer.run(
        "areas",
        "a.geojson",
        geojson(
            ({"code": "5301", "level": None}, good),
            ({"code": "530000000000"}, good),
            ({"code": COMMUNITY, "level": "township"}, good),
            ({"code": COMMUNITY, "level": "省"}, good),
            ({"code": COMMUNITY}, None),
            ({"code": COMMUNITY}, point(102, 25)),
            ({"code": None}, good),
        ),
    )
    assert report.loaded == 0
    found = [
        (fault.where.removeprefix("a.geojson:"), fault.message.split("，")[0].split(" /")[0]) for fault in report.faults
    ]
    assert [where for where, _ in found] == [
        "1:code",
        "2:code",
        "3:level",
        "4:level",
        "5:geometry",
        "6:geometry",
        "7:code",
    ]
    words = ["12 位", "市级", "级别与编码不符", "未知的值", "缺少值", "需要面", "缺少值"]
    assert [word in fault.message for word, fault in zip(words, report.faults, strict=True)] == [True] * 7


def test_ensuring_twice_makes_nothing_new(importer: Importer) -> None:
    with importer.store.owner_engine.begin() as connection:
        first = ensure_areas(connection, [COMMUNITY, COMMUNITY], CodeProfile())
        again = ensure_areas(connection, [COMMUNITY], CodeProfile())
    assert first == ["530100000000", "530102000000", "530102001000", COMMUNITY]
    assert again == []
    assert importer.rows("SELECT DISTINCT version FROM areas WHERE parent_id IS NULL") == [(1,)]
