"""Words that nobody could write by chance, put wherever a place keeps what is personal, and the search for them in all that leaves the service."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, unquote_to_bytes

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.store.session import Store
from gis.store.vault import vault_of
from tests.gis.services.conftest import G1, G2

OWN, FOREIGN = "H001", "H010"
"""A household of the worker's grid, and one of another."""


@dataclass(frozen=True)
class Hidden:
    """What one household's file holds that others must not see."""

    household: str
    open: tuple[str, ...]
    """Shown to whoever may open the file."""
    sealed: tuple[str, ...]
    """Shown to nobody but by a reveal or the person's own export."""


HIDDEN = {
    OWN: Hidden(
        OWN,
        open=(
            "欧阳翡翠匣",
            "某秘密理由甲",
            "秘密备注甲绝不外传",
            "司徒监护甲",
            "长孙联系甲",
            "秘密单位甲",
            "百里楼栋甲",
            "走访所见甲不外传",
            "办结详情甲不外传",
            "纠纷甲两家争执",
            "纠纷甲说明不外传",
        ),
        sealed=(
            "13577770011",
            "530199195001018811",
            "13577770012",
            "13577770013",
            "13577770014",
            "宇文幼童甲",
            "2019-02-27",
        ),
    ),
    FOREIGN: Hidden(
        FOREIGN,
        open=(
            "上官琥珀函",
            "某秘密理由乙",
            "秘密备注乙绝不外传",
            "司徒监护乙",
            "长孙联系乙",
            "秘密单位乙",
            "百里楼栋乙",
            "走访所见乙不外传",
            "办结详情乙不外传",
            "纠纷乙两家争执",
            "纠纷乙说明不外传",
        ),
        sealed=(
            "13688880021",
            "530199194902028822",
            "13688880022",
            "13688880023",
            "13688880024",
            "宇文幼童乙",
            "2019-03-28",
        ),
    ),
}
REJECTED = "皇甫驳回行"
"""In the rejected rows of an import."""


def seed(store: Store) -> dict[str, str]:
    """Put the secrets in; return what to call for: numbers of residents, chiefs, contacts and door codes by household."""
    asked: dict[str, str] = {}
    with store.owner_session() as session:
        for each in HIDDEN.values():
            name, reason, note, guardian, contact, unit, chief, *casework = each.open
            phone, id_number, guardian_phone, contact_phone, chief_phone, child, born = each.sealed
            own = each.household == OWN
            where, door = ("own", "OWNDOOR") if own else ("foreign", "FOREIGNDOOR")
            elder, young = _residents(session, each.household)
            _hide_elder(session, elder, name, phone, id_number)
            _hide_child(session, young, child, born, guardian, guardian_phone)
            at = {"code": each.household, "reason": reason, "note": note, "door": door.ljust(26, "A")}
            for statement in _OF_HOUSEHOLD:
                session.execute(text(statement), at)
            needed, happened = _seed_casework(session, each.household, casework)
            asked |= {
                f"{where}.household": each.household,
                f"{where}.resident": str(elder.id),
                f"{where}.child": str(young.id),
                f"{where}.contact": str(_add_contact(session, each.household, contact, unit, contact_phone)),
                f"{where}.chief": str(_add_chief(session, each.household, chief, chief_phone)),
                f"{where}.need": needed,
                f"{where}.event": happened,
                f"{where}.door": at["door"],
                f"{where}.grid": G1 if own else G2,
                f"{where}.building": "B1" if own else "B2",
            }
    return asked


_OF_HOUSEHOLD = (
    "UPDATE households SET colour = 'red', colour_reason = :reason WHERE code = :code",
    "INSERT INTO needs (household_id, service, opened_on, note) SELECT id, 'meal', '2026-01-01', :note FROM households WHERE code = :code",
    "INSERT INTO door_codes (household_id, code) SELECT id, :door FROM households WHERE code = :code",
)


def _residents(session: Session, household: str) -> tuple[Any, Any]:
    """Return the eldest of a household and a child, who is made where there is none: ``id`` and ``key`` of each."""
    at = {"code": household}
    found = "SELECT r.id, r.key, r.birth_year FROM residents r JOIN households h ON h.id = r.household_id WHERE h.code = :code"
    people = session.execute(text(f"{found} ORDER BY r.birth_year DESC, r.id"), at).all()
    born = "INSERT INTO residents (key, household_id, birth_year) SELECT 'child', id, 2020 FROM households WHERE code = :code RETURNING id, key"
    young = people[0] if people[0].birth_year == 2020 else session.execute(text(born), at).one()
    return people[-1], young


def _hide_elder(session: Session, elder: Any, name: str, phone: str, id_number: str) -> None:
    vault = vault_of(session)
    session.execute(
        text(
            "UPDATE residents SET name = :name, phone_sealed = :phone, id_number_sealed = :number, phone_hash = :phone_hash, "
            "id_number_hash = :number_hash WHERE id = :id"
        ),
        {
            "id": elder.id,
            "name": name,
            "phone": vault.seal_one("residents.phone_sealed", elder.key, phone),
            "number": vault.seal_one("residents.id_number_sealed", elder.key, id_number),
            "phone_hash": vault.search.phone(phone),
            "number_hash": vault.search.id_number(id_number),
        },
    )


