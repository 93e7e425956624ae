"""The rights of a person over what is stored of them, and the end of what need not be kept: export, erasure, retention (PIPL, articles 44 to 47)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from gis.errors import Denied, Fault, Invalid
from gis.models.purposes import PURPOSES
from gis.services.features import check_version
from gis.services.residents import CHILD_AGE, find_row, in_clear
from gis.store.auditing import note
from gis.store.session import Store
from gis.store.vault import vault_of

REQUESTS = {
    "subject_request": "本人要求",
    "guardian_request": "监护人要求",
    "legal_duty": "法定职责",
}
"""On whose request one person's data is exported or erased."""
BATCH = 2_000
_LIVED = text(
    "SELECT h.code AS household, r.from_on, r.until_on FROM residencies r LEFT JOIN households h ON h.id = r.household_id "
    "WHERE r.resident_id = :id ORDER BY r.until_on, r.id"
)
_HOUSEHOLD = text(
    "SELECT h.code, h.unit, h.room, h.colour, h.colour_reason, h.colour_confirmed_by, h.colour_confirmed_at, h.colour_expires_on, "
    "b.name AS building, g.name AS grid FROM households h LEFT JOIN buildings b ON b.id = h.building_id "
    "LEFT JOIN grids g ON g.id = h.grid_id WHERE h.code = :code"
)
_NEEDS = text(
    "SELECT n.service, n.note, n.opened_on, n.closed_on, n.result, n.public_reply FROM needs n "
    "JOIN households h ON h.id = n.household_id WHERE h.code = :code ORDER BY n.opened_on, n.id"
)
_VISITS = text(
    "SELECT v.visited_on, v.outcome, v.unchanged, v.note, v.visited_by FROM visits v JOIN households h ON h.id = v.household_id "
    "WHERE h.code = :code ORDER BY v.visited_on, v.id"
)
_CONTACTS = text(
    "SELECT c.name, c.organisation, l.valid_from, l.valid_to FROM household_contacts l JOIN contacts c ON c.id = l.contact_id "
    "JOIN households h ON h.id = l.household_id WHERE h.code = :code ORDER BY l.valid_from, l.id"
)
_CHIEF_OF = text(
    "SELECT b.code AS building, c.name, c.valid_from, c.valid_to FROM building_chiefs c JOIN buildings b ON b.id = c.building_id "
    "WHERE c.resident_id = :id ORDER BY c.valid_from"
)
_TABLES = (
    "residents",
    "households",
    "needs",
    "visits",
    "household_contacts",
    "residencies",
    "building_chiefs",
    "history",
)
_CHANGED = text("SELECT at, account AS by, changes FROM history WHERE resident_id = :id ORDER BY id")


def export(session: Session, resident_id: int, request: str, now: datetime) -> dict[str, Any]:
    """Return all that is stored of one person, in clear, with the purpose of each field: to be handed to that person.

    Args:
        session: a transaction of the account that exports.
        resident_id: whose data.
        request: one of :data:`REQUESTS`; a child's data is exported for the guardian or by legal duty, by an admin.
        now: the present moment on the place's clock.

    Raises:
        NotFound, Invalid, Denied: not visible; no such request; a child's data asked for by a worker.
    """
    row = find_row(session, resident_id, now.date())
    _check_request(session, row["age"], request)
    of_home, of_person = {"code": row["household"]}, {"id": resident_id}

    def rows(query: TextClause, of: dict[str, Any]) -> list[dict[str, Any]]:
        return [dict(each) for each in session.execute(query, of).mappings()]

    note(
        session,
        "resident.export",
        f"resident:{resident_id}",
        detail={"household": row["household"]},
        reason=request,
    )
    return {
        "exported_at": now,
        "resident": {"id": resident_id, **in_clear(vault_of(session), row)},
        "household": rows(_HOUSEHOLD, of_home)[0],
        "household_needs": rows(_NEEDS, of_home),
        "household_visits": rows(_VISITS, of_home),
        "household_contacts": rows(_CONTACTS, of_home),
        "lived_before": rows(_LIVED, of_person),
        "chief_of": rows(_CHIEF_OF, of_person),
        "history": rows(_CHANGED, of_person),
        "purposes": {
            column: purpose.as_dict()
            for table in _TABLES
            for column, purpose in ((f"{table}.{name}", each) for name, each in PURPOSES[table].items())
        },
    }


def erase(session: Session, resident_id: int, request: str, version: int, today: date) -> None:
    """Erase one person's data for good; the audit log keeps the number and nothing else.

    Raises:
        NotFound, Stale, Invalid, Denied: as for :func:`export`; changed since it was read.
    """
    row = find_row(session, resident_id, today, lock=True)
    check_version(row["version"], version)
    _check_request(session, row["age"], request)
    session.execute(text("DELETE FROM residents WHERE id = :id"), {"id": resident_id})
    note(
        session,
        "resident.erase",
        f"resident:{resident_id}",
        detail={"household": row["household"]},
        reason=request,
    )


