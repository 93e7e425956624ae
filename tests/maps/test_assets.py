"""The npm files: pinned without naming a host, fetched whole or not at all, quick the second time, a clear word when it fails."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from maps import assets

LOCK = json.loads((assets.FOLDER / "package-lock.json").read_text())


def test_the_lock_pins_every_package_by_its_content_and_names_no_host() -> None:
    packages = {name: package for name, package in LOCK["packages"].items() if name}
    assert len(packages) > 2
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "resolved" not in json.dumps(LOCK) and "http" not in json.dumps(LOCK)
    wanted = json.loads((assets.FOLDER / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert {name: LOCK["packages"][f"node_modules/{name}"]["version"] for name in wanted} == wanted


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stand in for npm and node: they make the files and remember how they were called."""
    calls: list[list[str]] = []

    def fake(arguments: list[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        calls.append(arguments)
        for source in assets.WANTED.values():
            path = Path(settings["cwd"]) / "node_modules" / source
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"content of {source}")
        return subprocess.CompletedProcess(arguments, 0, "", "")

    def bundler(arguments: list[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        made = Path(next(each for each in arguments if each.startswith("--outfile=")).partition("=")[2])
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(f"bundle of {arguments[1]}")
        return subprocess.CompletedProcess(arguments, 0, "", "")

    monkeypatch.setattr(assets, "npm", fake)
    monkeypatch.setattr(assets, "node", bundler)
    return calls


def test_building_copies_what_is_wanted_and_no_more(npm: list[list[str]], tmp_path: Path) -> None:
    assert assets.build(tmp_path / "dist")
    assert npm[0][:2] == ["ci", "--ignore-scripts"]
    made = {str(path.relative_to(tmp_path / "dist")) for path in (tmp_path / "dist").rglob("*") if path.is_file()}
    assert made == {*assets.WANTED, *assets.BUNDLED, "manifest.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["dist"], "nothing is left beside it"


def test_building_again_fetches_nothing(npm: list[list[str]], tmp_path: Path) -> None:
    assert assets.build(tmp_path / "dist")
    assert not assets.build(tmp_path / "dist")
    assert len(npm) == 1


@pytest.mark.parametrize("harm", ["cut", "gone", "other lock", "broken manifest"])
def test_damage_is_noticed_and_repaired(npm: list[list[str]], tmp_path: Path, harm: str) -> None:
    dist = tmp_path / "dist"
    assets.build(dist)
    file, manifest = dist / "leaflet" / "leaflet.js", dist / "manifest.json"
    if harm == "cut":
        file.write_text("content")
    elif harm == "gone":
        file.unlink()
    elif harm == "other lock":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "stamp": "0"}))
    else:
        manifest.write_text("{")
    assert assets.build(dist)
    assert file.read_text() == "content of leaflet/dist/leaflet.js"


def test_a_failed_fetch_leaves_what_was_there(
    npm: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = tmp_path / "dist"
    assets.build(dist)
    (dist / "leaflet" / "leaflet.js").write_text("old")
    monkeypatch.setattr(
        assets,
        "npm",
        lambda arguments, **settings: subprocess.CompletedProcess(arguments, 1, "", "ENOTFOUND"),
    )
    with pytest.raises(assets.AssetsMissing, match=r"未能取得.*could not be fetched.*\nENOTFOUND"):
        assets.build(dist)
    assert (dist / "leaflet" / "leaflet.js").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["dist"]


def test_without_a_network_npm_fails_with_a_word_to_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(assets.AssetsMissing, match="npm ci 失败"):
        assets.build(tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_a_package_without_the_file_is_said(
    npm: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = assets.npm

    def lacking(arguments: list[str], **settings: Any) -> Any:
        done = fake(arguments, **settings)
        (Path(settings["cwd"]) / "node_modules" / "leaflet/dist/leaflet.css").unlink()
        return done

    monkeypatch.setattr(assets, "npm", lacking)
    with pytest.raises(assets.AssetsMissing, match=r"leaflet/dist/leaflet\.css"):
        assets.build(tmp_path / "dist")


def test_a_bundle_that_cannot_be_made_is_said(
    npm: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        assets,
        "node",
        lambda arguments, **settings: subprocess.CompletedProcess(arguments, 1, "", "No matching export"),
    )
    with pytest.raises(assets.AssetsMissing, match="could not be bundled:\nNo matching export"):
        assets.build(tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_the_bundle_holds_what_our_scripts_ask_of_it_and_not_what_they_never_reach() -> None:
    script = (assets.DIST / "protomaps-leaflet" / "protomaps-leaflet.js").read_text(encoding="utf-8")
    exported = set(re.findall(r"\b(\w{3,}):\(\)=>\w+[,}]", script))
    asked = {
        name
        for path in assets.STATIC.glob("*.js")
        for name in re.findall(r"protomapsL\.(\w+)", path.read_text(encoding="utf-8"))
    }
    assert asked == exported, "vectortiles.js names what is asked for, and no more"
    assert "left out of the bundle" in script
    assert len(script) < 80_000, "styles and archives that we do not use would double it"


def test_a_page_without_assets_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "DIST", tmp_path / "nothing")
    with pytest.raises(assets.AssetsMissing, match=r"make setup.*make setup"):
        assets.vendor("leaflet/leaflet.js")
    with pytest.raises(assets.AssetsMissing, match=r"nothing\.js"):
        assets.own("nothing.js")


def test_the_address_follows_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "a.js").write_text("one")
    first = assets.own("a.js")
    assert assets.own("a.js") == first
    (tmp_path / "b.js").write_text("two")
    shutil.move(tmp_path / "b.js", tmp_path / "a.js")
    assert assets.own("a.js").url != first.url and assets.own("a.js").url.startswith("/assets/own/a.js?v=")
