"""Each page is in the language that its reader has chosen or prefers."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from fastapi.testclient import TestClient

from api.language import preferred
from maps.language import script


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh-CN"),
        ("en", "en"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("fr,de;q=0.8", "zh-CN"),
        ("fr,en;q=0.1", "en"),
        ("en;q=0.3,zh;q=0.7", "zh-CN"),
        ("en;q=0", "zh-CN"),
        ("en;q=x, ;, *", "zh-CN"),
        ("EN-us", "en"),
        ("english", "zh-CN"),
    ],
)
def test_what_a_browser_prefers(accept: str, language: str) -> None:
    assert preferred(accept) == language


def lang(page: str) -> str:
    found = re.search(r'<html lang="([^"]+)"', page)
    assert found
    return found[1]


def test_the_choice_goes_before_the_cookie_and_the_cookie_before_the_browser(client: TestClient) -> None:
    client.cookies.clear()
    english = {"Accept-Language": "en"}
    first = client.get("/login")
    assert lang(first.text) == "zh-CN" and "登录" in first.text and "Sign in" not in first.text
    assert "set-cookie" not in first.headers, "who has not chosen gets no cookie"
    assert lang(client.get("/login", headers=english).text) == "en"
    chosen = client.get("/login", params={"lang": "en"})
    assert lang(chosen.text) == "en" and "Sign in" in chosen.text
    cookie = chosen.headers["set-cookie"]
    assert cookie.startswith("linli_lang=en;") and "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert lang(client.get("/login").text) == "en"
    assert lang(client.get("/login", params={"lang": "zh-CN"}, headers=english).text) == "zh-CN"
    assert lang(client.get("/login", headers=english).text) == "zh-CN"
    client.cookies.clear()


@pytest.mark.parametrize("odd", ["fr", "", "../en", "zh", "<script>"])
def test_another_language_is_passed_over(client: TestClient, odd: str) -> None:
    client.cookies.clear()
    answer = client.get("/login", params={"lang": odd})
    assert lang(answer.text) == "zh-CN" and "set-cookie" not in answer.headers
    client.cookies.set("linli_lang", "klingon")
    assert lang(client.get("/login").text) == "zh-CN"
    client.cookies.clear()


def test_the_way_to_the_other_language_keeps_the_rest_of_the_address(client: TestClient) -> None:
    page = client.get("/login", params={"next": '/worker"><b>', "lang": "en"}).text
    client.cookies.clear()
    assert 'href="/login?next=%2Fworker%22%3E%3Cb%3E&amp;lang=zh-CN" lang="zh-CN"' in page
    assert "<b>" not in page


def test_the_scripts_texts_are_served_as_the_page_pins_them(client: TestClient) -> None:
    page = client.get("/login", params={"lang": "en"}).text
    client.cookies.clear()
    asset = script("en")
    assert asset is not None and f'<script src="{asset.url}" integrity="{asset.integrity}"' in page
    answer = client.get(asset.url)
    digest = base64.b64encode(hashlib.sha384(answer.content).digest()).decode()
    assert answer.status_code == 200 and asset.integrity == f"sha384-{digest}"
    assert "immutable" in answer.headers["cache-control"] and answer.headers["content-type"].startswith(
        "text/javascript"
    )
    path = asset.url.partition("?")[0]
    assert client.get(f"{path}?v=old").headers["cache-control"] == "public, no-cache"
    for other in ("/assets/words/zh-CN.js", "/assets/words/fr.js", "/assets/words/", "/assets/words/../en"):
        assert client.get(other).status_code == 404
    assert client.post(path).status_code in (401, 405)


def test_who_is_refused_is_told_in_the_own_language(client: TestClient) -> None:
    found = client.get("/login/oidc", headers={"Accept-Language": "en"})
    assert found.status_code == 404 and lang(found.text) == "en"
    assert "OpenID Connect is not configured" in found.text and not re.search(
        "[\u4e00-\u9fff]", found.text.replace("中文", "")
    )