def _hide_child(session: Session, child: Any, name: str, born: str, guardian: str, phone: str) -> None:
    session.execute(
        text(
            "UPDATE residents SET name = :name, birth_date = CAST(:born AS date), birth_year = 2019, guardian_name = :guardian, "
            "guardian_phone_sealed = :phone WHERE id = :id"
        ),
        {
            "id": child.id,
            "name": name,
            "born": born,
            "guardian": guardian,
            "phone": vault_of(session).seal_one("residents.guardian_phone_sealed", child.key, phone),
        },
    )


def _add_contact(session: Session, household: str, name: str, unit: str, phone: str) -> int:
    at = {"code": household, "name": name, "unit": unit}
    made: int = session.execute(
        text(
            "INSERT INTO contacts (name, organisation, grid_id) SELECT :name, :unit, grid_id FROM households WHERE code = :code RETURNING id"
        ),
        at,
    ).scalar_one()
    session.execute(
        text(
            "INSERT INTO household_contacts (household_id, contact_id, valid_from) SELECT id, :contact, '2026-01-01' FROM households "
            "WHERE code = :code"
        ),
        {**at, "contact": made},
    )
    _seal_phone(session, "contacts", made, phone)
    return made


def _add_chief(session: Session, household: str, name: str, phone: str) -> int:
    made: int = session.execute(
        text(
            "INSERT INTO building_chiefs (building_id, name, valid_from) SELECT building_id, :name, '2026-01-01' FROM households "
            "WHERE code = :code RETURNING id"
        ),
        {"code": household, "name": name},
    ).scalar_one()
    _seal_phone(session, "building_chiefs", made, phone)
    return made


def _seal_phone(session: Session, table: str, identity: int, phone: str) -> None:
    sealed = {"id": identity, "phone": vault_of(session).seal_one(f"{table}.phone_sealed", str(identity), phone)}
    session.execute(text(f"UPDATE {table} SET phone_sealed = :phone WHERE id = :id"), sealed)


def _seed_casework(session: Session, household: str, secrets: list[str]) -> tuple[str, str]:
    """Put in a visit, a need that was met, and a dispute; return the numbers of the last two."""
    visited, result, title, said = secrets
    at = {"code": household}
    session.execute(
        text(
            "INSERT INTO visits (household_id, visited_on, outcome, note, visited_by) SELECT id, '2026-01-02', 'met', :note, 'worker' "
            "FROM households WHERE code = :code"
        ),
        {**at, "note": visited},
    )
    need = session.execute(
        text(
            "INSERT INTO needs (household_id, service, opened_on, closed_on, result) SELECT id, 'health', '2026-01-01', '2026-01-02', :result "
            "FROM households WHERE code = :code RETURNING id"
        ),
        {**at, "result": result},
    ).scalar_one()
    event = session.execute(
        text(
            "INSERT INTO events (kind, title, severity, geometry, lon, lat, grid_id, reported_on) SELECT 'dispute', :title, 'ordinary', geometry, "
            "lon, lat, grid_id, '2026-01-02' FROM households WHERE code = :code RETURNING id"
        ),
        {**at, "title": title},
    ).scalar_one()
    session.execute(
        text(
            "INSERT INTO event_steps (event_id, account, to_state, note) VALUES (:event, 'worker', 'reported', :note)"
        ),
        {"event": event, "note": said},
    )
    return str(need), str(event)


def disguises(secret: str) -> Iterator[bytes]:
    """Give a secret in the encodings in which it could leave the house unrecognised."""
    plain = secret.encode()
    yield plain
    for encoding in ("gb18030", "utf-16-le", "utf-16-be"):
        yield secret.encode(encoding)
    yield quote(secret, safe="").encode()
    yield quote_plus(secret.encode("gb18030"), safe="").encode()
    yield json.dumps(secret).strip('"').encode()
    yield "".join(f"&#{ord(c)};" for c in secret).encode()
    yield "".join(f"&#x{ord(c):x};" for c in secret).encode()
    yield plain.hex().encode()
    yield secret[::-1].encode()
    for shift in range(3):  # base64 looks different at each place within three bytes
        coded = base64.b64encode(b"\0" * shift + plain + b"\0" * 4)
        yield coded[4 * (shift > 0) : 4 * ((shift + len(plain)) // 3)]
    if secret.isdigit():
        yield f"{secret[:3]} {secret[3:7]} {secret[7:]}".encode()
        yield f"{secret[:3]}-{secret[3:7]}-{secret[7:]}".encode()
        yield f"+86{secret}".encode()


class Search:
    """Looks for secrets in whatever has left the service."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.needles = [
            (secret, each.lower()) for secret in secrets for each in dict.fromkeys(disguises(secret)) if len(each) > 5
        ]

    def found_in(self, content: bytes) -> set[str]:
        """Return the secrets that are there, plain or disguised, compressed or not."""
        found = set()
        for each in _layers(content):
            lower = each.lower()
            found |= {secret for secret, needle in self.needles if needle in lower}
        return found


def _layers(content: bytes) -> Iterator[bytes]:
    yield content
    if b"%" in content:
        yield unquote_to_bytes(content)
    if content[:2] == b"\x1f\x8b":
        yield from _layers(gzip.decompress(content))
    if content[:5] == b"%PDF-":  # its texts are in compressed streams
        for part in content.split(b"stream")[1:]:
            try:
                yield zlib.decompress(part.strip(b"\r\n"))
            except zlib.error:
                continue
