"""Tables: SQLAlchemy 2 with GeoAlchemy2, one file per family."""

from gis.models.accounts import (
    Account,
    AccountGrid,
    AccountIdentity,
    LoginSession,
    RecoveryCode,
    RolePolicy,
    ScreenKey,
    SecondFactor,
)
from gis.models.base import Base
from gis.models.casework import (
    Desk,
    Event,
    EventDay,
    EventLimit,
    EventStep,
    GridCounts,
    GridCountsDue,
    JointDesk,
    Visit,
    VisitPolicy,
)
from gis.models.files import (
    BuildingChief,
    Contact,
    DoorCode,
    HistoryEntry,
    HouseholdAddress,
    HouseholdConfirmation,
    HouseholdContact,
    Residency,
)
from gis.models.people import Household, Resident
from gis.models.places import Area, Backdrop, Building, Compound, Grid, Place, Street
from gis.models.records import Change, Import, ImportPiece
from gis.models.secrecy import AuditEntry, AuditHead, FieldSecret, KeyEntry
from gis.models.services import Need, Station, StationService

__all__ = [
    "Account",
    "AccountGrid",
    "AccountIdentity",
    "Area",
    "AuditEntry",
    "AuditHead",
    "Backdrop",
    "Base",
    "Building",
    "BuildingChief",
    "Change",
    "Compound",
    "Contact",
    "Desk",
    "DoorCode",
    "Event",
    "EventDay",
    "EventLimit",
    "EventStep",
    "FieldSecret",
    "Grid",
    "GridCounts",
    "GridCountsDue",
    "HistoryEntry",
    "Household",
    "HouseholdAddress",
    "HouseholdConfirmation",
    "HouseholdContact",
    "Import",
    "ImportPiece",
    "JointDesk",
    "KeyEntry",
    "LoginSession",
    "Need",
    "Place",
    "RecoveryCode",
    "Residency",
    "Resident",
    "RolePolicy",
    "ScreenKey",
    "SecondFactor",
    "Station",
    "StationService",
    "Street",
    "Visit",
    "VisitPolicy",
]
