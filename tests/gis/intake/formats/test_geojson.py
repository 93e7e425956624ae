"""GeoJSON: one collection, or a feature each line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gis.intake.formats import geojson

FEATURE = {"type": "Feature", "properties": {"code": "A"}, "geometry": None}


@pytest.mark.parametrize(
    ("lines", "is_sequence"),
    [
        ([json.dumps(FEATURE), json.dumps(FEATURE)], True),
        (["", "\x1e" + json.dumps(FEATURE), "", "broken"], True),
        ([json.dumps(FEATURE)], False),
        (json.dumps({"type": "FeatureCollection", "features": [FEATURE]}, indent=1).splitlines(), False),
    ],
)
def test_what_is_a_feature_each_line(tmp_path: Path, lines: list[str], is_sequence: bool) -> None:
    path = tmp_path / "f.geojson"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert geojson._is_a_line_each(path) is is_sequence


def test_a_collection_in_one_long_line_is_not_read_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own form of it takes many times its length."""

    def parsed(_: bytes) -> None:
        raise AssertionError("read as a whole")

    monkeypatch.setattr(geojson, "_parsed", parsed)
    path = tmp_path / "f.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [FEATURE] * 1000}) + "\n", encoding="utf-8")
    assert not geojson._is_a_line_each(path)
