"""The audit log for those who read it: search, export, proof that nothing was changed, and pruning of what is old enough."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from gis.errors import Fault, Invalid
from gis.models import AuditEntry
from gis.secrecy.chain import FIELDS, ChainReport, Link, check_chain
from gis.services.spreadsheet import plain
from gis.store.auditing import actor

KEPT_DAYS = 184
"""The log's least age before anything of it may go: six months, whichever they are (PIPL practice; MLPS 2.0)."""
_BATCH = 5_000
_HEAD = text(
    "SELECT h.id, h.hash, (SELECT max(id) FROM audit_log) AS newest FROM (SELECT) one LEFT JOIN audit_head h ON true"
)
SHOWN = (
    "id",
    "at",
    "account",
    "role",
    "action",
    "subject",
    "reason",
    "detail",
    "address",
    "request_id",
)
ACTIONS = {
    "session.open": "登录 / signed in",
    "session.refuse": "登录失败 / sign-in refused",
    "session.close": "退出 / signed out",
    "session.code": "补验证码 / code shown",
    "session.revoke": "结束登录 / sessions ended",
    "account.add": "新建账号 / account made",
    "account.password": "修改密码 / password set",
    "account.disable": "停用账号 / account disabled",
    "account.enable": "启用账号 / account enabled",
    "account.delete": "删除账号 / account deleted",
    "account.role": "修改角色 / role changed",
    "account.grids": "修改网格 / grids set",
    "account.link": "关联统一身份认证 / linked to OpenID Connect",
    "account.unlink": "取消关联统一身份认证 / unlinked from OpenID Connect",
    "account.second_factor": "启用两步验证 / second factor set up",
    "account.second_factor_removed": "停用两步验证 / second factor removed",
    "account.recovery_codes": "更换恢复码 / new recovery codes",
    "account.policy": "修改账号策略 / account policy set",
    "screen_key.add": "发放大屏密钥 / screen key made",
    "screen_key.revoke": "停用大屏密钥 / screen key revoked",
    "household.search": "按姓名、电话或证件号查找 / searched for a name, phone or ID number",
    "household.read": "打开户档案 / file opened",
    "household.refuse": "打开户档案被拒 / file refused",
    "access.refuse": "无权访问被拒 / refused: not for this role",
    "access.pause": "短时间内查看过多被暂停 / paused: too many looked at",
    "household.change": "修改户档案 / file changed",
    "household.colour": "确认三色 / colour confirmed",
    "household.confirm": "核对户档案无变化 / file confirmed as unchanged",
    "household.contact": "变更包户联系 / contact of a household changed",
    "household.move": "整户迁移 / household moved",
    "door_code.issue": "发放门牌码 / door codes issued",
    "door_code.revoke": "作废门牌码 / door code revoked",
    "door_code.print": "打印门牌码 / door codes printed",
    "door_code.refuse": "扫门牌码被拒 / door code refused",
    "chief.create": "登记楼栋长 / chief entered",
    "chief.change": "修改楼栋长 / chief changed",
    "chief.reveal": "查看楼栋长电话 / chief's phone shown",
    "contact.create": "登记联系人 / contact entered",
    "contact.change": "修改联系人 / contact changed",
    "contact.reveal": "查看联系人电话 / contact's phone shown",
    "resident.read": "查看居民档案 / part of a resident's file read",
    "resident.move_in": "迁入 / moved in",
    "resident.move_out": "迁出 / moved out",
    "resident.move": "区内迁移 / moved within",
    "resident.reveal": "查看隐藏信息 / protected field shown",
    "resident.change": "更正居民信息 / resident corrected",
    "resident.export": "导出个人信息 / one person's data exported",
    "resident.erase": "删除个人信息 / one person's data erased",
    "import.submit": "提交导入 / file sent in for import",
    "import.read": "下载被拒绝的行 / rejected rows read",
    "import.run": "完成导入 / file imported",
    "map.export": "导出地图数据 / a map's data exported",
    "map.print": "打印地图 / a map printed",
    "retention.purge": "按期限清理 / purged by the retention policy",
    "backup.write": "备份 / backup written",
    "backup.restore": "恢复备份 / backup restored",
    "keys.rotate": "更换字段密钥 / field key changed",
    "audit.read": "查阅审计记录 / audit log read",
    "audit.export": "导出审计记录 / audit log exported",
    "audit.verify": "核验审计记录 / audit log verified",
    "audit.prune": "清理审计记录 / audit log pruned",
}
"""What is written into the log, for people. An action that is not listed is shown as it is."""


@dataclass(frozen=True)
class AuditQuery:
    """Which entries are asked for; ``since`` is included and ``until`` is not."""

    since: datetime | None = None
    until: datetime | None = None
    account: str | None = None
    action: str | None = None
    """A whole action, or ``household.`` for all of one noun."""
    subject: str | None = None


