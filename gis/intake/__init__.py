"""Intake: files → checked frames → rows."""

from gis.intake.report import Cancelled, ImportReport
from gis.intake.run import run_import

__all__ = ["Cancelled", "ImportReport", "run_import"]
