"""Intake: files → checked frames → rows."""

from gis.intake.head import check_head
from gis.intake.report import Cancelled, ImportReport
from gis.intake.run import run_import

__all__ = ["Cancelled", "ImportReport", "check_head", "run_import"]
