"""Attacks on small counts through what maps give beside their figures: files and paper, two spans side by side, classes, rankings, tags, the search box."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from gis.store.session import Store
from maps.classify import SCHEMES, classify
from tests.api.conftest import SignIn
from tests.api.differencing.town import MONTHS, Town, add_person

COUNTED = re.compile(r"residents|elders_60(_covered)?|children_12(_covered)?|needs_(open|opened|closed)|flag_\w+|count")
SPANS = [(first, last) for first in MONTHS for last in MONTHS if first <= last]
FILES = (
    "grids.{form}?from=2026-03&to=2026-05",
    "needs.{form}?size_m=200&colour=green",
    "needs.{form}?by=grids&service=meal",
    "coverage.{form}?at=any&minutes=3&service=meal",
    "coverage.{form}?at=any&minutes=3&service=meal&layer=uncovered",
)


def exported(client: TestClient, as_: SignIn, path: str, form: str) -> bytes:
    answered = client.get(f"/api/export/{path.format(form=form)}", headers=as_("planner"))
    assert answered.status_code == 200, answered.text
    return answered.content


def figures(document: Any) -> Iterator[tuple[str, Any]]:
    for one in document["features"]:
        yield from ((key, value) for key, value in one["properties"].items() if COUNTED.fullmatch(key))


@pytest.mark.parametrize("path", FILES)
def test_files_hold_fives_and_nothing_hidden(client: TestClient, as_: SignIn, town: Town, path: str) -> None:
    answered = client.get(f"/api/export/{path.format(form='geojson')}", headers=as_("planner"))
    told = list(figures(answered.json()))
    assert told or "uncovered" in path
    assert {value for _, value in told if value is not None and value % 5} == set()
    book = zipfile.ZipFile(io.BytesIO(exported(client, as_, path, "xlsx")))
    parts = {name: book.read(name).decode() for name in book.namelist()}
    assert {name.split("/")[1] for name in parts if name.startswith("xl/")} <= {
        "workbook.xml", "styles.xml", "sharedStrings.xml", "worksheets", "theme", "_rels",
    }, "no comments, no outside links, no cached tables"  # fmt: skip
    assert not re.search(r'state="(very)?hidden"|<definedName[ >]', parts["xl/workbook.xml"], re.I)
    sheets = "".join(said for name, said in parts.items() if name.startswith("xl/worksheets/"))
    assert not re.search(r'hidden="(1|true)"|<f>|<f ', sheets)
    about = parts["docProps/core.xml"] + parts.get("docProps/app.xml", "")
    assert "planner" not in about and not re.search(r"lastModifiedBy>[^<]", about)


def test_paper_says_what_the_map_says_and_not_who_printed_it(
    client: TestClient,
    as_: SignIn,
    town: Town,
) -> None:
    for measure in ("elders_60", "children_12", "flag:living_alone", "needs_opened"):
        shown = client.get(f"/api/grids/measures?measure={measure}", headers=as_("planner")).json()
        paper = client.get(f"/api/print/grids.pdf?measure={measure}", headers=as_("planner"))
        document = pypdfium2.PdfDocument(paper.content)
        about = document.get_metadata_dict()
        assert not any("planner" in value for value in about.values())
        assert not about.get("Author")
        said = document[0].get_textpage().get_text_bounded()
        truth = set(town.in_grid(measure)) if measure in ("elders_60", "children_12") else set()
        published = {int(value) for value in shown["values"].values() if value is not None}
        breaks = {round(each) for each in shown["breaks"]}
        numbers = {int(each) for each in re.findall(r"(?<![\d.,:–-])\d{1,3}(?![\d.,:%])", said)}
        assert not {n for n in truth - published - breaks if n % 5 and n in numbers and n > 12}


def test_spans_within_spans_differ_by_fives(client: TestClient, as_: SignIn, town: Town) -> None:
    """Two months, and the same with one more: what the comparison subtracts by itself, and what its two sides leave to subtract."""
    seen = 0
    for (first, last), (since, until) in itertools.product(SPANS, SPANS[:4]):
        asked = {
            "left": "needs_opened",
            "left_from": first,
            "left_to": last,
            "right": "needs_opened",
            "right_from": since,
            "right_to": until,
        }
        found = client.get("/api/comparison", params={**asked, "common": True}, headers=as_("planner")).json()
        for values in (found["left"]["values"], found["right"]["values"], found["difference"]["values"]):
            told = [value for value in values.values() if value is not None]
            assert all(value % 5 == 0 for value in told)
            seen += len(told)
        for code, value in found["difference"]["values"].items():
            sides = found["left"]["values"][code], found["right"]["values"][code]
            assert value == (None if None in sides else sides[1] - sides[0])
    assert seen > 300


def test_classes_and_rankings_follow_what_is_published(client: TestClient, as_: SignIn, town: Town) -> None:
    """Breaks of a legend, and the order among equals, are made of the figures that are shown: they tell no true one."""
    for measure in ("elders_60", "children_12", "residents", "needs_open"):
        for scheme in SCHEMES:
            path = f"/api/grids/measures?measure={measure}&scheme={scheme}&k=4"
            shown = client.get(path, headers=as_("planner")).json()
            assert classify(shown["values"], scheme, 4).as_dict()["breaks"] == shown["breaks"]
    for role in ("planner", "screen"):
        wall = client.get("/api/screen/summary", headers=as_(role)).json()
        for name, rows in wall["rankings"].items():
            values = client.get(f"/api/grids/measures?measure={name}", headers=as_("planner")).json()["values"]
            told = [(row["value"], row["code"]) for row in rows]
            assert all(count == values[code] for count, code in told)
            assert told == sorted(told, key=lambda each: (-(each[0] or 0), each[1])), name


def test_who_comes_unseen_changes_no_answer(
    client: TestClient,
    as_: SignIn,
    town: Town,
    peopled: Store,
) -> None:
    """An adult moves in where no five is passed: neither an answer nor its tag says so, and the search box never speaks of people."""
    paths = (
        "/api/screen/summary", *(f"/api/screen/summary?area={code}" for code in town.grids), "/api/grids", "/api/coverage?at=any&minutes=3",
        "/api/grids/measures?measure=residents", "/api/export/grids.csv", "/api/search?q=B1", "/api/search?q=某某某", "/tiles/buildings/14/12861/7008",
    )  # fmt: skip

    def look() -> dict[str, tuple[bytes, str | None]]:
        answers = {path: client.get(path, headers=as_("planner")) for path in paths}
        return {
            path: (
                re.sub(rb'"at":"[^"]*"', b"", each.content),
                each.headers.get("etag") if b'"at":"' not in each.content else None,
            )
            for path, each in answers.items()
        }

    unseen = 0
    for building in (0, 7, 14, 21, 28):
        before = look()
        with peopled.owner_session() as session:
            add_person(session, town, building, "adults")
            session.execute(
                text("UPDATE residents SET name = '某某某' WHERE key = :key"),
                {"key": f"{building} adults {town.people[building]['adults']}"},
            )
        after = look()
        assert before["/api/search?q=B1"] == after["/api/search?q=B1"]
        assert before["/api/search?q=某某某"] == after["/api/search?q=某某某"]
        if before["/api/grids/measures?measure=residents"] == after["/api/grids/measures?measure=residents"]:
            unseen += 1
            assert {path for path in paths if before[path] != after[path]} == set()
    assert unseen >= 2