def search(session: Session, query: AuditQuery, limit: int, cursor: str | None) -> dict[str, Any]:
    """Return a page of entries, newest first: ``items`` and ``next``.

    Raises:
        Invalid: the cursor is none of ours.
    """
    rows = list(session.execute(_selected(query, _before(cursor)).limit(limit + 1)).mappings())
    items = [dict(row) for row in rows[:limit]]
    return {"items": items, "next": str(items[-1]["id"]) if len(rows) > limit else None}


def export_csv(session: Session, query: AuditQuery) -> Iterator[bytes]:
    """Give all entries asked for as CSV (UTF-8 with BOM), newest first, in pieces of flat memory.

    No cell can be taken for a formula by a spreadsheet.
    """
    yield b"\xef\xbb\xbf" + _csv([SHOWN])
    before: int | None = None
    while True:
        rows = session.execute(_selected(query, before).limit(_BATCH)).all()
        if not rows:
            return
        yield _csv([[_harmless(value) for value in row] for row in rows])
        before = rows[-1].id


def verify(connection: Connection, known: list[Link] | None = None) -> ChainReport:
    """Check the whole log against itself, against the head on record, and against what was noted elsewhere before.

    Others may go on writing: what comes after the head that was read first is left to the next time.

    Args:
        connection: an open transaction that may read the log.
        known: entries (id and hash) noted at an earlier verification.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(hashtext('linli audit prune'))"))
    row = connection.execute(_HEAD).one()
    head = Link(row.id, bytes(row.hash)) if row.id is not None else None
    if (row.newest or 0) > (row.id or 0):
        fault = "链尾与登记的不符：有未登记的记录 / entries were put in behind the head on record"
        return ChainReport(0, None, None, (row.id or 0) + 1, fault)
    return check_chain(_entries(connection, head.id if head else 0), head, known or [])


def prune(session: Session, keep_days: int, now: datetime) -> int:
    """Delete entries older than ``keep_days`` and leave an entry that says so, on which the rest of the chain stands.

    Args:
        session: a transaction of the owner.
        keep_days: at least :data:`KEPT_DAYS`.
        now: the present moment, with zone.

    Returns:
        Number of entries deleted.

    Raises:
        Invalid: that is less than six months.
    """
    if keep_days < KEPT_DAYS:
        message = f"审计记录至少保留 {KEPT_DAYS} 天（六个月） / the audit log is kept for at least {KEPT_DAYS} days (six months)"
        raise Invalid(message, [Fault("--keep-days", message)])
    return session.execute(
        text("SELECT linli_audit_prune(:before, :actor)"),
        {"before": now - timedelta(days=keep_days), "actor": actor()},
    ).scalar_one()


def link_of(words: str) -> Link:
    """Read an entry noted as ``ID:HASH``.

    Raises:
        Invalid: it is none.
    """
    number, _, digest = words.strip().partition(":")
    try:
        found = Link(int(number), bytes.fromhex(digest))
    except ValueError:
        found = Link(0, b"")
    if found.id < 1 or len(found.hash) != 32:
        message = "应为 编号:哈希，如上次核验所示 / expected ID:HASH as an earlier verification has shown"
        raise Invalid(message, [Fault("--known", message)])
    return found


def _entries(connection: Connection, up_to: int) -> Iterator[Mapping[str, Any]]:
    after = 0
    columns = [getattr(AuditEntry, name) for name in (*FIELDS, "hash")]
    while True:
        query = (
            select(*columns).where(AuditEntry.id > after, AuditEntry.id <= up_to).order_by(AuditEntry.id).limit(_BATCH)
        )
        rows = connection.execute(query).mappings().all()
        if not rows:
            return
        yield from map(dict, rows)
        after = rows[-1]["id"]


def _selected(query: AuditQuery, before: int | None) -> Any:
    found = select(*(getattr(AuditEntry, name) for name in SHOWN)).order_by(AuditEntry.id.desc())
    if before is not None:
        found = found.where(AuditEntry.id < before)
    if query.since is not None:
        found = found.where(AuditEntry.at >= query.since)
    if query.until is not None:
        found = found.where(AuditEntry.at < query.until)
    if query.account is not None:
        found = found.where(AuditEntry.account == query.account)
    if query.subject is not None:
        found = found.where(AuditEntry.subject == query.subject)
    if query.action is not None and query.action.endswith("."):
        found = found.where(AuditEntry.action.startswith(query.action, autoescape=True))
    elif query.action is not None:
        found = found.where(AuditEntry.action == query.action)
    return found


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        message = "应为上一页的 next 所给 / expected what `next` of the page before gave"
        raise Invalid(message, [Fault("query.cursor", message)])
    return int(cursor)


def _csv(rows: Any) -> bytes:
    block = io.StringIO()
    csv.writer(block).writerows(rows)
    return block.getvalue().encode()


def _harmless(value: Any) -> Any:
    return plain(value.isoformat() if isinstance(value, datetime) else value)
