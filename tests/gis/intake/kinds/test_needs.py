"""Needs."""

from __future__ import annotations

from datetime import date

import pytest

from tests.gis.intake.conftest import Importer

HEAD = "household,service,opened_on,closed_on,note\n"
SHOWN = """SELECT h.code, n.service, n.opened_on, n.closed_on, n.note, n.version FROM needs n
JOIN households h ON h.id = n.household_id ORDER BY h.code, n.service, n.opened_on, n.note"""


@pytest.fixture
def homes(importer: Importer) -> Importer:
    importer.ok("households", "h.csv", "code\nH1\nH2\n")
    return importer


def test_needs_in_either_language(homes: Importer) -> None:
    homes.ok(
        "needs",
        "n.csv",
        "户编码,服务事项,提出日期,办结日期,备注\nH1,助餐,2025/1/2,,想吃热饭\nH2,health,20250103,2025-02-01,\n",
    )
    assert homes.rows(SHOWN) == [
        ("H1", "meal", date(2025, 1, 2), None, "想吃热饭", 1),
        ("H2", "health", date(2025, 1, 3), date(2025, 2, 1), None, 1),
    ]


def test_the_same_need_comes_again_as_itself(homes: Importer) -> None:
    content = HEAD + "H1,meal,2025-01-02,,a\nH1,meal,2025-01-02,,b\nH1,meal,2025-01-03,,\n"
    homes.ok("needs", "n.csv", content)
    before = homes.rows("SELECT id, version FROM needs ORDER BY id")
    assert len(before) == 3
    assert {(key.version, key.variant) for key, _ in before} == {(8, "specified in RFC 4122")}
    homes.ok("needs", "n.csv", content)
    assert homes.rows("SELECT id, version FROM needs ORDER BY id") == before


def test_a_closed_need_stays_closed(homes: Importer) -> None:
    homes.ok("needs", "n.csv", HEAD + "H1,meal,2025-01-02,,a\n")
    homes.ok("needs", "n.csv", HEAD + "H1,meal,2025-01-02,2025-02-02,a\n")
    homes.ok("needs", "n.csv", HEAD + "H1,meal,2025-01-02,,a\n")
    assert homes.rows(SHOWN) == [("H1", "meal", date(2025, 1, 2), date(2025, 2, 2), "a", 2)]


def test_bad_needs(homes: Importer) -> None:
    rows = [
        ("H9,meal,2025-01-02,,", "household", "没有这一户"),
        ("H1,吃饭,2025-01-02,,", "service", "未知的值"),
        ("H1,,2025-01-02,,", "service", "缺少值"),
        ("H1,meal,,,", "opened_on", "缺少值"),
        ("H1,meal,昨天,,", "opened_on", "日期无法识别"),
        ("H1,meal,2025-01-02,2025-01-01,", "closed_on", "早于提出日期"),
        ("H1,meal,2025-01-02,x,", "closed_on", "日期无法识别"),
    ]
    report = homes.run("needs", "n.csv", HEAD + "\n".join(row for row, _, _ in rows) + "\n")
    assert report.loaded == 0
    for fault, (i, (_, column, words)) in zip(report.faults, enumerate(rows, 2), strict=True):
        assert fault.where == f"n.csv:{i}:{column}"
        assert words in fault.message
