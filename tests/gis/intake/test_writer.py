"""Pieces of work behind the reader's back: what is told when one of them fails."""

from __future__ import annotations

from threading import Event

import psycopg
import pytest

from gis.intake.writer import Writer


def _fail(begin: Event) -> None:
    begin.wait()
    raise psycopg.errors.DiskFull("could not extend file")


def _look() -> None:
    raise psycopg.errors.InFailedSqlTransaction("current transaction is aborted")


def test_a_question_behind_a_failure_tells_of_the_failure_not_of_what_follows_from_it() -> None:
    begin = Event()
    with Writer() as writer:
        writer.do(_fail, begin)
        answer = writer.ask(_look)
        begin.set()
        with pytest.raises(psycopg.errors.DiskFull):
            answer.result()
        with pytest.raises(psycopg.errors.DiskFull):
            writer.settle()
