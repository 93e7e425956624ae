"""A place that is backed up, and a file for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gis.services.conftest import place  # noqa: F401 - a fixture


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "place.linli"
