"""Residents: people in households. Nothing of what is read here is ever put into a message."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, case, literal_column, text

from gis.intake.duplicates import Occurrences, digest_codes
from gis.intake.fields import (
    dates_array,
    read_code,
    read_date,
    read_number_text,
    read_person_name,
    read_whole,
    read_word,
)
from gis.intake.kinds.base import IDS, MANY, Job, Kind, missing, name_some, staged
from gis.intake.kinds.id_numbers import doubtful
from gis.intake.kinds.persons import keep_same_guardians, recognise
from gis.intake.parsing import Unreadable, listed, parse_each, plain, vocabulary
from gis.intake.sheet import MISSING, Sheet
from gis.intake.staging import upsert
from gis.models import Resident
from gis.models.vocabulary import CARE_FLAGS, SEXES
from gis.store.vault import Vault, vault_of

_SEPARATORS = (";", "；", ",", "，", "、", "|")


@dataclass
class _Some:
    """How many rows there are, and the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, rows: np.ndarray) -> None:
        """Take in the numbers of some rows."""
        self.count += len(rows)
        self.first += map(str, rows[: MANY + 1 - len(self.first)].tolist())


class Residents(Kind):
    """居民: told apart by household and ID number, or by household, name, birth and sex where there is none."""

    name = "residents"
    columns = (
        "household", "birth_date", "birth_year", "sex", "name", "phone", "id_number", "care_flags", "guardian_name", "guardian_phone",
    )  # fmt: skip
    required = ("household",)
    staged = MappingProxyType(
        {
            "key": "text",
            "household_id": "bigint",
            "birth_date": "date",
            "birth_year": "smallint",
            "sex": "text",
            "name": "text",
            "phone_sealed": "bytea",
            "phone_hash": "bytea",
            "id_number_sealed": "bytea",
            "id_number_hash": "bytea",
            "care_flags": "text[]",
            "guardian_name": "text",
            "guardian_phone_sealed": "bytea",
            "row": "bigint",
        }
    )
    refers = MappingProxyType({"household": ("households", IDS)})
    model = Resident
    fills = True

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._occurrences = Occurrences(job.folder)
        self._vault = vault_of(self.connection)
        self._doubted = (_Some(), _Some())

    def check(self, sheet: Sheet) -> pa.Table:
        """Check references, dates, words and numbers."""
        households = read_code(sheet, "household")
        stored = self.references["household"].of(households)
        sheet.reject(
            missing(stored) & sheet.given("household"),
            "household",
            "没有这一户，请先导入户 / no such household: import households first",
        )
        birth_date, birth_year = self._births(sheet)
        sex = read_word(sheet, "sex", SEXES)
        name = read_person_name(sheet, "name")
        phone, id_number = read_number_text(sheet, "phone"), read_number_text(sheet, "id_number")
        care_flags = self._care_flags(sheet)
        guardian_name, guardian_phone = (
            read_person_name(sheet, "guardian_name"),
            read_number_text(sheet, "guardian_phone"),
        )
        self._doubt(sheet, doubtful(id_number, birth_date, birth_year))
        person = _person(id_number, name, birth_date, birth_year, sex)
        bases = pc.binary_join_element_wise(pc.fill_null(households, ""), person, "\x1f")
        self.first_rows.reject_repeats(sheet, "id_number", bases, among=sheet.given("id_number"))
        # Of people with an ID number there is one only.
        alike = np.flatnonzero(sheet.ok & ~sheet.given("id_number"))
        occurrence = np.zeros(sheet.size, dtype=np.int64)
        occurrence[alike] = self._occurrences.number(digest_codes(bases.take(pa.array(alike))))
        # A keyed hash of household, person, and which of several alike: tells people apart when a file comes again.
        keys = self._vault.search.person_keys(_digests(households, person, occurrence))
        sealed = self._vault.seal_people(keys, phone.to_pylist(), id_number.to_pylist())
        return pa.table(
            {
                "key": pa.array(keys, pa.string()),
                "household_id": stored["id"],
                "birth_date": dates_array(birth_date),
                "birth_year": birth_year,
                "sex": sex,
                "name": name,
                **{each.name: pa.array(getattr(sealed, each.name), pa.large_binary()) for each in fields(sealed)},
                "care_flags": care_flags,
                "guardian_name": guardian_name,
                "guardian_phone_sealed": self._guardian_phones(keys, guardian_phone),
                "row": pa.array(sheet.rows),
            }
        )

    def prepare(self) -> None:
        """Find out who among the staged people is stored already."""
        super().prepare()
        self._recognise()
        if self.stored("guardian_phone"):
            keep_same_guardians(self.connection, self._vault)

    def fill(self, rows: pa.Table) -> None:
        """Write the rows: where nobody is stored, nobody has to be recognised."""
        super().fill(rows.drop_columns(["row"]))

    def written(self) -> None:
        """Say which ID numbers are doubtful."""
        self._tell_doubted()

    def write(self) -> None:
        """Write the residents."""
        told = self.stored("sex", "name", "care_flags", "guardian_name")
        if self.stored("guardian_phone"):
            told.append("guardian_phone_sealed")
        for protected in self.stored("phone", "id_number"):
            told += [f"{protected}_sealed", f"{protected}_hash"]
        as_staged = (
            "key", "household_id", "birth_date", "birth_year", "sex", "name", "phone_hash", "id_number_hash", "guardian_name", "guardian_phone_sealed",
        )  # fmt: skip
        upsert(
            self.connection,
            Resident,
            text("SELECT * FROM staged_residents").columns(*self.staging.table.c).subquery("s"),
            lambda stored: {
                **{name: staged(name) for name in as_staged},
                "phone_sealed": _sealed_anew(stored, "phone"),
                "id_number_sealed": _sealed_anew(stored, "id_number"),
                "care_flags": literal_column("s.care_flags"),
            },
            key="key",
            new_rows=self.staging.rows,
            update=["household_id", "birth_date", "birth_year", *told],
        )

    def _guardian_phones(self, keys: list[str], phones: pa.Array) -> pa.Array:
        """Return the numbers sealed, each for its row; null where the file has none."""
        if phones.null_count == len(phones):
            return pa.nulls(len(phones), pa.large_binary())
        sealed = self._vault.seal_many("residents.guardian_phone_sealed", keys, phones.to_pylist())
        return pa.array(sealed, pa.large_binary())

    def _doubt(self, sheet: Sheet, found: tuple[np.ndarray, np.ndarray]) -> None:
        """Remember rows whose ID numbers cannot be right: people are not lost for a slip of the pen."""
        for some, doubted in zip(self._doubted, found, strict=True):
            some.add(sheet.rows[doubted & sheet.ok])

    def _tell_doubted(self) -> None:
        wrong, contradicting = self._doubted
        if wrong.count:
            self.notice(
                f"{wrong.count} 个身份证号的校验码不对，已照录，请核对第 {name_some(wrong.first)} 行（{self.job.layout.title('id_number')}）",
                f"{wrong.count} ID numbers have a wrong check digit; they are kept as they are, check rows {name_some(wrong.first)}",
            )
        if contradicting.count:
            self.notice(
                f"{contradicting.count} 个身份证号与出生日期不符，已照录，请核对第 {name_some(contradicting.first)} 行（{self.job.layout.title('id_number')}）",
                f"{contradicting.count} ID numbers contradict the date of birth; they are kept as they are, check rows {name_some(contradicting.first)}",
            )

    def _recognise(self) -> None:
        """Give people whose ID number was corrected, or is new, the key that they have; say of whom that is not certain."""
        unsure = recognise(self.connection, self._vault, MANY + 1)
        if unsure:
            rows = name_some([str(row) for row in unsure])
            self.notice(
                f"第 {rows} 行与同户姓名、出生日期相同的人不能一一对应，按新的人导入，请核对",
                f"rows {rows} are like people of the same household by name and date of birth, but not one to one: "
                "imported as new people, please check",
            )

    def _births(self, sheet: Sheet) -> tuple[np.ndarray, pa.Array]:
        """Return dates and years of birth; a year alone will do, both must agree."""
        birth_date = read_date(sheet, "birth_date", latest=self.job.today)
        said = read_whole(sheet, "birth_year", 1900, self.job.today.year)
        neither = ~sheet.given("birth_date") & ~sheet.given("birth_year")
        sheet.reject(neither, "birth_date" if sheet.has("birth_date") else "birth_year", MISSING)
        dated = ~np.isnat(birth_date)
        years = birth_date.astype("datetime64[Y]").astype(np.int64) + 1970
        said_years = np.asarray(pc.fill_null(said, -1))
        sheet.reject(
            dated & (said_years >= 0) & (said_years != years),
            "birth_year",
            "与出生日期不符 / contradicts the date of birth",
        )
        return birth_date, pa.array(np.where(dated, years, said_years), pa.int64(), mask=~dated & (said_years < 0))

    def _care_flags(self, sheet: Sheet) -> pa.Array:
        """Return the flags as PostgreSQL writes an array, each once, in the order of the vocabulary."""
        known, order = vocabulary(CARE_FLAGS), list(CARE_FLAGS)

        def parse(line: str) -> str:
            for separator in _SEPARATORS[1:]:
                line = line.replace(separator, _SEPARATORS[0])
            found = set()
            for word in filter(None, (plain(part) for part in line.split(_SEPARATORS[0]))):
                if word not in known:
                    raise Unreadable(
                        f"未知的关怀标识；可用：{listed(CARE_FLAGS)} / unknown care flag; known: {', '.join(CARE_FLAGS)}"
                    )
                found.add(known[word])
            return "{" + ",".join(sorted(found, key=order.index)) + "}"

        parsed = parse_each(pc.fill_null(sheet.text("care_flags"), ""), parse)
        sheet.reject(parsed.reasons != "", "care_flags", parsed.reasons)
        return pa.array(parsed.values, pa.string())


