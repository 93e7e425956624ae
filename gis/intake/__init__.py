"""Intake: files → checked frames → rows."""

from gis.intake.report import Cancelled, ImportReport
from gis.intake.run import lacks_crs, no_crs, run_import

__all__ = ["Cancelled", "ImportReport", "lacks_crs", "no_crs", "run_import"]
