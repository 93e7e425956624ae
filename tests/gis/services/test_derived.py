"""Derived values: used again for the very same snapshots only; the longest unused goes."""

from gis.services.derived import Derived, derived


class _Snapshot:
    pass


def test_a_value_is_used_again_for_the_same_objects_only() -> None:
    kept, one, other = Derived(), _Snapshot(), _Snapshot()
    made: list[object] = []

    def make() -> int:
        made.append(object())
        return len(made)

    assert [kept.of("k", (one,), make), kept.of("k", (one,), make)] == [1, 1]
    assert kept.of("k", (other,), make) == 2
    assert kept.of("k", (one,), make) == 3, "what belongs to other objects has taken its place"
    assert kept.of("l", (one,), make) == 4


def test_only_missing_values_are_made_and_the_longest_unused_goes() -> None:
    kept = Derived(most=2)
    asked: list[list[int]] = []

    def make(missing: list[int]) -> list[str]:
        asked.append(missing)
        return [f"v{i}" for i in missing]

    assert kept.many(["a", "b"], (), make) == ["v0", "v1"]
    assert kept.many(["b", "c"], (), make) == ["v1", "v1"]
    assert kept.many(["b"], (), make) == ["v1"]
    assert kept.many(["a"], (), make) == ["v0"]
    assert asked == [[0, 1], [1], [0]]


def test_each_set_of_snapshots_has_its_own() -> None:
    one, other = _Snapshot(), _Snapshot()
    assert derived(one) is derived(one)
    assert derived(one) is not derived(other)