@dataclass(frozen=True)
class RetentionPolicy:
    """For how long what is kept, in days; what is older goes."""

    moved_out_days: int = 365
    """People who have moved out."""
    closed_need_notes_days: int = 3 * 365
    """Words written about needs that were met; the need itself stays for the statistics."""
    visit_notes_days: int = 3 * 365
    """Words written about visits; that and when somebody was visited stays for the intervals."""
    file_history_days: int = 3 * 365
    """Who changed what of a file, and who looked after a building or household in former times."""
    rejected_rows_days: int = 30
    """Rejected rows of imports, which hold whatever the file held."""
    ended_sessions_days: int = 184
    """Sign-ins that have ended."""


@dataclass(frozen=True)
class Rule:
    """One rule of the policy: what goes, from which day on, and the statements that count it and take a batch of it."""

    name: str
    zh: str
    en: str
    days: Callable[[RetentionPolicy], int]
    where: str
    table: str
    taking: str

    def count(self, session: Session, before: date) -> int:
        """Return how many rows the rule would take."""
        return session.execute(
            text(f"SELECT count(*) FROM {self.table} WHERE {self.where}"), {"before": before}
        ).scalar_one()

    def take(self, session: Session, before: date, most: int) -> int:
        """Take a batch; return its size."""
        batch = f"SELECT id FROM {self.table} WHERE {self.where} ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED"
        done: Any = session.execute(text(f"{self.taking} WHERE id IN ({batch})"), {"before": before, "most": most})
        return int(done.rowcount)


RULES = (
    Rule(
        "moved_out",
        "已迁出的居民",
        "residents who have moved out",
        lambda policy: policy.moved_out_days,
        "moved_out_on <= :before",
        "residents",
        "DELETE FROM residents",
    ),
    Rule(
        "closed_need_notes",
        "已办结需求的备注",
        "notes of needs that were met",
        lambda policy: policy.closed_need_notes_days,
        "closed_on <= :before AND note IS NOT NULL",
        "needs",
        "UPDATE needs SET note = NULL",
    ),
    Rule(
        "visit_notes",
        "走访的备注",
        "notes of visits",
        lambda policy: policy.visit_notes_days,
        "visited_on <= :before AND note IS NOT NULL",
        "visits",
        "UPDATE visits SET note = NULL",
    ),
    Rule(
        "file_history",
        "户档案的变更记录",
        "history of files",
        lambda policy: policy.file_history_days,
        "at < :before",
        "history",
        "DELETE FROM history",
    ),
    Rule(
        "former_chiefs",
        "已卸任的楼栋长",
        "former building chiefs",
        lambda policy: policy.file_history_days,
        "valid_to < :before",
        "building_chiefs",
        "DELETE FROM building_chiefs",
    ),
    Rule(
        "former_contacts",
        "已结束的包户台账",
        "ledger entries of contacts that have ended",
        lambda policy: policy.file_history_days,
        "valid_to < :before",
        "household_contacts",
        "DELETE FROM household_contacts",
    ),
    Rule(
        "rejected_rows",
        "导入时被拒绝的行",
        "rejected rows of imports",
        lambda policy: policy.rejected_rows_days,
        "import_id IN (SELECT id FROM imports WHERE finished_at <= :before)",
        "import_pieces",
        "DELETE FROM import_pieces",
    ),
    Rule(
        "ended_sessions",
        "已结束的登录",
        "sign-ins that have ended",
        lambda policy: policy.ended_sessions_days,
        "coalesce(revoked_at, expires_at) <= :before",
        "sessions",
        "DELETE FROM sessions",
    ),
)


@dataclass(frozen=True)
class Purged:
    """What a rule has taken, or would take."""

    rule: Rule
    days: int
    rows: int


def purge(
    store: Store, policy: RetentionPolicy, today: date, *, dry_run: bool = False, batch: int = BATCH
) -> list[Purged]:
    """Apply the retention policy, batch by batch, each a transaction; killed half-way it goes on at the next run.

    Args:
        store: the store; works as its owner.
        policy: days to keep.
        today: the place's date.
        dry_run: count only.
        batch: rows of a transaction.

    Returns:
        What each rule has taken, or would take.
    """
    found = []
    for rule in RULES:
        days = rule.days(policy)
        before = today - timedelta(days=days)
        rows = 0
        if dry_run:
            with store.owner_session() as session:
                rows = rule.count(session, before)
        else:
            while True:
                with store.owner_session() as session:
                    taken = rule.take(session, before, batch)
                    if taken:
                        note(
                            session,
                            "retention.purge",
                            f"rule:{rule.name}",
                            detail={"rows": taken, "days": days},
                        )
                rows += taken
                if taken < batch:
                    break
        found.append(Purged(rule, days, rows))
    return found


def _check_request(session: Session, age: int, request: str) -> None:
    if request not in REQUESTS:
        message = f"应为其中之一 / must be one of: {', '.join(f'{key} {label}' for key, label in REQUESTS.items())}"
        raise Invalid("请注明依据 / say on whose request", [Fault("query.request", message)])
    if age >= CHILD_AGE:
        return
    if request == "subject_request":
        message = "未满 14 岁须由监护人提出 / under 14 the guardian asks: guardian_request"
        raise Invalid(message, [Fault("query.request", message)])
    if session.scalar(text("SELECT linli_role()")) == "worker":
        raise Denied(
            "未满 14 岁者的信息只能由管理员导出或删除 / data of a child under 14 is exported and erased by admins alone"
        )
