"""The chain of the audit log: each entry's hash covers all its fields and the hash of the entry before.

Written by ``linli_audit_append`` in the database and computed here a second time, so that a changed function there is found out as well. A rewritten
chain is consistent in itself; it is found by comparing with an entry's id and hash that were noted elsewhere before (``known``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FIELDS = (
    "id",
    "at",
    "account_id",
    "account",
    "role",
    "action",
    "subject",
    "detail",
    "reason",
    "address",
    "request_id",
    "previous",
)
"""In the order in which they are hashed."""
PRUNED = "audit.prune"
BEGINNING = bytes(32)


@dataclass(frozen=True)
class Link:
    """An entry's place in the chain."""

    id: int
    hash: bytes


@dataclass(frozen=True)
class ChainReport:
    """What a check has found: how much was read, the newest entry, and the first thing wrong."""

    rows: int
    first_id: int | None
    head: Link | None
    bad_id: int | None = None
    fault: str | None = None
    """中文 / English; None when all is in order."""


def entry_hash(entry: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of an entry's fields, each with its length in bytes before it, null as ``-``."""
    return hashlib.sha256(",".join(_part(entry[name]) for name in FIELDS).encode()).digest()


def check_chain(entries: Iterable[Mapping[str, Any]], head: Link | None, known: Iterable[Link] = ()) -> ChainReport:
    """Check a whole log.

    Args:
        entries: all entries in the order of their ids, with :data:`FIELDS` and ``hash``.
        head: the newest entry as the store remembers it beside the log.
        known: entries noted elsewhere before; those pruned since are passed over.

    Returns:
        What was found, up to the first fault.
    """
    noted = {link.id: bytes(link.hash) for link in known}
    rows, first_id = 0, None
    last, pruned, base = Link(0, BEGINNING), None, None
    for entry in entries:
        number, previous, own = entry["id"], bytes(entry["previous"]), bytes(entry["hash"])
        if first_id is None:
            first_id = number
            if number > 1:
                base = last = Link(number - 1, previous)
        fault = _fault(entry, number, previous, own, last)
        if fault is None and noted.get(number, own) != own:
            fault = "与先前记下的哈希不同：整条链被改写 / differs from the hash noted before: the chain was rewritten"
        if fault is not None:
            return ChainReport(rows, first_id, last, number, fault)
        if entry["action"] == PRUNED:
            pruned = _pruned(entry["detail"])
        rows += 1
        last = Link(number, own)
    return _ends(rows, first_id, last, base, pruned, head, noted)


def _fault(entry: Mapping[str, Any], number: int, previous: bytes, own: bytes, last: Link) -> str | None:
    if number != last.id + 1:
        return f"{last.id + 1} 至 {number - 1} 号记录缺失 / entries {last.id + 1} to {number - 1} are missing"
    if previous != last.hash:
        return "与前一条记录不相连：记录被替换或调换 / not linked to the entry before: replaced or re-ordered"
    if entry_hash(entry) != own:
        return "内容被改动 / its content was changed"
    return None


def _ends(
    rows: int,
    first_id: int | None,
    last: Link,
    base: Link | None,
    pruned: Link | None,
    head: Link | None,
    noted: Mapping[int, bytes],
) -> ChainReport:
    """Check where the log begins and where it ends."""
    newest = last if rows else None
    if base is not None and pruned != base:
        return ChainReport(
            rows,
            first_id,
            newest,
            first_id,
            f"{base.id} 号及以前的记录被删除，没有相符的清理记录 / entries up to {base.id} were removed, and no prune entry says so",
        )
    end = head.id if head is not None else max(noted, default=0)
    if end > last.id or any(number > last.id for number in noted):
        end = max([end, *noted])
        return ChainReport(
            rows,
            first_id,
            newest,
            last.id + 1,
            f"末尾缺失:{last.id + 1} 至 {end} 号 / the end is missing: entries {last.id + 1} to {end}",
        )
    if (head is None and rows) or (head is not None and head != Link(last.id, last.hash)):
        return ChainReport(
            rows, first_id, newest, last.id, "链尾与登记的不符 / the newest entry is not the one on record"
        )
    return ChainReport(rows, first_id, newest)


def _pruned(detail: str) -> Link | None:
    """Return up to where an entry says that the log was pruned."""
    try:
        said = json.loads(detail)
        return Link(int(said["up_to"]), bytes.fromhex(said["hash"]))
    except (ValueError, KeyError, TypeError):
        return None


def _part(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    elif isinstance(value, (bytes, memoryview)):
        text = bytes(value).hex()
    else:
        text = str(value)
    return f"{len(text.encode())}:{text}"
