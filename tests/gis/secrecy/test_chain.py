"""The chain by hand: a log of five entries, and every way to spoil it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gis.secrecy.chain import BEGINNING, Link, check_chain, entry_hash

Entry = dict[str, Any]


def log(count: int = 5, first: int = 1, previous: bytes = BEGINNING) -> list[Entry]:
    entries = []
    for number in range(first, first + count):
        entry = {
            "id": number,
            "at": datetime(2026, 1, 1, 8, number, 0, 5, tzinfo=UTC),
            "account_id": 7,
            "account": "张三",
            "role": "worker",
            "action": "household.read",
            "subject": f"household:H{number}",
            "detail": "{}",
            "reason": None,
            "address": "10.0.0.1",
            "request_id": "r",
            "previous": previous,
        }
        entry["hash"] = previous = entry_hash(entry)
        entries.append(entry)
    return entries


def head(entries: list[Entry]) -> Link:
    return Link(entries[-1]["id"], entries[-1]["hash"])


def test_the_hash_by_hand() -> None:
    (entry,) = log(1)
    written = (
        "1:1,27:2026-01-01T08:01:00.000005Z,1:7,6:张三,6:worker,14:household.read,12:household:H1,2:{},-,8:10.0.0.1,1:r,64:"
        + "0" * 64
    )
    assert entry["hash"] == hashlib.sha256(written.encode()).digest()
    beijing = {**entry, "at": entry["at"].astimezone(timezone(timedelta(hours=8)))}
    assert entry_hash(beijing) == entry["hash"]


def test_a_whole_log_is_in_order() -> None:
    entries = log()
    report = check_chain(entries, head(entries), [Link(2, entries[1]["hash"])])
    assert (report.rows, report.first_id, report.head, report.bad_id, report.fault) == (5, 1, head(entries), None, None)
    assert check_chain([], None).fault is None


@pytest.mark.parametrize(
    "field",
    ["at", "account_id", "account", "role", "action", "subject", "detail", "reason", "address", "request_id", "hash"],
)
def test_any_changed_field_is_found(field: str) -> None:
    entries = log()
    was = entries[2][field]
    changed = (
        was + timedelta(microseconds=1)
        if field == "at"
        else b"\x01" * 32
        if field == "hash"
        else 8
        if field == "account_id"
        else "x"
    )
    entries[2] = {**entries[2], field: changed}
    assert check_chain(entries, head(entries)).bad_id == 3


def test_a_field_cannot_flow_into_the_next() -> None:
    (entry,) = log(1)
    assert entry_hash({**entry, "account": "a,1:b", "role": "c"}) != entry_hash(
        {**entry, "account": "a", "role": "b,1:c"}
    )
    assert entry_hash({**entry, "reason": ""}) != entry_hash({**entry, "reason": None})


def test_removal_insertion_and_order_are_found() -> None:
    entries = log()
    at = head(entries)
    assert check_chain(entries[:2] + entries[3:], at).bad_id == 4, "the entry after the gap"
    assert check_chain(entries[1:], at).bad_id == 2, "the beginning was cut off"
    assert check_chain(entries[:3], at).bad_id == 4, "the end was cut off"
    assert check_chain([], at).bad_id == 1
    swapped = [entries[0], {**entries[2], "id": 2}, {**entries[1], "id": 3}, *entries[3:]]
    assert check_chain(swapped, at).bad_id == 2
    assert check_chain([*entries, *log(1, 6)], at).bad_id == 6
    assert check_chain(entries, None).bad_id == 5
    assert check_chain(entries, Link(5, bytes(32))).bad_id == 5


def test_a_rewritten_log_is_found_by_what_was_noted() -> None:
    noted = head(log(4))
    rewritten = log()
    rewritten[1]["account"] = "李四"
    previous = BEGINNING
    for entry in rewritten:
        entry["previous"] = previous
        entry["hash"] = previous = entry_hash(entry)
    assert check_chain(rewritten, head(rewritten)).fault is None
    assert check_chain(rewritten, head(rewritten), [noted]).bad_id == 4
    shorter = rewritten[:3]
    assert check_chain(shorter, head(shorter), [noted]).bad_id == 4


def test_a_pruned_log_stands_on_its_prune_entry() -> None:
    entries = log()
    said = {"up_to": 3, "rows": 3, "hash": entries[2]["hash"].hex()}
    prune = {**log(1, 6, entries[4]["hash"])[0], "action": "audit.prune", "detail": json.dumps(said)}
    prune["hash"] = entry_hash(prune)
    left = [*entries[3:], prune]
    assert check_chain(left, head(left)).fault is None
    assert check_chain(left[1:], head(left)).bad_id == 5, "one more was cut off"
    wrong = {**prune, "detail": json.dumps({**said, "hash": "00" * 32})}
    wrong["hash"] = entry_hash(wrong)
    assert check_chain([*entries[3:], wrong], head([wrong])).bad_id == 4
    assert check_chain(left, head(left), [Link(2, entries[1]["hash"])]).fault is None, (
        "noted entries may have gone since"
    )


def rechained(entries: list[Entry], first: int) -> None:
    """Compute hashes anew from a position on, as somebody does who knows how."""
    for at in range(first, len(entries)):
        entries[at]["previous"] = entries[at - 1]["hash"] if at else BEGINNING
        entries[at]["hash"] = entry_hash(entries[at])


def test_a_changed_entry_with_a_hash_to_match() -> None:
    entries = log()
    stored = head(entries)
    entries[2] |= {"reason": "另有说法"}
    entries[2]["hash"] = entry_hash(entries[2])
    report = check_chain(entries, stored)
    assert (report.bad_id, "not linked" in str(report.fault)) == (4, True)


def test_an_entry_taken_out_and_all_after_it_written_anew() -> None:
    """Head and all, so that nothing but the numbers tells of it."""
    entries = log()
    del entries[2]
    rechained(entries, 2)
    report = check_chain(entries, head(entries))
    assert (report.bad_id, "3 to 3 are missing" in str(report.fault)) == (4, True)
