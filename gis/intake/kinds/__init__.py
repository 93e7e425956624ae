"""What each kind of import holds: its columns, the checks of its rows, and how they are written."""

from gis.intake.kinds.areas import Areas
from gis.intake.kinds.backdrop import BackdropParts
from gis.intake.kinds.base import Job, Kind
from gis.intake.kinds.buildings import Buildings
from gis.intake.kinds.compounds import Compounds
from gis.intake.kinds.grids import Grids
from gis.intake.kinds.households import Households
from gis.intake.kinds.needs import Needs
from gis.intake.kinds.residents import Residents
from gis.intake.kinds.stations import Stations
from gis.intake.kinds.streets import Streets

KINDS: dict[str, type[Kind]] = {
    kind.name: kind
    for kind in (
        Areas,
        Grids,
        Compounds,
        Buildings,
        Households,
        Residents,
        Stations,
        Streets,
        Needs,
        BackdropParts,
    )
}
"""Every kind of import by its name."""

__all__ = ["KINDS", "Job", "Kind"]
