"""Fifty workers at once, reading and writing files through the real program: no error, no foreign row, no lost update.

``LOAD_TEST_S`` says for how long, in seconds; ``make load`` takes a minute.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gis.services.audit import verify
from gis.services.sign_ins import digest
from gis.store.session import Store
from tests.api.serving import serving
from tests.gis.services.conftest import add_household, box

WORKERS = 50
GRIDS = 25
"""Two workers to a grid, so that they meet on the same files."""
HOMES = 6
SHORT_S = 8.0


@dataclass
class Tally:
    """What all workers together have seen."""

    calls: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    """Acknowledged writes of each household and resident."""
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def fault(self, what: str) -> None:
        if len(self.faults) < 20:
            self.faults.append(what)


@pytest.fixture
def quarter(place: Store) -> tuple[Store, list[tuple[str, str]]]:
    """Give a place of 25 grids in a row, with two workers each; return it with (token, grid) of every worker."""
    tokens = []
    with place.owner_session() as session:
        for number in range(GRIDS):
            code, west = f"539901001001{number + 100}", 10_000 + 200 * number
            session.execute(
                text(
                    "INSERT INTO grids (code, name, community_id, geometry) SELECT :code, :code, id, ST_Multi(ST_GeomFromText(:wkt, 4326)) "
                    "FROM areas WHERE level = 'community'"
                ),
                {"code": code, "wkt": box(west, 0, west + 200, 200).wkt},
            )
            for home in range(HOMES):
                name = f"L{number:02d}-{home}"
                add_household(session, name, "B1", 1, 0)
                session.execute(
                    text(
                        "UPDATE households SET grid_id = (SELECT id FROM grids WHERE code = :grid), grid_reason = NULL, room = '0' "
                        "WHERE code = :name"
                    ),
                    {"grid": code, "name": name},
                )
                session.execute(
                    text(
                        "UPDATE residents SET name = '0' FROM households h WHERE h.id = household_id AND h.code = :name"
                    ),
                    {"name": name},
                )
            for who in "ab":
                token = secrets.token_urlsafe()
                account = session.execute(
                    text("INSERT INTO accounts (name, password_hash, role) VALUES (:name, '', 'worker') RETURNING id"),
                    {"name": f"w{number}{who}"},
                ).scalar_one()
                session.execute(
                    text(
                        "INSERT INTO account_grids (account_id, grid_id) SELECT :account, id FROM grids WHERE code = :grid"
                    ),
                    {"account": account, "grid": code},
                )
                session.execute(
                    text(
                        "INSERT INTO sessions (account_id, token_digest, expires_at) VALUES (:account, :digest, now() + interval '1 h')"
                    ),
                    {"account": account, "digest": digest(token)},
                )
                tokens.append((token, code))
    assert len(tokens) == WORKERS
    return place, tokens


async def call(
    client: httpx.AsyncClient, tally: Tally, method: str, path: str, expected: set[int], **more: Any
) -> httpx.Response:
    clock = asyncio.get_running_loop().time
    began = clock()
    answered = await client.request(method, path, **more)
    tally.slowest_s = max(tally.slowest_s, clock() - began)
    tally.calls[f"{method} {answered.status_code}"] += 1
    if answered.status_code not in expected:
        tally.fault(f"{method} {path} {answered.status_code} {answered.text[:200]}")
    return answered


async def add_one(client: httpx.AsyncClient, tally: Tally, path: str, key: str, now: str, tag: str) -> None:
    """Write the number that was read, and one more: only If-Match keeps two workers from writing the same one."""
    answered = await call(
        client, tally, "PATCH", path, {200, 412}, json={key: str(int(now) + 1)}, headers={"If-Match": tag}
    )
    if answered.status_code == 200:
        tally.written[path] += 1


async def work(client: httpx.AsyncClient, grid: str, until: float, tally: Tally, dice: random.Random) -> None:
    number = int(grid[-3:]) - 100
    own = [f"L{number:02d}-{home}" for home in range(HOMES)]
    async with client:
        while True:
            listed = (await call(client, tally, "GET", "/api/households", {200})).json()["items"]
            if [each["code"] for each in listed] != own or {each["grid"] for each in listed} != {grid}:
                tally.fault(f"{grid} was given {[each['code'] for each in listed]}")
            code = dice.choice(own)
            read = await call(client, tally, "GET", f"/api/households/{code}", {200})
            file = read.json()
            if file.get("grid") != grid:
                tally.fault(f"{grid} opened a file of {file.get('grid')}")
            await add_one(client, tally, f"/api/households/{code}", "room", file["room"], read.headers["etag"])
            person = dice.choice(file["residents"])
            path = f"/api/residents/{person['id']}"
            await add_one(client, tally, path, "name", person["name"], f'"{person["version"]}"')
            foreign = f"L{(number + dice.randrange(1, GRIDS)) % GRIDS:02d}-{dice.randrange(HOMES)}"
            await call(client, tally, "GET", f"/api/households/{foreign}", {404})
            await call(
                client,
                tally,
                "PATCH",
                f"/api/households/{foreign}",
                {404},
                json={"room": "stolen"},
                headers={"If-Match": '"1"'},
            )
            if asyncio.get_running_loop().time() > until:
                return


async def all_at_once(base: str, tokens: list[tuple[str, str]], seconds: float) -> Tally:
    tally = Tally()
    clients = [  # made beforehand: each reads the machine's certificates otherwise, which takes longer than many requests
        (httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=60, verify=False), grid)
        for token, grid in tokens
    ]
    until = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(
        *(work(client, grid, until, tally, random.Random(number)) for number, (client, grid) in enumerate(clients))
    )
    return tally


def test_fifty_workers_at_once(quarter: tuple[Store, list[tuple[str, str]]], record_property: Any) -> None:
    store, tokens = quarter
    seconds = float(os.environ.get("LOAD_TEST_S", SHORT_S))
    with serving(store) as served:
        tally = asyncio.run(all_at_once(served.base, tokens, seconds))
    total = sum(tally.calls.values())
    told = f"{total} calls in {seconds:.0f} s, slowest {tally.slowest_s:.2f} s: {dict(sorted(tally.calls.items()))}"
    record_property("load", told)
    sys.stdout.write(f"\n{told}\n")
    assert tally.faults == []
    assert total >= WORKERS * 6
    with store.owner_session() as session:
        rooms = session.execute(text("SELECT code, room::int FROM households WHERE code LIKE 'L%'")).all()
        names = session.execute(
            text(
                "SELECT r.id, r.name::int FROM residents r JOIN households h ON h.id = r.household_id WHERE h.code LIKE 'L%'"
            )
        ).all()
        stored = {f"/api/households/{code}": room for code, room in rooms} | {
            f"/api/residents/{each}": n for each, n in names
        }
        # Every acknowledged write is there, and no other: what two workers wrote from the same reading was taken once.
        assert {path: count for path, count in stored.items() if count} == dict(tally.written)
        assert tally.calls["PATCH 200"] == sum(tally.written.values()) > 0
        changes = session.scalar(text("SELECT count(*) FROM history WHERE account LIKE 'w%'"))
        assert changes == sum(tally.written.values())
        checked = verify(session.connection())
        assert (checked.fault, checked.bad_id) == (None, None)
        read = session.scalar(text("SELECT count(*) FROM audit_log WHERE action = 'household.read'"))
        assert read >= tally.calls["GET 200"] / 2
