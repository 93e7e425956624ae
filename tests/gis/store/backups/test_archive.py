"""The file of a backup: damage is found, nothing is overwritten unasked, nothing half-written stays."""

from __future__ import annotations

import errno
import fcntl
import os
import random
from pathlib import Path

import pytest

from gis.errors import Conflict, Invalid, LinliError, Unavailable
from gis.store.archive import reading
from gis.store.backup import back_up
from gis.store.session import Store


def test_a_damaged_file_is_refused_or_whole(place: Store, file: Path, tmp_path: Path) -> None:
    back_up(place, file)
    whole, drawn = file.read_bytes(), random.Random(5)
    with reading(file) as archive:
        dump = b"".join(archive.blocks())
    broken = tmp_path / "broken.linli"
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1, *(drawn.randrange(len(whole)) for _ in range(20))):
        broken.write_bytes(whole[:length])
        with pytest.raises(Invalid, match="什么也没有改动"), reading(broken):
            pass
    refused = 0
    for _ in range(200):
        place_of_damage = drawn.randrange(len(whole))
        damaged = bytearray(whole)
        damaged[place_of_damage] ^= 1 << drawn.randrange(8)
        broken.write_bytes(damaged)
        try:
            with reading(broken) as archive:  # dates and flags of the wrapping say nothing
                assert b"".join(archive.blocks()) == dump
        except Invalid:
            refused += 1
    assert refused > 180
    for nothing in (b"", b"PGDMP" + whole[:50], b"\x00" * 1000):
        broken.write_bytes(nothing)
        with pytest.raises(Invalid), reading(broken):
            pass
    with pytest.raises(Unavailable), reading(tmp_path / "absent"):
        pass


def test_a_file_is_never_overwritten_unasked(place: Store, file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"something else")
    with pytest.raises(Conflict, match="--force"):
        back_up(place, file)
    assert file.read_bytes() == b"something else"
    with pytest.raises(LinliError):
        back_up(place, tmp_path / "no folder" / "b")
    back_up(place, file, force=True)
    assert sorted(tmp_path.iterdir()) == [file], "no draft is left"


def test_what_a_killed_backup_has_left_goes(place: Store, file: Path, tmp_path: Path) -> None:
    of_the_dead, of_another_name, of_the_living = (
        tmp_path / f".{name}.part" for name in ("place.linli.1", "other.linli.1", "place.linli.2")
    )
    for each in (of_the_dead, of_another_name, of_the_living):
        each.write_text("某人")
    with of_the_living.open() as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        back_up(place, file)
    assert set(tmp_path.iterdir()) == {file, of_another_name, of_the_living}


def test_onto_a_stick_without_second_names(
    place: Store,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    back_up(place, file)
    whole = file.read_bytes()
    with pytest.raises(Conflict):
        back_up(place, file)
    assert file.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [file]
