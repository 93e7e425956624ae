"""Scripts in one file: the same programs in the same order, and nothing that is not ours."""

import re
from pathlib import Path

import pytest

from maps import assets
from maps.assets import bundles

SCRIPTS = sorted(assets.STATIC.glob("*.js"))


def test_scripts_follow_each_other_without_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "a.js").write_text(
        '// about\n"use strict";\n(() => {\n  /** Say\n   * what. */\n  f("//x"); // why\n\n})();\n'
    )
    (tmp_path / "b.js").write_text("g(`a  ${1} // b`);\n")
    found = bundles.bundle(["a.js", "b.js"])
    assert bundles.body_of("a+b") == b'"use strict";\n(() => {\nf("//x"); // why\n})();\ng(`a  ${1} // b`);\n'
    assert found.url.startswith("/assets/bundle/a+b.js?v=")
    assert bundles.bundle(["b.js", "a.js"]).integrity != found.integrity, "the order counts"
    (tmp_path / "b.js").write_text("h();\n")
    assert bundles.bundle(["a.js", "b.js"]).url != found.url
    with pytest.raises(assets.AssetsMissing, match="c\\.js"):
        bundles.bundle(["a.js", "c.js"])


@pytest.mark.parametrize(
    "name", ["", "..", "linli+../../config", "linli+nothing", "linli+", "LINLI", "+".join(["linli"] * 62)]
)
def test_nothing_else_is_served(name: str) -> None:
    assert bundles.body_of(name) is None


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_no_text_of_a_script_goes_over_a_line(script: Path) -> None:
    """Else what looks like a comment or an indentation might be part of a text."""
    source = script.read_text(encoding="utf-8")
    code = re.sub(r"/\*\*.*?\*/", "", re.sub(r"^[ \t]*//.*$", "", source, flags=re.MULTILINE), flags=re.DOTALL)
    assert not [line for line in code.split("\n") if line.count("`") % 2]
    assert not re.search(r"\\$", code, flags=re.MULTILINE), "no text goes on behind a backslash"
    last = [line for line in code.split("\n") if line.strip()][-1]
    assert last.rstrip().endswith(";"), "whatever follows begins anew"
