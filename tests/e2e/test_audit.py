"""The auditor's page in a real browser: what others did is found, paged, exported and verified."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.browser


def test_a_look_at_a_file_is_found_exported_and_verified(visit: Visitor, tmp_path: Path) -> None:
    window = visit("auditor")
    with window.program.client("worker") as worker:
        code = worker.get("/api/households?limit=1").json()["items"][0]["code"]
        resident = worker.get(f"/api/households/{code}").json()["residents"][0]
        asked = {"resident": resident["id"], "field": "name", "reason": "<b>回访</b>", "purpose": "care_visit"}
        assert worker.post(f"/api/households/{code}/reveal", json=asked).status_code == 200
    page = window.open("/audit")
    page.get_by_label("动作").select_option("resident.reveal")
    page.get_by_label("账号").fill("worker")
    page.get_by_role("button", name="查找").click()
    row = page.get_by_role("row").filter(has_text=f"resident:{resident['id']}")
    expect(row.first).to_be_visible()
    expect(row.first).to_contain_text("<b>回访</b>")
    expect(row.first).to_contain_text("网格员")
    with page.expect_download() as download:
        page.get_by_role("button", name="导出").click()
    download.value.save_as(tmp_path / "audit.csv")
    assert f"resident:{resident['id']}" in (tmp_path / "audit.csv").read_text(encoding="utf-8-sig")
    page.get_by_role("button", name="核验").click()
    expect(page.get_by_text(re.compile("条记录完好"))).to_be_visible()
    page.get_by_text("字段用途登记").click()
    expect(page.get_by_role("rowheader", name=re.compile("id_number_sealed"))).to_be_visible()


def test_earlier_entries_come_on_request(visit: Visitor) -> None:
    window = visit("auditor")
    with window.program.client("auditor") as auditor:
        for _ in range(105):
            auditor.get("/api/audit?limit=1&action=session.open")
    page = window.open("/audit")
    page.get_by_label("动作").select_option("audit.")
    page.get_by_role("button", name="查找").click()
    entries = page.locator("[data-entries] tr")
    expect(entries).to_have_count(100)
    page.get_by_role("button", name="更早的记录").click()
    expect(page.get_by_role("button", name="更早的记录")).to_be_hidden()
    assert entries.count() > 105
    page.get_by_label("对象").fill("nothing:here")
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_text("没有符合的记录")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_keeps_within_its_width(visit: Visitor, width: int) -> None:
    page = visit("auditor", width, 800).open("/audit")
    expect(page.get_by_role("heading", name="审计记录")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