def _person(
    id_number: pa.Array, name: pa.Array, birth_date: np.ndarray, birth_year: pa.Array, sex: pa.Array
) -> pa.Array:
    """Return what tells a person from others in the household, text (n,)."""
    year = pc.fill_null(pc.cast(birth_year, pa.string()), "")
    day = pc.fill_null(pc.cast(dates_array(birth_date), pa.string()), "")
    parts = ["p", pc.fill_null(name, ""), year, day, pc.fill_null(sex, "")]
    described = pc.binary_join_element_wise(*parts, "\x1e")
    numbered = pc.binary_join_element_wise("id", pc.utf8_upper(id_number), "\x1e")
    return pc.coalesce(numbered, described)


def person_key(
    vault: Vault,
    household: str,
    id_number: str | None,
    name: str | None,
    birth_date: date | None,
    birth_year: int,
    sex: str | None,
    occurrence: int = 0,
) -> str:
    """Return the key of one person as an import would make it, so that a file that comes later finds whoever was entered by hand.

    Args:
        vault: open.
        household: code of the household.
        id_number: readable.
        name: as entered.
        birth_date: where known.
        birth_year: of birth.
        sex: ``male``, ``female`` or None.
        occurrence: which of several alike in the household, from 0.
    """
    person = _person(
        pa.array([id_number or None], pa.string()),
        pa.array([name], pa.string()),
        np.array([birth_date], dtype="datetime64[D]"),
        pa.array([birth_year], pa.int64()),
        pa.array([sex], pa.string()),
    )
    digests = _digests(pa.array([household], pa.string()), person, np.array([occurrence], dtype=np.int64))
    return vault.search.person_keys(digests)[0]


def _sealed_anew(stored: Any, field: str) -> ColumnElement[Any]:
    """Return the sealed value: the stored one where the hash says that it is the same, since nothing is sealed alike twice."""
    same = stored[f"{field}_hash"] == staged(f"{field}_hash")
    return case((same, stored[f"{field}_sealed"]), else_=staged(f"{field}_sealed"))


def _digests(households: pa.Array, person: pa.Array, occurrence: np.ndarray) -> list[str]:
    """Return the SHA-256 of what identifies each person, in hexadecimal (n,)."""
    parts = [pc.fill_null(households, ""), person, pc.cast(pa.array(occurrence), pa.string())]
    joined = pc.binary_join_element_wise(*parts, "\x1f")
    return [sha256(each.encode()).hexdigest() for each in joined.to_pylist()]
