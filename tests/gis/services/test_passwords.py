from __future__ import annotations

import pytest

from gis.errors import Invalid
from gis.services.passwords import check_password, hash_password, make_password, verify_password


@pytest.mark.parametrize("password", ["correct horse battery", "一二三四五六七八九十壹", "x9-x9-q7-zz", "administer-7"])
def test_good_ones(password: str) -> None:
    check_password("admin", password)


@pytest.mark.parametrize(
    ("name", "password", "rule"),
    [
        ("anna", "shorter", "at least 8"),
        ("anna", "", "at least 8"),
        ("anna", "x" * 10, "too common"),
        ("anna", "Password123", "too common"),
        ("anna", "1212121212", "too common"),
        ("anna.smith9", "Anna.Smith9", "account's name"),
        ("anna.smith9", "9htims.anna", "account's name"),
        ("anna", "ab" + "cd" * 100, "at most 200"),
    ],
)
def test_bad_ones(name: str, password: str, rule: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_password(name, password)
    assert rule in caught.value.detail
    assert not password or password not in caught.value.detail
    assert caught.value.faults[0].where == "password"


def test_kept_as_argon2_and_never_twice_the_same() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first.startswith("$argon2id$")
    assert first != second
    assert verify_password("correct horse", first) == (True, None)
    assert verify_password("Correct horse", first) == (False, None)


def test_nobodys_password_is_always_wrong() -> None:
    assert verify_password("anything", None) == (False, None)


def test_hashes_of_older_parameters_are_renewed() -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
    right, newer = verify_password("correct horse", old)
    assert right
    assert newer is not None
    assert verify_password("correct horse", newer) == (True, None)
    assert verify_password("wrong", old) == (False, None)


def test_made_up_ones_pass_their_own_rules() -> None:
    made = {make_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        check_password("admin", password)
        assert password.isascii()
