"""Notes for the audit log, written as the last act of the transaction that they speak of.

Entries form a chain, so writers wait for each other from the entry to the end of the transaction; written last, they wait for the length of a commit.
A transaction that fails leaves no entry; who was refused is noted in a transaction of its own.
"""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

_NOTED = "linli_audit_noted"
_BY_SERVICE = text("SELECT linli_audit(:action, :subject, :detail, :reason, :account)")
_BY_OWNER = text("SELECT linli_audit_append(NULL, :actor, NULL, :action, :subject, :detail, :reason)")


@dataclass(frozen=True)
class Note:
    """One thing to remember: ``action`` is ``noun.verb``, ``subject`` what was touched, ``detail`` never a value of a personal column."""

    action: str
    subject: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    account_id: int | None = None
    """Who, where nobody is signed in yet."""

    @property
    def detail_text(self) -> str:
        """Return the detail as JSON, always written the same way."""
        return json.dumps(self.detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def note(session: Session, action: str, subject: str | None = None, **more: Any) -> None:
    """Note something for the audit log; written when the transaction ends well.

    Args:
        session: a transaction of :meth:`gis.store.session.Store.session` or ``owner_session``.
        action: what was done, ``noun.verb``.
        subject: what to, such as ``household:H-1``.
        more: ``detail``, ``reason`` and ``account_id`` of :class:`Note`.
    """
    session.info.setdefault(_NOTED, []).append(Note(action, subject, **more))


def write_noted(session: Session, account_id: int | None) -> None:
    """Write what has been noted; nothing else may follow in the transaction."""
    notes: list[Note] = session.info.pop(_NOTED, [])
    if not notes:
        return
    session.flush()
    as_owner = session.scalar(text("SELECT current_user <> 'linli_service'"))
    for each in notes:
        if as_owner:
            write_as_owner(session.connection(), each)
        else:
            session.execute(_BY_SERVICE, {**_values(each), "account": account_id or each.account_id})


def write_as_owner(connection: Connection, entry: Note) -> None:
    """Write an entry for what is done on the machine itself, by the command line or the service's own jobs."""
    connection.execute(_BY_OWNER, {**_values(entry), "actor": actor()})


def actor() -> str:
    """Return who works on the machine itself: ``system:NAME``; no account can be called so."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"system:{name}"


def _values(entry: Note) -> dict[str, Any]:
    return {"action": entry.action, "subject": entry.subject, "detail": entry.detail_text, "reason": entry.reason}
