"""The whole corpus."""

from __future__ import annotations

from tests.gis.intake.corpus import archives, cells, layers, maps, shapes, texts, workbooks
from tests.gis.intake.corpus.case import Case


def every_case() -> list[Case]:
    """All bad files of all families."""
    return [case for family in (texts, cells, workbooks, archives, shapes, layers, maps) for case in family.cases()]
