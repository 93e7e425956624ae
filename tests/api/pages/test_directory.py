from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages.directory import PAGES, after_sign_in, home_of, pages_of
from gis.models.vocabulary import ROLES


@pytest.mark.parametrize(
    ("role", "home", "all_pages"),
    [
        (
            "admin",
            "/",
            {
                "/",
                "/maps/needs",
                "/maps/coverage",
                "/worker",
                "/events",
                "/lists",
                "/screen",
                "/accounts",
                "/events/desks",
            },
        ),
        ("planner", "/", {"/", "/maps/needs", "/maps/coverage", "/events", "/lists", "/screen"}),
        ("worker", "/worker", {"/worker", "/events", "/lists"}),
        ("screen", "/screen", {"/screen"}),
    ],
)
def test_each_role_has_its_home_and_its_pages(role: str, home: str, all_pages: set[str]) -> None:
    found = home_of(role)
    assert found is not None and found.path == home
    assert {page.path for page in pages_of(role)} == all_pages


def test_an_auditor_has_one_page() -> None:
    home = home_of("auditor")
    assert home is not None
    assert home.path == "/audit"
    assert after_sign_in("auditor", "/screen") == "/audit"


@pytest.mark.parametrize(
    ("role", "wanted", "goes_to"),
    [
        ("planner", "/maps/needs", "/maps/needs"),
        ("planner", "/maps/needs?service=meal", "/maps/needs?service=meal"),
        ("planner", "/maps/compare?measure-left=needs_opened", "/maps/compare?measure-left=needs_opened"),
        ("worker", "/maps/compare", "/worker"),
        ("planner", "/worker", "/"),
        ("planner", "/accounts", "/"),
        ("planner", "/account", "/account"),
        ("worker", "/", "/worker"),
        ("worker", "", "/worker"),
        ("planner", "/api/households", "/"),
        ("planner", "//evil.example/maps/needs", "/"),
        ("planner", "https://evil.example/", "/"),
        ("planner", "/\\evil.example", "/"),
        ("planner", "/\t/evil.example", "/"),
        ("planner", "maps/needs", "/"),
        ("planner", "javascript:alert(1)", "/"),
    ],
)
def test_next_is_followed_to_own_pages_only(role: str, wanted: str, goes_to: str) -> None:
    assert after_sign_in(role, wanted) == goes_to


@given(
    st.sampled_from(sorted(ROLES)),
    st.text() | st.text(alphabet="/\\.:?#a\t\n%25").map(lambda tail: "/" + tail),
)
def test_no_text_leads_off_the_site(role: str, wanted: str) -> None:
    goes_to = after_sign_in(role, wanted)
    assert goes_to.startswith("/") and not goes_to.startswith(("//", "/\\"))
    assert goes_to.split("?")[0].split("#")[0] in {page.path for page in PAGES}
